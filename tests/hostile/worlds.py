"""The small worlds that cases begin with: built once, and copied for each case."""

import json
import shutil
import zlib
from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np

from commissure import Domain
from tests.conftest import ball_image
from tests.hostile.harness import World, run
from tests.study import studies

SETTINGS = """\
[quality]
least_volumes = 10
least_df = 0
[cfh]
noise_floor = 0
[variants]
noGSR = false
[group]
formula = "group + age"
contrast = "group[patient] - group[control]"
mean_fd_covariate = false
clinical = ["score"]
within = "patient"
n_permutations = 30
statistics = ["size", "mass"]
atlas = "none"
"""
RUN = ["run", "{in}", "{out}", "all", "--config", "{root}/study.toml", "--quiet"]
N_MAPS = 12
TIMES = [0.0, 1.0, 0.5, 1.5]


def bystanders(root: Path) -> None:
    """Write what has nothing to do with the study and must stay as it is."""
    (root / "letters").mkdir(parents=True)
    (root / "letters" / "to_mother.txt").write_text("Dear mother\n")
    (root / "letters" / "link").symlink_to("to_mother.txt")
    (root / "study.toml").write_text(SETTINGS)


def study(root: Path) -> list[str]:
    """Clean derivatives of six people."""
    studies.write_derivatives(root / "in")
    return RUN


def table(root: Path) -> list[str]:
    """Write the same as a table of files."""
    (root / "in" / "scans").mkdir(parents=True)
    lines = ["participant_id\tpath"]
    for i in range(1, 7):
        studies.save_series(studies.series_of(i), root / "in" / "scans" / f"{i}.nii.gz")
        lines.append(f"sub-{i:02d}\tscans/{i}.nii.gz")
    (root / "in" / "files.tsv").write_text("\n".join(lines) + "\n")
    studies.write_participants(root / "in", 6)
    more = f'[input]\ntr = 2.0\nspace = "{studies.SPACE}"\n'
    (root / "study.toml").write_text(more + SETTINGS)
    return [a.replace("{in}", "{in}/files.tsv") for a in RUN]


def maps(root: Path) -> list[str]:
    """Maps of twelve people, a mask and their table."""
    folder = root / "in"
    folder.mkdir(parents=True)
    domain = Domain.from_mask(ball_image(), both_sides=False)
    rng = np.random.default_rng(3)
    people, rows = ["participant_id\tgroup\tage\tsex\tscore"], ["participant_id\tpath"]
    for i in range(1, N_MAPS + 1):
        who, patient = f"sub-{i:02d}", i <= N_MAPS // 2
        name = f"{who}_space-MNI152NLin2009aSym_stat-cfh_boldmap.nii.gz"
        values = 1 + rng.standard_normal(domain.n_places) / 10
        nib.save(domain.to_image(values.astype(np.float32)), folder / name)
        rows.append(f"{who}\t{name}")
        score = rng.integers(1, 30) / 2 if patient else "n/a"
        age = 40 + rng.integers(0, 200) / 10
        people.append(
            f"{who}\t{'patient' if patient else 'control'}\t{age}\t{'FM'[i % 2]}\t{score}"
        )
    (folder / "maps.tsv").write_text("\n".join(rows) + "\n")
    (folder / "participants.tsv").write_text("\n".join(people) + "\n")
    nib.save(ball_image(), folder / "mask.nii.gz")
    files = ["--maps", "{in}/maps.tsv", "--participants", "{in}/participants.tsv"]
    model = ["--formula", "group + age", "--contrast", "group[patient] - group[control]"]
    how = ["--n-permutations", "40", "--atlas", "none", "--statistics", "size", "--quiet"]
    return ["stats", *files, "--mask", "{in}/mask.nii.gz", "-o", "{out}", *model, *how]


def scan(root: Path) -> list[str]:
    """Write a clean scan and a mask."""
    folder = root / "in"
    folder.mkdir(parents=True)
    domain = Domain.from_mask(ball_image())
    rng = np.random.default_rng(4)
    shared = rng.standard_normal((domain.n_places, 3)) @ rng.standard_normal((3, 40))
    img = domain.to_image((shared + rng.standard_normal(shared.shape)).astype(np.float32))
    img.header.set_zooms((*img.header.get_zooms()[:3], 2.0))
    img.header.set_xyzt_units("mm", "sec")
    nib.save(img, folder / "sub-01_space-MNI152NLin6Asym_bold.nii.gz")
    nib.save(ball_image(), folder / "mask.nii.gz")
    bold = "{in}/sub-01_space-MNI152NLin6Asym_bold.nii.gz"
    return ["cfh", bold, "--mask", "{in}/mask.nii.gz", "-o", "{out}", "--quiet"]


def raw_image(path: Path, shape: tuple[int, ...] = (5, 4, 4, 24), tr: float = 2.0) -> None:
    """Write a raw image of a few voxels, one of its own for each name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    affine = np.diag([3.0, 3.0, 4.0, 1.0])
    values = np.random.default_rng(zlib.crc32(path.name.encode())).integers(1, 9, shape)
    img = nib.Nifti1Image(values.astype(np.int16), affine)
    img.set_sform(affine, 1)
    img.set_qform(affine, 1)
    if len(shape) == 4:
        img.header.set_zooms((3, 3, 4, tr))
    img.header.set_xyzt_units("mm", "sec")
    img.to_filename(path)


def raw(root: Path) -> list[str]:
    """Headers of a raw dataset: nothing that could be computed."""
    folder = root / "in"
    folder.mkdir(parents=True)
    about = {"Name": "x", "BIDSVersion": "1.10.0", "DatasetType": "raw"}
    (folder / "dataset_description.json").write_text(json.dumps(about))
    for i in range(1, 7):
        stem = folder / f"sub-{i:02d}"
        raw_image(stem / "func" / f"sub-{i:02d}_task-rest_bold.nii.gz")
        raw_image(stem / "anat" / f"sub-{i:02d}_T1w.nii.gz", (5, 4, 4))
    sidecar = {"RepetitionTime": 2.0, "TaskName": "rest", "SliceTiming": TIMES}
    (folder / "task-rest_bold.json").write_text(json.dumps(sidecar))
    studies.write_participants(folder, 6)
    return [*RUN, "--set", "preprocessing.n_trim=2"]


def dpabi(root: Path) -> list[str]:
    """The clean study as DPABI leaves it."""
    studies.write_dpabi(root / "in")
    more = f'[input]\ntr = 2.0\nspace = "{studies.SPACE}"\n'
    (root / "study.toml").write_text(more + SETTINGS)
    return RUN


def finished(root: Path) -> list[str]:
    """Clean derivatives that have been through everything once."""
    arguments = study(root)
    bystanders(root)
    said = run(World(root, list(arguments)))
    assert said.code == 0, said.err
    return arguments


MAKERS: dict[str, Callable[[Path], list[str]]] = {
    make.__name__: make for make in (study, table, maps, scan, raw, dpabi, finished)
}


class Worlds:
    """Makes copies of worlds, each of which is built once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._arguments: dict[str, list[str]] = {}

    def copy(self, kind: str, root: Path) -> World:
        template = self._folder / kind
        if kind not in self._arguments:
            self._arguments[kind] = MAKERS[kind](root)
            if not (root / "letters").exists():
                settings = root / "study.toml"
                kept = settings.read_text() if settings.exists() else SETTINGS
                bystanders(root)
                settings.write_text(kept)
            shutil.move(root, template)
        shutil.copytree(template, root, symlinks=True)
        return World(root, list(self._arguments[kind]))
