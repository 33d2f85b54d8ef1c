"""Time and memory of the array steps of preprocessing, at the size of the reference study.

One scan of 64 x 64 x 35 voxels and 230 volumes (10 trimmed) of a moving, noisy ellipsoid; after the
resampling 61 x 73 x 61 voxels of 3 mm, of which 70,000 are brain.
"""

import time
import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.ndimage import gaussian_filter, shift
from scipy.spatial.transform import Rotation

from commissure import preprocessing as steps

TR, N_TRIMMED = 2.0, 10


def moving_head(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    shape, n_volumes = (64, 64, 35), 230
    affine = np.diag([3.75, 3.75, 4.0, 1.0])
    radius = np.linalg.norm((np.indices(shape).T - (31.5, 31.5, 17)) / (20, 24, 16), axis=-1).T
    head = 1000.0 * (radius < 1) * (1 + gaussian_filter(rng.normal(size=shape), 1.5))
    head = gaussian_filter(head, 0.6)
    drift = np.cumsum(rng.normal(0, 0.01, size=(n_volumes, 3)), axis=0)
    data = np.empty((*shape, n_volumes), dtype=np.float32)
    for volume in range(n_volumes):
        data[..., volume] = shift(head, drift[volume], order=3)
    data += 10 * rng.standard_normal(data.shape, dtype=np.float32)
    return data, affine


def measured(name: str, step: Callable[[], Any]) -> Any:
    """Run once to compile, once for time and once for memory; print a line."""
    step()
    start = time.perf_counter()
    result = step()
    seconds = time.perf_counter() - start
    tracemalloc.start()
    step()
    peak = tracemalloc.get_traced_memory()[1] / 2**20
    tracemalloc.stop()
    print(f"{name:34s} {seconds:8.2f} s {peak:8.0f} MiB", flush=True)
    return result


def main() -> None:
    rng = np.random.default_rng(0)
    data, affine = moving_head(rng)
    slice_times = np.argsort(np.argsort(np.arange(35) % 2, kind="stable")) * TR / 35

    kept = measured("trim", lambda: steps.trim_volumes(data, N_TRIMMED))
    corrected = measured("slice timing", lambda: steps.correct_slice_timing(kept, slice_times, TR))
    matrices = measured("realignment", lambda: steps.realign(corrected, affine))
    assert np.allclose(Rotation.from_matrix(matrices[:, :3, :3]).magnitude(), 0, atol=1e-2)

    def motion() -> Any:
        parameters = steps.motion_parameters(matrices)
        steps.framewise_displacement_power(parameters)
        steps.framewise_displacement_jenkinson(matrices, affine, data.shape)
        return steps.friston24(parameters)

    friston = measured("parameters, FD, Friston-24", motion)
    measured("temporal SNR", lambda: steps.temporal_snr(corrected))

    resampled = rng.standard_normal((61, 73, 61, 220), dtype=np.float32)
    for kernel in ("gaussian", "spm"):
        measured(f"smoothing, {kernel}", lambda k=kernel: steps.smooth(resampled, (3, 3, 3), 4, k))
    series = resampled.reshape(-1, 220)[:70_000].copy()
    measured("DVARS", lambda: steps.dvars(series))
    components = measured("aCompCor, 5,000 places", lambda: steps.acompcor(series[:5000]))
    regressors = np.column_stack([friston, components])
    measured("regression alone", lambda: steps.regress_nuisance(series, regressors))
    band = {"tr": TR, "low": 0.01, "high": 0.1}
    censored = rng.random(220) > 0.1
    for name, choices in {
        "cleaning, simultaneous": {},
        "cleaning, sequential, dpabi": {"simultaneous": False, "padding": "dpabi"},
        "cleaning, 10 % censored": {"kept": censored},
    }.items():

        def clean(choices: dict[str, Any] = choices) -> Any:
            operator = steps.cleaning_operator(regressors, **band, **choices)
            steps.effective_degrees_of_freedom(operator)
            return steps.apply_operator(series, operator)

        measured(name, clean)


if __name__ == "__main__":
    main()
