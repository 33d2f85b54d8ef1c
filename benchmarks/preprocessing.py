"""A raw participant of reference size: time of each step, and errors against the truth.

Run by `make bench`; writes docs/benchmarks/preprocessing.md.
"""

import argparse
import functools
import resource
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
from nibabel.affines import apply_affine

from benchmarks.measure import DOCS, machine, table
from benchmarks.steps import participant
from commissure.preprocessing import bandpass
from commissure.preprocessing.brain_mask import dice
from commissure.preprocessing.registration import Image
from commissure.simulation import read_truth, simulate_study
from commissure.space.templates import load_template
from commissure.study.participant import anatomy_cache
from commissure.study.participant import clean as clean_module


def kept(function: Callable[..., Any], made: dict[str, Any]) -> Callable[..., Any]:
    """Return a function that keeps what it returns by its name."""

    @functools.wraps(function)
    def call(*arguments: Any, **options: Any) -> Any:
        made[function.__name__] = function(*arguments, **options)
        return made[function.__name__]

    return call


def load(path: Path) -> Image:
    img = nib.load(path)
    return Image(np.asarray(img.dataobj, np.float32), img.affine)


def measure(seed: int, folder: Path) -> tuple[list[str], dict[str, float]]:
    """Preprocess a simulated participant; return its row of errors, and the seconds of steps."""
    bids = simulate_study(folder / f"seed{seed}", 1, 0, seed)
    truth = read_truth(bids, "01")
    made: dict[str, Any] = {}
    keep = (anatomy_cache, "prepare_anatomy"), (clean_module, "preprocess")
    with pytest.MonkeyPatch.context() as patch:
        for module, name in keep:
            patch.setattr(module, name, kept(getattr(module, name), made))
        seconds = participant(bids, folder / f"out{seed}")
    anatomy, clean = made["prepare_anatomy"], made["preprocess"]

    true_anatomy = bids / "derivatives/truth/sub-01/anat"
    brain = load(next(true_anatomy.glob("*brain_mask.nii.gz"))).data > 0.5
    tissues = np.stack(
        [
            load(next(true_anatomy.glob(f"*label-{t}_probseg.nii.gz"))).data
            for t in ("CSF", "GM", "WM")
        ],
        axis=-1,
    )
    likeliest = np.where(brain, tissues.argmax(-1), -1)
    found = np.where(anatomy.brain, anatomy.tissues.argmax(-1), -1)
    points = apply_affine(clean.affine, np.argwhere(clean.mask))
    off = np.linalg.norm(
        truth.warp.to_template(anatomy.warp.to_moving(points).T).T - points, axis=1
    )
    to_t1w = truth.bold_to_t1w @ np.linalg.inv(truth.motion[10])
    at = apply_affine(np.linalg.inv(to_t1w), anatomy.warp.to_moving(points))
    apart = apply_affine(clean.epi_to_t1w, at) - apply_affine(to_t1w, at)
    grey = load_template(3).grey[clean.mask] > 0.5
    slices = np.unique(truth.slice_times)
    when = np.arange(10, len(truth.motion)) * truth.tr + slices[(len(slices) - 1) // 2]
    true = bandpass(truth.neural_series(points[grey].T, when).astype(float), truth.tr, 0.01, 0.1)
    r = np.einsum("ij,ij->i", true, clean.series[grey]) / (
        np.linalg.norm(true, axis=1) * np.linalg.norm(clean.series[grey], axis=1)
    )
    errors = [
        str(seed),
        f"{dice(anatomy.brain, brain):.3f}",
        f"{dice(found == 1, likeliest == 1):.3f}",
        f"{off.mean():.2f}",
        f"{np.percentile(off, 95):.2f}",
        f"{np.linalg.norm(apart, axis=1).mean():.2f}",
        f"{np.median(r):.2f}",
        f"{clean.effective_df:.0f}",
    ]
    return errors, seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2])
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = [measure(seed, Path(folder)) for seed in options.seeds]
    rows = [errors for errors, _ in found]
    steps = [[name, f"{np.mean([s[name] for _, s in found]):.1f}"] for name in found[0][1]]
    header = ["seed", "brain Dice", "grey Dice", "normalisation, mm", "p95, mm"]
    header += ["EPI to T1w, mm", "median r with true series", "degrees of freedom"]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    page = f"""# Preprocessing

Made by `make bench` ({machine()}).

Simulated participants of reference size (64 x 64 x 35 x 230 BOLD of 3.75 x 3.75 x 4 mm, T1w of
1 mm), preset `recommended`. Errors are against the generator's truth; the series carry noise that
no registration removes. Processor seconds of a participant's job on one thread, from raw scans to
maps, each step without those inside it (peak memory of the process, simulation included:
{peak:.1f} GB):

{table(["step", "s"], steps)}

{table(header, rows)}
"""
    DOCS.mkdir(parents=True, exist_ok=True)
    (DOCS / "preprocessing.md").write_text(page, encoding="utf-8")
    print(page)


if __name__ == "__main__":
    main()
