"""The second half of the recipe, for runs that others brought to template space."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import Any

import numpy as np
from nibabel.affines import voxel_sizes
from numpy.typing import NDArray

from commissure.preprocessing.recipe import (
    PRIORS,
    CleanBold,
    Recipe,
    VariantSeries,
    clean_series,
    recipe_operator,
)
from commissure.preprocessing.registration import Image, grid_points
from commissure.preprocessing.resampling import resample_image
from commissure.preprocessing.signal_quality import dvars, temporal_snr
from commissure.preprocessing.smoothing import Smoothed
from commissure.problems import InputError
from commissure.space.templates import RESOLUTIONS_MM, Template, analysis_grid, load_template

# Where the paper reads its nuisance signals: the prior must exceed this.
_PRIORS = {
    "global_signal": ("brain", 0.5),
    "white_matter": ("white", PRIORS["white_matter"]),
    "csf": ("csf", PRIORS["csf"]),
}
_LEAST_VOXELS = 10


_Columns = dict[str, NDArray[np.float64]]


@dataclass(frozen=True, eq=False)
class VariantRegressors:
    """What a recipe regresses out of a run.

    Attributes
    ----------
    recipe : Recipe
    regressors : mapping of str to ndarray of shape (n_volumes,)
    signals : collection of str
        See `clean_preprocessed`.
    """

    recipe: Recipe
    regressors: Mapping[str, NDArray[np.float64]]
    signals: Collection[str] = ()


def clean_preprocessed(
    bold: NDArray[Any],
    affine: NDArray[np.float64],
    tr: float,
    mask: NDArray[np.bool_] | None,
    regressors: Mapping[str, NDArray[np.float64]],
    confounds: Mapping[str, NDArray[np.float64]],
    motion: NDArray[np.float64],
    recipe: Recipe,
    *,
    centre: NDArray[np.float64] | None = None,
    kept: NDArray[np.bool_] | None = None,
    done: Collection[str] = (),
    template: Template | None = None,
    signals: Collection[str] = (),
    variants: Mapping[str, VariantRegressors] = MappingProxyType({}),
    n_threads: int | None = None,
) -> CleanBold:
    """Smooth, regress and filter a preprocessed run, as the recipe says.

    Parameters
    ----------
    bold : ndarray of shape (x, y, z, n_volumes)
        Realigned, in the space of the results; volumes that are dropped are no longer there.
    affine : ndarray of shape (4, 4)
    tr : float
        Seconds.
    mask : ndarray of bool, shape (x, y, z), optional
        The brain; by default where series vary.
    regressors : mapping of str to ndarray of shape (n_volumes,)
        What is regressed out.
    confounds : mapping of str to ndarray of shape (n_volumes,)
        All that is known, with ``framewise_displacement`` in mm.
    motion : ndarray of shape (n_volumes, 4, 4)
        See `motion_matrices`.
    recipe : Recipe
        Of which the first half and where nuisance signals come from do not matter here.
    centre : ndarray of shape (3,), optional
        Of the head, mm, where `motion` is given; its origin by default.
    kept : ndarray of bool, shape (n_volumes,), optional
        Volumes that may be kept; all by default.
    done : collection of str
        Steps that were done before: "smoothing", "filter".
    template : Template, optional
        On the grid of `bold`, see `template_on`; tells tissues.
    signals : collection of str
        "white_matter", "csf", "global_signal": those that are read where the template's priors are
        high, from the smoothed data as the paper does, and regressed out too.
    variants : mapping of str to VariantRegressors
        By which the series are cleaned too.
    n_threads : int, optional
        All cores by default. The result does not depend on it.

    Returns
    -------
    CleanBold
        Without what only the first half knows (registrations). Series are taken where the mask is
        and every volume is finite.

    Raises
    ------
    InputError
        If the parts do not fit each other, or nothing is left.
    """
    n_volumes = bold.shape[3]
    lengths = {len(column) for column in (*regressors.values(), *confounds.values(), motion)}
    if lengths != {n_volumes}:
        msg = (
            f"The run has {n_volumes} volumes, and its confounds have "
            f"{', '.join(map(str, sorted(lengths)))} rows. Drop the same volumes of both."
        )
        raise InputError(msg)
    finite = np.isfinite(bold).all(axis=3)
    inside = finite & ((bold != bold[..., :1]).any(axis=3) if mask is None else mask)
    if inside.sum() < 2 * _LEAST_VOXELS:
        msg = f"Only {inside.sum()} voxels of the run are in the mask and finite. Check the mask."
        raise InputError(msg)
    image = bold if finite.all() else np.where(finite[..., None], bold, 0)
    smoothed = Smoothed(image, voxel_sizes(affine), n_threads)
    tissue = np.zeros(inside.sum(), np.int8)
    if template is not None:
        maps = np.stack([template.grey, template.white, template.csf])[:, inside]
        tissue = maps.argmax(axis=0).astype(np.int8)

    def clean(by: VariantRegressors) -> tuple[_Columns, NDArray[np.float32], VariantSeries]:
        fwhm = 0 if "smoothing" in done else by.recipe.fwhm
        of_voxels = smoothed.by(fwhm, by.recipe.kernel)
        columns = {**by.regressors, **_signals(of_voxels, inside, template, by.signals)}
        kept_by, operator = recipe_operator(
            by.recipe,
            columns,
            confounds["framewise_displacement"],
            tr,
            kept=kept,
            is_filtered="filter" in done,
        )
        before = of_voxels[inside]
        return columns, before, clean_series(before, kept_by, operator, tissue, n_threads)

    others = {label: clean(by)[2] for label, by in variants.items()}
    columns, before, cleaned = clean(VariantRegressors(recipe, regressors, signals))
    mean = image.mean(axis=3, dtype=np.float64).astype(np.float32)
    return CleanBold(
        series=cleaned.series,
        mask=inside,
        affine=affine,
        before=before,
        tissue=tissue,
        tsnr=temporal_snr(image[inside]),
        confounds={**confounds, **columns, "dvars": dvars(image[inside])},
        motion=motion,
        centre=np.zeros(3) if centre is None else centre,
        kept=cleaned.kept,
        effective_df=cleaned.effective_df,
        nominal_df=cleaned.nominal_df,
        mean=mean,
        picture=Image(mean, affine),
        epi_to_t1w=None,
        overlaps={},
        warnings=(),
        variants=others,
    )


def template_on(shape: tuple[int, ...], affine: NDArray[np.float64]) -> Template:
    """Return the template on any grid in its space; the arrays are read-only.

    On the grids of `analysis_grid` it is `load_template`'s, on others that of the nearest
    resolution, interpolated linearly.
    """
    return _template_on(shape[:3], np.asarray(affine, np.float64).tobytes())


@lru_cache(maxsize=4)
def _template_on(shape: tuple[int, ...], affine: bytes) -> Template:
    grid = np.frombuffer(affine).reshape(4, 4)
    sizes = voxel_sizes(grid)
    resolution = min(RESOLUTIONS_MM, key=lambda mm: abs(mm - sizes.mean()))
    template = load_template(resolution)
    own_shape, own_grid = analysis_grid(resolution)
    if shape == own_shape and np.allclose(grid, own_grid, rtol=0, atol=1e-3):
        return template
    places = grid_points(shape, grid)

    def at_places(values: NDArray[Any]) -> NDArray[np.float32]:
        found = resample_image(values.astype(np.float32), own_grid, places).astype(np.float32)
        found.flags.writeable = False
        return found

    brain = at_places(template.brain) > 0.5
    brain.flags.writeable = False
    maps = [at_places(m) for m in (template.t1w, template.grey, template.white, template.csf)]
    return Template(grid, maps[0], brain, maps[1], maps[2], maps[3])


def _signals(
    smoothed: NDArray[np.float32],
    inside: NDArray[np.bool_],
    template: Template | None,
    names: Collection[str],
) -> dict[str, NDArray[np.float64]]:
    """Read the mean signals of tissues where the template's priors are high."""
    found = {}
    for name in names:
        if template is None:
            msg = f"{name} cannot be read from the data without a template on their grid."
            raise InputError(msg)
        tissue, least = _PRIORS[name]
        where = (getattr(template, tissue) > least) & inside
        if where.sum() < _LEAST_VOXELS:
            msg = f"{name} has fewer than {_LEAST_VOXELS} voxels where its prior is high."
            raise InputError(msg)
        found[name] = smoothed[where].mean(axis=0, dtype=np.float64)
    return found
