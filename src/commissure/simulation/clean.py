"""A clean run on the template's grid, as preprocessing leaves it."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from commissure.preprocessing import pass_band
from commissure.simulation.acquisition import Acquisition
from commissure.simulation.files import TEMPLATE, write_image, write_json
from commissure.simulation.forward import GREY_THRESHOLD, Forward
from commissure.simulation.maps import draw_series
from commissure.simulation.people import Person
from commissure.simulation.sources import NEURAL_BAND_HZ
from commissure.space.templates import TEMPLATE_SPACE

N_TRIM = 10
# Friston-24, trend, and three mean signals.
_N_REGRESSORS = 28


def degrees_of_freedom(n_volumes: int, tr: float) -> int:
    """Return how many dimensions of the band a regression of 28 signals leaves (at least half)."""
    n_waves = len(pass_band_waves(n_volumes, tr))
    return n_waves - min(_N_REGRESSORS, n_waves // 2)


def pass_band_basis(
    rng: np.random.Generator, n_volumes: int, tr: float, n_dimensions: int
) -> NDArray[np.float64]:
    """Draw what a band-pass and a regression leave of all courses in time.

    Returns
    -------
    ndarray of shape (n_dimensions, n_volumes)
        Orthonormal rows of mean 0, within 0.01-0.1 Hz.
    """
    waves = pass_band_waves(n_volumes, tr)
    turned, _ = np.linalg.qr(rng.standard_normal((len(waves), n_dimensions)))
    basis: NDArray[np.float64] = turned.T @ waves
    return basis


def pass_band_waves(n_volumes: int, tr: float) -> NDArray[np.float64]:
    """Return an orthonormal basis of the pass band, shape (n_waves, n_volumes)."""
    _, bins = pass_band(n_volumes, tr, *NEURAL_BAND_HZ)
    angle = 2 * np.pi * np.outer(np.arange(bins.start, bins.stop), np.arange(n_volumes)) / n_volumes
    waves = np.vstack([np.cos(angle), np.sin(angle)])
    unit: NDArray[np.float64] = waves / np.linalg.norm(waves, axis=1, keepdims=True)
    return unit


def clean_series(
    person: Person,
    forward: Forward,
    n_volumes: int,
    tr: float,
    *,
    n_dimensions: int | None = None,
    n_threads: int | None = None,
) -> NDArray[np.float32]:
    """Return a person's clean series, shape (n_places, n_volumes).

    Their unit is the standard deviation of neural activity in pure grey matter. `n_dimensions`
    are their degrees of freedom, by default as many as `degrees_of_freedom` says.
    """
    rng = np.random.default_rng(person.seed)
    n_dimensions = n_dimensions or degrees_of_freedom(n_volumes, tr)
    basis = pass_band_basis(rng, n_volumes, tr, n_dimensions)
    coefficients = draw_series(rng, forward, person.coupling, n_dimensions, n_threads)
    scale = np.sqrt(n_volumes / n_dimensions)
    series: NDArray[np.float32] = coefficients @ (scale * basis).astype(np.float32)
    return series


def write_clean_participant(
    out: Path,
    person: Person,
    forward: Forward,
    acquisition: Acquisition,
    *,
    n_threads: int | None = None,
) -> None:
    """Write a person's clean run with its sidecar."""
    subject = person.row["participant_id"]
    folder = out / subject / "func"
    folder.mkdir(parents=True)
    n_volumes = acquisition.n_volumes - N_TRIM
    series = clean_series(person, forward, n_volumes, acquisition.tr, n_threads=n_threads)
    domain = forward.domain
    image = np.zeros((*domain.grid.shape, n_volumes), np.float32)
    image[tuple(domain.voxels.T)] = series
    resolution_mm = round(domain.grid.affine[1, 1])
    stem = f"{subject}_task-rest_{space_of(forward)}_desc-clean_bold"
    write_image(
        folder / f"{stem}.nii.gz",
        image,
        domain.grid.affine,
        np.int16,
        tr=acquisition.tr,
        space=TEMPLATE,
    )
    write_json(
        folder / f"{stem}.json",
        {
            "Description": "Simulated clean BOLD series of grey matter; 0 elsewhere.",
            "TaskName": "rest",
            "RepetitionTime": acquisition.tr,
            "SkullStripped": True,
            "Resolution": f"{resolution_mm} mm isotropic",
            "NumberOfVolumesDiscardedByUser": N_TRIM,
            "EffectiveDegreesOfFreedom": degrees_of_freedom(n_volumes, acquisition.tr),
        },
    )


def write_grey_mask(out: Path, forward: Forward) -> None:
    """Write where the clean series are: the mask of CFH and statistics."""
    stem = f"{space_of(forward)}_label-GM_mask"
    domain = forward.domain
    mask = np.zeros(domain.grid.shape, np.uint8)
    mask[tuple(domain.voxels.T)] = 1
    write_image(out / f"{stem}.nii.gz", mask, domain.grid.affine, space=TEMPLATE)
    description = "Where the template's probability of grey matter exceeds the threshold."
    write_json(out / f"{stem}.json", {"Description": description, "Threshold": GREY_THRESHOLD})


def space_of(forward: Forward) -> str:
    """Return the entities of names that say which grid this is."""
    return f"space-{TEMPLATE_SPACE}_res-{round(forward.domain.grid.affine[1, 1])}"
