"""Tiny clean studies as folders of several kinds, and an executor that needs no processes."""

import json
from pathlib import Path

import nibabel as nib
import numpy as np

from commissure.executors import Outcome
from commissure.inputs import find_participants, read_scans
from commissure.problems import InputError
from commissure.settings.reading import read_settings
from commissure.space import Domain
from commissure.study.participant.domain import grey_mask
from commissure.study.plan import StudyPlan

SPACE = "MNI152NLin2009aSym"
AFFINE = nib.affines.from_matvec(np.diag([12.0, 12, 12]), [-84, -120, -72])
SHAPE = (15, 18, 15)
TR = 2.0
N_VOLUMES = 60
# Small groups: nothing about them is to stop the test.
CHANGES = {
    "quality": {"least_volumes": 10, "least_df": 0},
    "group": {
        "formula": "group + age",
        "contrast": "group[patient] - group[control]",
        "mean_fd_covariate": False,
        "clinical": ["score"],
        "within": "patient",
        "n_permutations": 30,
        "statistics": ["size", "mass"],
        "atlas": "none",
    },
}


def domain():
    return Domain.from_mask(grey_mask(SHAPE, AFFINE, 0.2))


def series_of(number):
    """Return clean series with some coupling between the hemispheres."""
    rng = np.random.default_rng(number)
    places = domain()
    shared = rng.standard_normal((6, N_VOLUMES))
    weights = np.abs(places.coordinates[:, [1]] / 20 - np.linspace(-5, 4, 6)) < 1.5
    return weights @ shared + rng.standard_normal((places.n_places, N_VOLUMES))


def save_series(series, path):
    path.parent.mkdir(parents=True, exist_ok=True)
    img = domain().to_image(series.astype(np.float32))
    img.header.set_zooms((*img.header.get_zooms()[:3], TR))
    img.header.set_xyzt_units("mm", "sec")
    nib.save(img, path)


def write_participants(folder, n):
    rng = np.random.default_rng(0)
    lines = ["participant_id\tgroup\tage\tscore"]
    for i in range(1, n + 1):
        group = "patient" if i % 2 else "control"
        score = str(rng.integers(1, 9)) if i % 2 else "n/a"
        lines.append(f"sub-{i:02d}\t{group}\t{rng.integers(30, 60)}\t{score}")
    (folder / "participants.tsv").write_text("\n".join(lines) + "\n")


def begin_derivatives(folder):
    """Make a folder that says it is fMRIPrep's."""
    folder.mkdir(parents=True)
    about = {"Name": "x", "BIDSVersion": "1.10.0", "DatasetType": "derivative"}
    about["GeneratedBy"] = [{"Name": "fMRIPrep"}]
    (folder / "dataset_description.json").write_text(json.dumps(about))


def write_derivatives(folder, n=6, sessions=(None,)):
    """Write clean runs as derivatives in the style of fMRIPrep."""
    begin_derivatives(folder)
    for i in range(1, n + 1):
        for k, session in enumerate(sessions):
            ses = [f"ses-{session}"] if session else []
            name = "_".join(
                [f"sub-{i:02d}", *ses, "task-rest", f"space-{SPACE}", "desc-clean_bold"]
            )
            path = folder.joinpath(f"sub-{i:02d}", *ses, "func", f"{name}.nii.gz")
            save_series(series_of(100 * k + i), path)
            sidecar = {"RepetitionTime": TR, "EffectiveDegreesOfFreedom": 50.0 + i}
            path.with_name(f"{name}.json").write_text(json.dumps(sidecar))
    write_participants(folder, n)
    return folder


def write_dpabi(folder, n=6):
    """Write the same runs as DPABI leaves them."""
    for i in range(1, n + 1):
        save_series(series_of(i), folder / "FunImgARWSDCF" / f"sub-{i:02d}" / "Filtered_4D.nii")
    write_participants(folder, n)
    return folder


def study_of(folder, out, changes=None, preset="recommended", settings=None, **selection):
    """Return the study of a folder, with the settings that tiny groups need."""
    merged = {table: dict(values) for table, values in CHANGES.items()}
    for table, values in (changes or {}).items():
        merged.setdefault(table, {}).update(values)
    settings = settings or read_settings(preset, None, merged)
    chosen = settings.input
    scans = read_scans(folder, chosen.kind, space=chosen.space, tr=chosen.tr, **selection)
    work = Path(out) / ".commissure" / "work"
    return StudyPlan(folder, out, work, settings, tuple(scans), find_participants(folder))


class Inline:
    """Does tasks here and now."""

    def run(self, function, tasks, on_event=None):  # noqa: ARG002
        for task in tasks:
            try:
                value = function(task.argument, lambda what, share: None, 1)
                yield Outcome(task.name, value)
            except InputError as error:
                yield Outcome(task.name, problems=error.problems)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        return None


def files_of(out):
    """Return the content of all files that are not for resuming."""
    return {
        path.relative_to(out).as_posix(): path.read_bytes()
        for path in sorted(Path(out).rglob("*"))
        if path.is_file()
        and path.relative_to(out).parts[0] != ".commissure"
        and path.name not in ("provenance.json", "report.html")
    }
