"""What was planted in headers, sidecars, unused columns and paths is in no output file."""

import gzip
import json
import os
import shutil
import zipfile

import nibabel as nib
import numpy as np
import pandas as pd
import pytest

from commissure.cli import main
from commissure.simulation import Acquisition, simulate_study
from tests.study.studies import AFFINE, CHANGES, SHAPE, domain, write_derivatives, write_dpabi

PLANTED = {
    "path": "jane.roe",
    "descrip": "ROE^JANE",
    "db_name": "DBROE",
    "aux_file": "auxroe.mat",
    "intent_name": "INTENTROE",
    "extension": "EXTENSIONROE",
    "PatientName": "Roe^Jane^Sidecar",
    "InstitutionName": "Clinic on the Hill",
    "AcquisitionDateTime": "2019-07-30T11:12:13",
    "DeviceSerialNumber": "SN-998877",
    "birthday": "1975-03-12",
    "notes": "lives in Elm Street",
}


def plant_in_header(path):
    img = nib.load(path, mmap=False)
    img = nib.Nifti1Image(np.asarray(img.dataobj), img.affine, img.header)
    for name in ("descrip", "db_name", "aux_file", "intent_name"):
        img.header[name] = PLANTED[name].encode()
    text = PLANTED["extension"].encode()
    img.header.extensions.append(nib.nifti1.Nifti1Extension("comment", text))
    nib.save(img, path)


def plant(folder):
    """Put into a study what people find in theirs."""
    for path in [*folder.rglob("*.nii.gz"), *folder.rglob("*.nii")]:
        plant_in_header(path)
        sidecar = path.with_name(path.name.partition(".nii")[0] + ".json")
        content = json.loads(sidecar.read_text()) if sidecar.exists() else {"RepetitionTime": 2.0}
        personal = ("PatientName", "InstitutionName", "AcquisitionDateTime", "DeviceSerialNumber")
        sidecar.write_text(json.dumps(content | {name: PLANTED[name] for name in personal}))
    people = folder / "participants.tsv"
    table = pd.read_csv(people, sep="\t", dtype=str)
    table = table.assign(birthday=PLANTED["birthday"], notes=PLANTED["notes"])
    table.to_csv(people, sep="\t", index=False, na_rep="n/a")
    return folder


def leaks(out):
    """Return which planted words are in which files, or in their names."""
    found = []
    for path in sorted(p for p in out.rglob("*") if p.is_file()):
        content = path.read_bytes()
        if path.suffix == ".gz":
            content = gzip.decompress(content)
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                content = b"\n".join(archive.read(name) for name in archive.namelist())
        content += os.fsencode(path.relative_to(out))
        found += [
            (what, str(path.relative_to(out)))
            for what, text in PLANTED.items()
            if text.encode() in content
        ]
    return found


@pytest.fixture
def home(tmp_path, monkeypatch):
    home = tmp_path / "home" / PLANTED["path"]
    home.mkdir(parents=True)
    mask = nib.Nifti1Image(np.zeros(SHAPE, np.uint8), AFFINE)
    inside = domain().to_image(np.ones(domain().n_places, np.float32))
    mask = nib.Nifti1Image(np.asarray(inside.dataobj).astype(np.uint8), inside.affine)
    nib.save(mask, home / "mask.nii.gz")
    plant_in_header(home / "mask.nii.gz")
    nib.save(mask, home / "roi.nii.gz")
    return home


def options(home):
    lines = ["[quality]", "least_volumes = 10", "least_df = 0", "[group]"]
    lines += ['formula = "group + age"', 'contrast = "group[patient] - group[control]"']
    lines += ["mean_fd_covariate = false", 'clinical = ["score"]', 'atlas = "none"']
    lines += [f"n_permutations = {CHANGES['group']['n_permutations']}", 'within = "patient"']
    lines += ['statistics = ["size", "mass"]', f'rois = ["mine={home}/roi.nii.gz"]']
    lines += ["[cfh]", f'mask = "{home}/mask.nii.gz"']
    (home / "study.toml").write_text("\n".join(lines))
    return ["--config", str(home / "study.toml"), "--n-procs", "2", "--quiet"]


@pytest.mark.parametrize("write", [write_derivatives, write_dpabi])
def test_nothing_of_a_person_or_of_a_computer_reaches_a_study(home, tmp_path, write):
    folder = plant(write(home / "a study"))
    out = tmp_path / "out"
    more = ["--space", "MNI152NLin2009aSym"] if write is write_dpabi else []
    more += ["--set", "input.tr=2"] if write is write_dpabi else []
    assert main(["run", str(folder), str(out), "all", *options(home), *more]) == 0
    assert (out / "report.html").exists()
    assert leaks(out) == []
    # It is still the same study, when the input has moved too.
    moved = folder.rename(home / "moved")
    assert main(["run", str(moved), str(out), "all", *options(home), *more]) == 0
    assert leaks(out) == []


@pytest.mark.slow
def test_nothing_of_a_person_reaches_what_is_made_of_raw_scans(home, tmp_path):
    folder, out = home / "a raw study", tmp_path / "out"
    small = Acquisition(
        n_volumes=130, matrix=(40, 40, 24), voxel_size=(6.0, 6.0, 6.0), t1w_voxel_size=3.0
    )
    simulate_study(folder, 1, 0, 3, acquisition=small)
    shutil.rmtree(folder / "derivatives", ignore_errors=True)
    # Whose choice is told, with its path.
    anat = folder / "sub-01/anat"
    shutil.copy(anat / "sub-01_T1w.nii.gz", anat / "sub-01_run-2_T1w.nii.gz")
    plant(folder)
    few = ["--set", "quality.least_volumes=10", "--set", "quality.least_df=0", "--quiet"]
    assert main(["run", str(folder), str(out), "participant", *few]) == 0
    sidecar = next(out.rglob("*_desc-clean_bold.json"))
    (told,) = [said for said in json.loads(sidecar.read_text())["Warnings"] if "T1w" in said]
    assert told.startswith("sub-01/func/sub-01_task-rest_bold.nii.gz has 2 T1w")
    assert leaks(out) == []


def test_nor_what_is_said_of_a_scan_that_cannot_be_read(home, tmp_path):
    folder = plant(write_derivatives(home / "a study"))
    scan = next((folder / "sub-02").rglob("*.nii.gz"))
    scan.write_bytes(scan.read_bytes()[:-100])
    out = tmp_path / "out"
    assert main(["run", str(folder), str(out), "participant", *options(home)]) == 1
    assert scan.name in (out / "report.html").read_text()
    assert leaks(out) == []


def test_nor_the_files_of_single_commands(home, tmp_path):
    folder = plant(write_derivatives(home / "study"))
    scans = [str(path) for path in sorted(folder.rglob("*_bold.nii.gz"))]
    mask = ["--mask", str(home / "mask.nii.gz")]
    assert main(["cfh", *scans, *mask, "-o", str(home / "maps"), "--quiet"]) == 0
    assert leaks(home / "maps") == []
    maps = sorted((home / "maps").glob("*_stat-cfh_*boldmap.nii.gz"))
    for path in maps:
        plant_in_header(path)
    rows = [f"{path.name.partition('_')[0]}\t{path}" for path in maps]
    (home / "maps.tsv").write_text("\n".join(["participant_id\tpath", *rows]))
    model = ["--formula", "group + age", "--contrast", "group[patient] - group[control]"]
    model += ["--n-permutations", "30", "--atlas", "none", "--roi", f"mine={home}/roi.nii.gz"]
    files = ["--maps", str(home / "maps.tsv"), "--participants", str(folder / "participants.tsv")]
    out = tmp_path / "found"
    assert main(["stats", *files, *mask, *model, "-o", str(out), "--quiet"]) == 0
    assert leaks(out) == []
