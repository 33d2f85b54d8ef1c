"""Maps, scans and values that were mixed up: one for another, one kind for another, codes for values."""

import re

import nibabel as nib
import numpy as np
import pandas as pd

from tests.hostile.harness import World, both, demand, refused, told, works
from tests.hostile.images import GRID, resave
from tests.hostile.tables import cell, maps_text, six_scans, then

MAP = "in/sub-{:02d}_space-MNI152NLin2009aSym_stat-cfh_boldmap.nii.gz"
FILES = "in/files.tsv"
SHIFTED = ("shifted",)
COMPARED = ("different", "compared")


def files(edit):
    """Edit the table of files as a data frame of text."""

    def change(world: World) -> None:
        table = pd.read_csv(world.path(FILES), sep="\t", dtype=str)
        edited = edit(table)
        world.write(FILES, (table if edited is None else edited).to_csv(sep="\t", index=False))

    return change


def shifted(table: pd.DataFrame) -> pd.DataFrame:
    return table.assign(path=[*table["path"][1:], table["path"][0]])


def named_and_shifted(folder: str):
    """Call the scans after their participants, and give each the next one's."""

    def change(world: World) -> None:
        for i in range(1, 7):
            target = world.path(f"in/scans/{folder.format(i)}")
            target.parent.mkdir(exist_ok=True)
            world.path(f"in/scans/{i}.nii.gz").rename(target)
        files(lambda t: t.assign(path=[f"scans/{folder.format(i)}" for i in range(1, 7)]))(world)
        files(shifted)(world)

    return change


def ids(form: str):
    """Call the participants otherwise, in both tables."""

    def change(world: World) -> None:
        for name in (FILES, "in/participants.tsv"):
            text = world.path(name).read_text()
            world.write(name, re.sub(r"sub-0(\d)", lambda m: form.format(int(m[1])), text))

    return change


def numbered_sites(world: World) -> None:
    """People called 1 to 6, whose scans lie in the folders of sites 1 and 2."""
    ids("{}")(world)
    for i in range(1, 7):
        target = world.path(f"in/{1 + i % 2}/{i}.nii.gz")
        target.parent.mkdir(exist_ok=True)
        world.path(f"in/scans/{i}.nii.gz").rename(target)
    files(lambda t: t.assign(path=[f"{1 + i % 2}/{i}.nii.gz" for i in range(1, 7)]))(world)


def all_clean(world: World) -> None:
    """Maps whose names say how their scans were cleaned."""
    for path in world.path("in").glob("*_boldmap.nii.gz"):
        path.rename(path.with_name(path.name.replace("_boldmap", "_desc-clean_boldmap")))
    maps_text(lambda t: t.replace("_boldmap", "_desc-clean_boldmap"))(world)


def of_two_kinds(old: str, new: str):
    """Two maps of another kind by their names."""

    def change(world: World) -> None:
        for i in (3, 9):
            (path,) = world.path("in").glob(f"sub-{i:02d}_*")
            path.rename(path.with_name(path.name.replace(old, new)))
        rows = [
            line.replace(old, new) if line.startswith(("sub-03", "sub-09")) else line
            for line in world.path("in/maps.tsv").read_text().splitlines()
        ]
        world.write("in/maps.tsv", "\n".join(rows) + "\n")

    return change


def swapped(text: str) -> str:
    """The names of two participants, but not their files."""
    text = text.replace("sub-01\t", "sub-x\t").replace("sub-02\t", "sub-01\t")
    return text.replace("sub-x\t", "sub-02\t")


def values(function, *numbers: int):
    """Edit the data of maps, which stay float."""

    def edit(img):
        return nib.Nifti1Image(function(img.get_fdata()), img.affine)

    return both(*(resave(MAP.format(i), edit) for i in numbers or range(1, 13)))


def right_of(code: float):
    """Put a code where x is high."""
    return values(lambda d: np.where(np.arange(11)[:, None, None] > 7, code, d), 1)


def one_volume(img):
    return nib.Nifti1Image(np.asarray(img.dataobj)[..., None], img.affine)


def sessions_of(*numbers: int):
    """Some have folders of sessions, and the others none."""

    def change(world: World) -> None:
        for i in numbers:
            folder = world.path(f"in/sub-{i:02d}")
            (folder / "ses-pre").mkdir()
            (folder / "func").rename(folder / "ses-pre" / "func")
            for path in (folder / "ses-pre" / "func").iterdir():
                path.rename(path.with_name(path.name.replace("_task", "_ses-pre_task")))

    return change


def off_by(mm: float):
    def edit(img):
        affine = img.affine.copy()
        affine[0, 3] += mm
        return nib.Nifti1Image(np.asarray(img.dataobj), affine)

    return resave(MAP.format(1), edit)


CASES = (
    refused("maps-of-two-swapped", "maps", maps_text(swapped), ["maps.tsv", "sub-01", "sub-02"], SHIFTED, lines=1),
    refused("rows-shifted", "table", named_and_shifted("sub-{:02d}_bold.nii.gz"), ["files.tsv", "sub-01", "sub-02"], SHIFTED, lines=1),
    refused("rows-shifted-by-folder", "table", named_and_shifted("sub-{:02d}/bold.nii.gz"), ["files.tsv", "sub-01", "sub-02"], SHIFTED, lines=1),
    refused("rows-shifted-of-dpabi", "table", both(named_and_shifted("Filtered_Sub_{:03d}.nii.gz"), ids("Sub_{:03d}")), ["files.tsv", "Sub_001", "Sub_002"], SHIFTED, lines=1),
    works("sites-are-numbered-as-people", "table", numbered_sites, six_scans),
    refused("maps-of-two-measures", "maps", of_two_kinds("stat-cfh", "stat-vmhc"), ["maps.tsv", "vmhc", "sub-03", "sub-09"], COMPARED, lines=1),
    refused("maps-in-two-spaces", "maps", of_two_kinds("NLin2009aSym", "NLin6Asym"), ["maps.tsv", "MNI152NLin6Asym", "sub-03"], COMPARED, lines=1),
    refused("maps-cleaned-in-two-ways", "maps", both(all_clean, of_two_kinds("-clean_", "-cleanNoGSR_")), ["maps.tsv", "cleanNoGSR"], COMPARED, lines=1),
    refused("scans-in-two-spaces", "table", files(lambda t: t.assign(space=["MNI152NLin2009cAsym"] * 3 + ["MNI152NLin6Asym"] * 3)), ["MNI152NLin6Asym", "sub-04"], ("different spaces",), lines=1),
    refused("space-in-small-letters", "table", files(lambda t: t.assign(space="mni152nlin2009asym")), ["mni152nlin2009asym", "MNI152NLin2009aSym"], ("meant",), lines=1),
    refused("space-of-the-person", "table", files(lambda t: t.assign(space="T1w")), ["T1w", "mask"], ("prior",), lines=1),
    refused("column-in-capitals", "table", files(lambda t: t.assign(TR="3.0")), ["files.tsv", "TR"], ("meant",), lines=1),
    refused("column-session", "table", files(lambda t: t.assign(session="1")), ["files.tsv", "session_id"], ("meant",), lines=1),
    works("column-of-others", "table", files(lambda t: t.assign(trt="a", age=40)), six_scans),
    works("map-of-one-volume-in-4d", "maps", resave(MAP.format(1), one_volume), lambda w, s: demand((w.out / "stats.json").exists(), "none")),
    refused("t1w-with-a-fourth-axis", "raw", resave("in/sub-01/anat/sub-01_T1w.nii.gz", one_volume), ["sub-01_T1w"], ("3 dimensions",), lines=1),
    refused("maps-too-large-to-be-squared", "maps", values(lambda d: d * 1e300), ["sub-01"], ("beyond",), lines=1),
    told("map-with-a-code-for-no-data", "maps", right_of(-9999.0), ["sub-01", "-9999"], ("without data",)),
    told("map-with-a-near-code-for-no-data", "maps", right_of(-3.0), ["sub-01", "-3"], ("without data",)),
    refused("map-a-hair-off", "maps", off_by(0.004), ["sub-01", "0.004"], GRID, lines=1),
    told("session-of-one-only", "study", sessions_of(1), ["sub-01"], ("different sessions",), six_scans),
    told("sessions-of-patients-only", "study", sessions_of(1, 3, 5), ["sub-02"], ("different sessions",), six_scans),
    refused("score-with-a-word", "maps", then(cell("score", 2, "missing"), "--clinical", "score", "--within", "patient"), ["score", "missing"], ("n/a",), lines=1),
)  # fmt: skip
