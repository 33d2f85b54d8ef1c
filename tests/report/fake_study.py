"""Output folders of studies that nobody ran: consistent, quick to make, with planted findings."""

import functools
from io import BytesIO
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from scipy import ndimage

from commissure import Domain
from commissure.inputs import Scan
from commissure.inputs.people import Participants
from commissure.problems import InputError
from commissure.records.runs import Measured, RunKey, measured_to_json
from commissure.settings.reading import read_settings
from commissure.space.templates import analysis_grid
from commissure.study.group.compared import judged_runs
from commissure.study.group.stage import run_group
from commissure.study.participant.domain import grey_mask
from commissure.study.participant.job import Job, RunResult
from commissure.study.study_files import write_study_files
from commissure.workspace.ledger import Ledger
from commissure.workspace.paths import STATE_FOLDER
from commissure.workspace.staging import replace_file

SPACE = "MNI152NLin2009aSym"
# Left putamen and left precentral gyrus, as in the reference study.
PLANTED = ((-28, 0, 8), (-42, -4, 52))
FIGURES = ("motion", "carpet", "epiOnT1w", "tsnr")


@functools.cache
def picture(width=4.0):
    figure = Figure(figsize=(width, 1.5))
    figure.text(0.5, 0.5, "a picture", ha="center")
    content = BytesIO()
    figure.savefig(content, format="png")
    return content.getvalue()


@functools.cache
def grey_domain(resolution_mm):
    shape, affine = analysis_grid(resolution_mm)
    return Domain.from_mask(grey_mask(shape, affine, 0.3), 3.0)


def people(n, seed=0):
    rng = np.random.default_rng(seed)
    patient = np.arange(n) < n // 2
    scores = {
        "illness_duration": rng.normal(12, 5, n).clip(1).round(1),
        "JRS_total": rng.integers(2, 7, n).astype(float),
    }
    return pd.DataFrame(
        {
            "participant_id": [f"sub-{i + 1:02d}" for i in range(n)],
            "group": np.where(patient, "patient", "control"),
            "age": rng.normal(50, 6, n).round(),
            "sex": rng.choice(["F", "M"], n),
            **{name: np.where(patient, values, np.nan) for name, values in scores.items()},
        }
    )


def settings(n_permutations=100, rois=()):
    group = {
        "formula": "group + age + sex",
        "contrast": "group[patient] - group[control]",
        "within": "patient",
        "clinical": ["illness_duration", "JRS_total"],
        "n_permutations": n_permutations,
        "statistics": ["size", "mass"],
        "rois": rois,
    }
    return read_settings("recommended", changes={"group": group})


def fake_study(
    out,
    n=12,
    *,
    effect=0.25,
    moved=(),
    failed=(),
    waiting=(),
    resolution_mm=4,
    n_permutations=100,
    names=None,
    pictures=picture,
    group=True,
    rois=(),
    source=Path("/data/bids"),
):
    """Write the output folder of a study; `moved`, `failed` and `waiting` are numbers from 0."""
    rng = np.random.default_rng(1)
    table = people(n)
    if names is not None:
        table["participant_id"] = names
    chosen = settings(n_permutations, rois)
    domain = grey_domain(resolution_mm)
    planted = np.zeros(domain.n_places, bool)
    for centre in PLANTED:
        planted |= np.linalg.norm(domain.coordinates - centre, axis=1) < 10
    results, runs = [], {}
    for i, who in enumerate(table["participant_id"]):
        bold = source / who / "func" / f"{who}_task-rest_bold.nii.gz"
        scan = Scan(who, None, "rest", None, bold, None, 2.0, None)
        runs[scan.name] = {"participant_id": who, "size": 1}
        job = Job(who, (scan,), out, out / STATE_FOLDER / "work", chosen)
        ledger = Ledger(out, who)
        if i in waiting:
            continue
        if i in failed:
            problem = f"{bold} is damaged or cut short (EOF). Copy or convert it again."
            ledger.fail(f"clean {scan.name}", [problem])
            results.append(RunResult(job, scan, problems=(problem,)))
            continue
        values = _map(domain, rng)
        if table["group"][i] == "patient":
            values[planted] += effect
        motion = rng.gamma(4, 0.02) + (0.4 if i in moved else 0)
        measured = Measured(
            RunKey(who, task="rest"),
            mean_fd_jenkinson=motion,
            mean_fd_power=1.8 * motion,
            max_motion=8 * motion,
            max_rotation=6 * motion,
            n_volumes=220,
            effective_df=float(rng.normal(51, 1)),
            nominal_df=52.0,
            overlaps={"epi_t1w": 0.95, "epi_template": 0.94},
        )
        name = f"{who}/func/{who}_task-rest_space-{SPACE}_res-{resolution_mm}"
        _step(
            ledger,
            f"anatomy {who}_T1w.nii.gz",
            who,
            {"T1w": ("t1wOnTemplate", "tissues")},
            pictures,
        )
        facts = measured_to_json(measured)
        _step(ledger, f"clean {scan.name}", who, {"bold": FIGURES}, pictures, facts=facts)
        mapped = f"{name}_stat-cfh_desc-clean_boldmap.nii.gz"
        _step(
            ledger,
            f"maps {scan.name}",
            who,
            {"boldmap": (f"space-{SPACE}_stat-cfh_desc-clean",)},
            pictures,
            images={mapped: domain.to_image(values.astype(np.float32))},
        )
        results.append(RunResult(job, scan, measured, bold, out / mapped, f"key {i}"))
    replace_file(
        out / STATE_FOLDER / "study.json",
        pd.Series({"input": str(source), "runs": runs}).to_json(indent=1),
    )
    judged = judged_runs(results, chosen)
    if not waiting:
        write_study_files(out, source, chosen, [j.verdict for j in judged], kinds={"raw"})
    if group and not waiting:
        try:
            run_group(judged, Participants(table, ()), out, chosen, n_threads=1)
        except InputError as error:
            raise AssertionError(error.problems) from error
    return out


def _map(domain, rng):
    noise = rng.standard_normal(domain.grid.shape)
    noise = ndimage.gaussian_filter(noise, 1)
    values = noise[tuple(domain.voxels.T)]
    return 0.7 + 0.15 * values / values.std() + 0.05 * rng.standard_normal()


def _step(ledger, step, who, figures, pictures, *, facts=None, images=None):
    def make(folder):
        place = folder / who / "figures"
        place.mkdir(parents=True)
        for suffix, whats in figures.items():
            for what in whats:
                task = "" if suffix == "T1w" else "task-rest_"
                stem = what if "-" in what else f"desc-{what}"
                (place / f"{who}_{task}{stem}_{suffix}.png").write_bytes(pictures())
        for name, img in (images or {}).items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            nib.save(img, folder / name)
        return facts or {}

    ledger.do(step, "key", make)
