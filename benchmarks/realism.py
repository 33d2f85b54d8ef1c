"""Compare simulated runs with a real one, after the same preprocessing.

Run: python -m benchmarks.realism BOLD, where BOLD is the full resting-state run that ships with
rapidtide 2.2.0 (sub-RAPIDTIDETEST.nii.gz; examples/ holds a small version of it). A few minutes;
writes docs/benchmarks/realism.md.
"""

import argparse
import tempfile
from itertools import pairwise
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from numpy.typing import NDArray

from benchmarks.measure import DOCS, table
from commissure import Domain, cfh
from commissure.preprocessing.anatomy import prepare_anatomy
from commissure.preprocessing.recipe import CleanBold, Recipe
from commissure.preprocessing.registration import Image
from commissure.preprocessing.steps import preprocess
from commissure.simulation import Acquisition, Effects, forward_model, simulate_study
from commissure.simulation.clean import clean_series
from commissure.simulation.people import draw_people

RECIPE = Recipe(slice_timing=False)
# Of the real run.
ACQUISITION = Acquisition(
    n_volumes=260, tr=1.5, matrix=(64, 64, 29), voxel_size=(3.5, 3.5, 4.0), t1w_voxel_size=1.5
)
BANDS_HZ = (0.01, 0.02, 0.04, 0.06, 0.08, 0.1)


def numbers(values: Any, digits: int = 2) -> str:
    return ", ".join(f"{value:.{digits}f}" for value in values)


def measure(series: NDArray[Any], domain: Domain, tr: float) -> dict[str, str]:
    """Describe clean series at the places of the grey matter."""
    unit = series.astype(np.float64) - series.mean(axis=1, dtype=np.float64)[:, None]
    unit /= np.linalg.norm(unit, axis=1, keepdims=True)
    quantiles = (5, 25, 50, 75, 95)
    found = cfh(unit, domain)
    rows = {"CFH, r (5, 25, 50, 75, 95 %)": numbers(np.nanpercentile(found.r, quantiles))}
    # Turned at random within the space that they span, the right half knows nothing of the left.
    _, sizes, basis = np.linalg.svd(unit[::7], full_matrices=False)
    basis = basis[sizes > 1e-6 * sizes[0]]
    inside = unit @ basis.T
    rng = np.random.default_rng(0)
    turn, _ = np.linalg.qr(rng.standard_normal((len(basis), len(basis))))
    inside[domain.right] = inside[domain.right] @ turn
    floor = cfh(np.hstack([inside, -inside]), domain).r
    rows["the same without coupling of the halves"] = numbers(np.nanpercentile(floor, quantiles))
    shift = np.nanpercentile(found.shift(domain), (25, 50, 75))
    rows["partner from the mirror position, mm (25, 50, 75 %)"] = numbers(shift, 0)
    pairs = (domain.mirror >= 0) & (domain.hemisphere < 0)
    mirrored = np.einsum("ij,ij->i", unit[pairs], unit[domain.mirror[pairs]])
    rows["r of mirror positions (5, 25, 50, 75, 95 %)"] = numbers(
        np.percentile(mirrored, quantiles)
    )
    step = domain.grid.affine[1, 1]
    rows[f"median r at {step:g}, {2 * step:g}, ... {5 * step:g} mm"] = numbers(
        [np.median(at_distance(unit, domain, n)) for n in range(1, 6)]
    )
    left, right = rng.choice(domain.left, 2000), rng.choice(domain.right, 2000)
    rows["SD of r of any left and right place"] = numbers([(unit[left] @ unit[right].T).std()])
    eigenvalues = np.linalg.eigvalsh(unit.T @ unit / len(unit))
    rows["dimensions in space, (sum of eigenvalues)^2 / sum of squares"] = numbers(
        [1 / (eigenvalues**2).sum()], 0
    )
    power = (np.abs(np.fft.rfft(unit, axis=1)) ** 2).mean(axis=0)
    frequency = np.fft.rfftfreq(unit.shape[1], tr)
    inband = power[(frequency >= BANDS_HZ[0]) & (frequency < BANDS_HZ[-1])].mean()
    rows["power density in 0.01-0.02-0.04-0.06-0.08-0.1 Hz, over their mean"] = numbers(
        [
            power[(frequency >= low) & (frequency < high)].mean() / inband
            for low, high in pairwise(BANDS_HZ)
        ]
    )
    return rows


def at_distance(unit: NDArray[Any], domain: Domain, steps: int) -> NDArray[Any]:
    """Return the correlations of all places so many voxels apart along an axis."""
    padded = np.pad(domain.index_of_voxel, steps, constant_values=-1)
    found = []
    for axis in np.eye(3, dtype=int) * steps:
        other = padded[tuple((domain.voxels + steps + axis).T)]
        here = np.flatnonzero(other >= 0)
        found.append(np.einsum("ij,ij->i", unit[here], unit[other[here]]))
    return np.concatenate(found)


def of_run(path: Path, domain: Domain, t1w: Path | None = None) -> dict[str, str]:
    """Preprocess a run, and describe it."""
    bold = load(path)
    anatomy = prepare_anatomy(load(t1w)) if t1w else None
    clean = preprocess(bold.data, bold.affine, ACQUISITION.tr, None, anatomy, RECIPE)
    rows = before_cleaning(clean)
    image = np.zeros((*clean.mask.shape, clean.series.shape[1]), np.float32)
    image[clean.mask] = clean.series
    series = image[tuple(domain.voxels.T)]
    covered = series.any(axis=1)
    return rows | measure(series[covered], domain.restrict(covered), ACQUISITION.tr)


def load(path: Path) -> Image:
    img = nib.load(path)
    return Image(np.asarray(img.dataobj, np.float32), img.affine)


def before_cleaning(clean: CleanBold) -> dict[str, str]:
    displacement = clean.confounds["framewise_displacement_jenkinson"]
    before = clean.before.astype(np.float64)
    before -= before.mean(axis=1, keepdims=True)
    band = np.abs(np.fft.rfft(before, axis=1)) ** 2
    frequency = np.fft.rfftfreq(before.shape[1], ACQUISITION.tr)
    inside = (frequency >= BANDS_HZ[0]) & (frequency <= BANDS_HZ[-1])
    share = band[:, inside].sum(axis=1) / band[:, frequency >= BANDS_HZ[0]].sum(axis=1)
    return {
        "temporal SNR (5, 25, 50, 75, 95 %)": numbers(
            np.percentile(clean.tsnr, (5, 25, 50, 75, 95)), 0
        ),
        "mean framewise displacement (Jenkinson), mm": numbers([displacement.mean()], 3),
        "share of 0.01-0.1 Hz in the power above 0.01 Hz, median": numbers([np.median(share)]),
        "effective degrees of freedom": numbers([clean.effective_df], 0),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("bold", type=Path)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    forward = forward_model(3)
    real = of_run(options.bold, forward.domain)
    with tempfile.TemporaryDirectory() as folder:
        simulated = simulate_study(
            Path(folder, "raw"), 0, 1, options.seed, effects=Effects(0), acquisition=ACQUISITION
        )
        scans = (simulated / "sub-01" / name for name in ("func", "anat"))
        raw = of_run(
            next(next(scans).glob("*_bold.nii.gz")),
            forward.domain,
            next(next(scans).glob("*_T1w.nii.gz")),
        )
    _, (person,) = draw_people(options.seed, 0, 1, Effects(0))
    df = int(real["effective degrees of freedom"])
    n_volumes = ACQUISITION.n_volumes - RECIPE.n_trim
    series = clean_series(person, forward, n_volumes, ACQUISITION.tr, n_dimensions=df)
    clean = measure(series, forward.domain, ACQUISITION.tr)
    rows = [[name, real[name], raw[name], clean.get(name, "")] for name in real]
    page = f"""# Is the simulation like a real brain?

Made by `benchmarks/realism.py`. The real run is `sub-RAPIDTIDETEST` of
[rapidtide](https://github.com/bbfrederick/rapidtide) 2.2.0 (Apache-2.0; 64 x 64 x 29 voxels of
3.5 x 3.5 x 4 mm, 260 volumes, TR 1.5 s), a small version of which is in `examples/`. The raw
simulation has the same sizes (seed {options.seed}); both went through `recommended` without slice
timing, the real one (which is brain-extracted and has no T1w) straight to the template. The clean
simulation is the generating model itself, with the real run's degrees of freedom. Places: grey
matter of the 3 mm grid.

{table(["", "real", "simulated, raw", "simulated, clean"], rows)}
"""
    DOCS.mkdir(parents=True, exist_ok=True)
    (DOCS / "realism.md").write_text(page, encoding="utf-8")
    print(page)


if __name__ == "__main__":
    main()
