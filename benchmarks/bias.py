"""How high CFH is without coupling, and how near the noise floor and cross-validation come.

Run: make bench-bias. This part takes about ten minutes.
"""

from itertools import permutations
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from commissure.measures import cfh, cross_validated_cfh, noise_floor
from commissure.preprocessing import (
    apply_operator,
    cleaning_operator,
    half_operators,
    halves,
    nominal_degrees_of_freedom,
)
from commissure.space import Domain

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs/benchmarks/bias.md"
EXAMPLE = ROOT / "examples/rapidtidetest/sub-RAPIDTIDETEST"
CLEANING: dict[str, dict[str, Any]] = {
    "recommended": {},
    "liu2025": {"simultaneous": False, "padding": "dpabi"},
}
BAND = {"low": 0.01, "high": 0.1}

# The simulated run: the reference study's length, two hemispheres of 1,860 voxels of 3 mm.
N_VOLUMES, TR, SHAPE, N_RUNS = 220, 2.0, (24, 20, 18), 20
GAPS = (0, 20, 40)


def median_r(z: NDArray[Any]) -> float:
    """Return the r of the median z."""
    return float(np.tanh(np.nanmedian(z)))


def floors_of_the_example() -> list[str]:
    """Compare the floor with CFH of a left and a right that were scanned at different times."""
    domain = Domain.from_mask(nib.load(f"{EXAMPLE}_desc-brain_mask.nii.gz"))
    run = domain.sample(nib.load(f"{EXAMPLE}_task-rest_desc-tiny_bold.nii.gz"))
    ends = [run[:, :120], run[:, 140:]]
    times = [*ends, *(end[:, ::-1] for end in ends)]
    rows = []
    for name, options in CLEANING.items():
        for n_regressors in (0, 15):
            drifts = np.random.default_rng(0).standard_normal((120, n_regressors)).cumsum(axis=0)
            for global_signal in (False, True):

                def clean(left: NDArray[Any], right: NDArray[Any]) -> NDArray[Any]:
                    mixed = left.copy()
                    mixed[domain.right] = right[domain.right]
                    columns = [drifts, *([mixed.mean(axis=0)[:, None]] if global_signal else [])]  # noqa: B023
                    operator = cleaning_operator(np.hstack(columns), tr=1.5, **BAND, **options)  # noqa: B023
                    return apply_operator(mixed, operator)

                coupled = [clean(end, end) for end in ends]
                values = [
                    np.mean([median_r(cfh(series, domain).z) for series in coupled]),
                    np.mean([median_r(cfh(clean(*p), domain).z) for p in permutations(times, 2)]),
                ]
                for kind in ("rotation", "phase"):
                    floors = [noise_floor(x, domain, surrogates=kind).mean_z for x in coupled]
                    values.append(np.mean([median_r(floor) for floor in floors]))
                cells = " | ".join(f"{value:.2f}" for value in values)
                yes = "yes" if global_signal else "no"
                rows.append(f"| {name} | {n_regressors} | {yes} | {cells} |")
    return rows


def coloured(rng: np.random.Generator, n_series: int) -> NDArray[Any]:
    """Return Gaussian noise whose power falls with the frequency, cut out of a longer run."""
    power = np.fft.rfftfreq(4 * N_VOLUMES, TR)
    power[0] = power[1]
    spectrum = np.fft.rfft(rng.standard_normal((n_series, 4 * N_VOLUMES))) / np.sqrt(power)
    series = np.fft.irfft(spectrum)[:, :N_VOLUMES]
    return series / series.std()


def hemisphere(rng: np.random.Generator, domain: Domain) -> NDArray[Any]:
    """Return smooth series with six networks."""
    noise = coloured(rng, int(np.prod(SHAPE))).reshape(*SHAPE, N_VOLUMES)
    noise = gaussian_filter(noise, (1.2, 1.2, 1.2, 0))
    networks = gaussian_filter(rng.standard_normal((*SHAPE, 6)), (3, 3, 3, 0))
    where = tuple(domain.voxels.T)
    weights = 0.5 * networks[where] / networks.std()
    return noise[where] / noise.std() + weights @ coloured(rng, 6)


def uncoupled_run(seed: int, domain: Domain, n_regressors: int) -> tuple[NDArray[Any], ...]:
    """Return a run whose hemispheres share nothing but nuisance signals, and these."""
    rng = np.random.default_rng(seed)
    series, other = hemisphere(rng, domain), hemisphere(rng, domain)
    series[domain.right] = other[domain.right]
    drifts = rng.standard_normal((N_VOLUMES, n_regressors)).cumsum(axis=0)
    drifts /= drifts.std(axis=0)
    series += 0.3 * rng.standard_normal((domain.n_places, n_regressors)) @ drifts.T
    return series + 0.7 * rng.standard_normal(series.shape), drifts


def mean_and_error(values: list[float]) -> str:
    """Write the mean with its standard error."""
    return f"{np.mean(values):.3f} ± {np.std(values, ddof=1) / np.sqrt(len(values)):.3f}"


def cross_validation_of_simulations() -> list[str]:
    """Compare halves cleaned together with halves cleaned apart, where the truth is 0."""
    indices = np.indices(SHAPE).reshape(3, -1).T - (np.array(SHAPE) - 1) / 2
    ball = (np.linalg.norm(indices / (np.array(SHAPE) / 2), axis=1) < 1).reshape(SHAPE)
    affine = np.diag([3.0, 3, 3, 1])
    affine[:3, 3] = -1.5 * (np.array(SHAPE) - 1)
    domain = Domain.from_mask(nib.Nifti1Image(ball.astype(np.uint8), affine))
    rows = []
    for name, options in CLEANING.items():
        for n_regressors in (0, 6, 20):
            plain: list[float] = []
            together: dict[int, list[float]] = {gap: [] for gap in GAPS}
            apart: dict[int, list[float]] = {gap: [] for gap in GAPS}
            freedom: dict[int, float] = {}
            for seed in range(N_RUNS):
                series, drifts = uncoupled_run(seed, domain, n_regressors)
                how = {"tr": TR, **BAND, **options}
                whole = apply_operator(series, cleaning_operator(drifts, **how))
                plain.append(np.nanmean(cfh(whole, domain).z))
                for gap in GAPS:
                    parts = [whole[:, half] for half in halves(N_VOLUMES, TR, gap)]
                    together[gap].append(np.nanmean(cross_validated_cfh(*parts, domain).z))
                    operators = half_operators(drifts, gap=gap, **how)
                    freedom[gap] = nominal_degrees_of_freedom(operators[0])
                    parts = [apply_operator(series, operator) for operator in operators]
                    apart[gap].append(np.nanmean(cross_validated_cfh(*parts, domain).z))
            rows += [
                f"| {name} | {n_regressors} | {gap} | {freedom[gap]:.0f} | {mean_and_error(plain)} "
                f"| {mean_and_error(together[gap])} | {mean_and_error(apart[gap])} |"
                for gap in GAPS
            ]
    return rows


def main() -> None:
    """Write the page."""
    floors = "\n".join(floors_of_the_example())
    crossed = "\n".join(cross_validation_of_simulations())
    PAGE.write_text(_PAGE.format(floors=floors, crossed=crossed, n_runs=N_RUNS), encoding="utf-8")


_PAGE = """\
# The bias of a maximum, and what is done about it

Made by `benchmarks/bias.py` (`make bench-bias`). Regressors are random walks, beside a
linear trend.

## The noise floor

Of the run in `examples/` (4,305 places) both ends, of 120 volumes. *Uncoupled* is CFH of the left
of one time with the right of another, each end forwards and backwards: what the floor should be.
Medians of z, as r.

| cleaning | regressors | global signal regressed | CFH | uncoupled | floor, `rotation` \
| floor, `phase` |
|---|---|---|---|---|---|---|
{floors}

## Cross-validation

{n_runs} simulated runs of the reference study's length (220 volumes, TR 2 s): smooth 1/f noise with
networks, hemispheres that share nothing but the nuisance signals. The truth is 0. Mean z ± standard
error.

| cleaning | regressors | gap (s) | degrees of freedom of a half | CFH \
| halves cut from the clean run | halves cleaned apart |
|---|---|---|---|---|---|---|
{crossed}
"""


if __name__ == "__main__":
    main()
