"""D: what is nobody's business is in no output."""

import gzip
import json
import zipfile

import nibabel as nib
import numpy as np

from tests.hostile.harness import Said, World, demand, fails, survives, works
from tests.hostile.tables import column, people, then
from tests.study import studies

PLANTED = ("Mustermann", "19620401", "secret-hospital", "0170-1234567")


def texts_of(world: World):
    """Give each output and its content, unpacked."""
    for path in sorted(world.out.rglob("*")):
        if not path.is_file() or ".commissure" in path.relative_to(world.out).parts:
            continue
        raw = path.read_bytes()
        if path.suffix == ".gz":
            raw = gzip.decompress(raw)
        elif path.suffix == ".docx":
            with zipfile.ZipFile(path) as pack:
                raw = b"".join(pack.read(name) for name in pack.namelist())
        yield path.relative_to(world.out), raw


def nothing_of(*words: str):
    def check(world: World, said: Said) -> None:
        found = {
            (str(name), word)
            for name, raw in texts_of(world)
            for word in words
            if word.encode() in raw or word in str(name)
        }
        demand(not found, f"found in outputs: {sorted(found)[:6]}")
        demand(any(True for _ in texts_of(world)), "no outputs")

    return check


def no_paths(world: World, said: Said) -> None:
    nothing_of(str(world.root), str(world.root.resolve()))(world, said)


def plant_in_headers(world: World) -> None:
    for path in world.path("in").rglob("*.nii.gz"):
        img = nib.load(path)
        img = nib.Nifti1Image(np.asarray(img.dataobj), img.affine, img.header)
        img.header["descrip"] = b"Mustermann^Erika 19620401"
        img.header["aux_file"] = b"secret-hospital"
        img.header["intent_name"] = b"Mustermann"
        img.header["db_name"] = b"0170-1234567"
        img.header.extensions.append(nib.nifti1.Nifti1Extension(6, b"Mustermann^Erika"))
        nib.save(img, path)


def plant_in_sidecars(world: World) -> None:
    for path in world.path("in").rglob("*_bold.json"):
        content = json.loads(path.read_text())
        content |= {"PatientName": "Mustermann^Erika", "PatientBirthDate": "19620401"}
        content["InstitutionName"] = "secret-hospital"
        path.write_text(json.dumps(content))


def plant_in_about(world: World) -> None:
    about = json.loads(world.path("in/dataset_description.json").read_text())
    about |= {"Authors": ["Erika Mustermann"], "Funding": ["0170-1234567"]}
    about["SourceDatasets"] = [{"URL": "file:///secret-hospital/raw"}]
    world.write("in/dataset_description.json", json.dumps(about))


def plant_in_columns(world: World) -> None:
    people(
        lambda t: t.assign(
            surname="Mustermann", born="19620401", clinic="secret-hospital", phone="0170-1234567"
        )
    )(world)
    content = {"surname": {"Description": "of Erika Mustermann"}, "age": {"Units": "years"}}
    world.write("in/participants.json", json.dumps(content))


def plant_in_scores(world: World) -> None:
    """Somebody whom no map is of has a row too."""
    text = world.path("in/participants.tsv").read_text()
    world.write("in/participants.tsv", text + "sub-Mustermann\tpatient\t50\t7\n")


def no_formulas(world: World, said: Said) -> None:
    """No cell of a table begins with what a spreadsheet would execute."""
    for name, raw in texts_of(world):
        if name.suffix in (".tsv", ".csv"):
            for line in raw.decode().splitlines():
                for cell in line.split("\t"):
                    harmless = not cell.startswith(("=", "+", "@")) or cell[1:2].isdigit()
                    demand(harmless, f"{name} has a cell {cell!r}")
                    dash = cell.startswith("-") and not cell[1:2].isdigit() and len(cell) > 1
                    demand(not dash, f"{name} has a cell {cell!r}")


def level(new: str):
    return then(
        column("group", lambda i, v: new if v == "patient" else v),
        "--contrast", f"group[{new}] - group[control]",
    )  # fmt: skip


def path_in_label(world: World) -> None:
    """The input lies in a folder that has a name in it."""
    target = world.path("Mustermann_Erika/in")
    target.parent.mkdir()
    world.path("in").rename(target)
    world.arguments = [a.replace("{in}", "{root}/Mustermann_Erika/in") for a in world.arguments]


def patient_in_folder(*others):
    """Everything lies in a folder that is called as a clinic would: blanks, a comma, a date."""

    def change(world: World) -> None:
        for one in others:
            one(world)
        folder = "Mustermann, Erika (19620401)/her scans"
        target = world.path(folder)
        target.parent.mkdir()
        world.path("in").rename(target)
        world.arguments = [a.replace("{in}", f"{{root}}/{folder}") for a in world.arguments]

    return change


def one_is_damaged(world: World) -> None:
    """A scan whose values are not finite: why it failed is written down."""
    path = next(world.path("in").rglob("*sub-02*_bold.nii.gz"), world.path("in/scans/2.nii.gz"))
    img = nib.load(path)
    values = img.get_fdata(dtype=np.float32)
    values[..., 3] = np.nan
    nib.save(nib.Nifti1Image(values, img.affine, img.header), path)


def images_clean(world: World, said: Said) -> None:
    nothing_of(*PLANTED)(world, said)
    name = f"sub-02_task-rest_space-{studies.SPACE}_stat-cfh_desc-clean_boldmap.nii.gz"
    header = nib.load(world.out / "sub-02" / "func" / name).header
    demand(not header.extensions, "a header extension is handed on")


CASES = (
    works("headers", "study", plant_in_headers, images_clean),
    works("headers-stats", "maps", plant_in_headers, nothing_of(*PLANTED)),
    works("headers-cfh", "scan", plant_in_headers, nothing_of(*PLANTED)),
    works("sidecars", "study", plant_in_sidecars, nothing_of(*PLANTED)),
    works("about", "study", plant_in_about, nothing_of(*PLANTED)),
    works("unused-columns", "study", plant_in_columns, nothing_of(*PLANTED)),
    works("unused-columns-stats", "maps", plant_in_columns, nothing_of(*PLANTED)),
    works("row-of-nobody", "study", plant_in_scores, nothing_of("Mustermann")),
    works("paths", "study", lambda w: None, no_paths),
    works("paths-of-tables", "table", lambda w: None, no_paths),
    works("paths-stats", "maps", lambda w: None, no_paths),
    works("paths-cfh", "scan", lambda w: None, no_paths),
    works("name-in-a-folder", "study", path_in_label, nothing_of("Mustermann")),
    works("name-with-blanks-in-a-folder", "study", patient_in_folder(), nothing_of(*PLANTED)),
    works("name-with-blanks-of-tables", "table", patient_in_folder(), nothing_of(*PLANTED)),
    works("name-with-blanks-of-dpabi", "dpabi", patient_in_folder(), nothing_of(*PLANTED)),
    works("name-with-blanks-stats", "maps", patient_in_folder(), nothing_of(*PLANTED)),
    works("name-with-blanks-cfh", "scan", patient_in_folder(), nothing_of(*PLANTED)),
    fails("name-with-blanks-and-a-damaged-scan", "study", patient_in_folder(one_is_damaged), ["sub-02"], ("finite",), nothing_of(*PLANTED)),
    fails("name-with-blanks-and-a-damaged-file", "table", patient_in_folder(one_is_damaged), ["sub-02"], ("finite",), nothing_of(*PLANTED)),
    survives("level-is-a-formula", "maps", level("=1+1"), no_formulas),
    survives("level-is-a-link", "maps", level('=HYPERLINK("http://x")'), no_formulas),
    survives("level-begins-with-at", "maps", level("@SUM"), no_formulas),
    survives("level-begins-with-plus", "maps", level("+cmd"), no_formulas),
    survives("level-begins-with-minus", "maps", level("-cmd"), no_formulas),
    survives("score-is-a-formula", "maps", then(people(lambda t: t.rename(columns={"score": "=score"})), "--clinical", "=score", "--within", "patient"), no_formulas),
    survives("region-is-a-formula", "maps", lambda w: w.add("--roi", "=cmd|calc=sphere:9,3,0,5"), no_formulas),
)  # fmt: skip
