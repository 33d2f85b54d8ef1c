"""The second half of the recipe, for runs that others brought to template space."""

from collections.abc import Collection, Mapping
from functools import lru_cache, partial
from typing import Any

import numpy as np
from nibabel.affines import voxel_sizes
from numpy.typing import NDArray

from commissure.preprocessing.freedom import effective_degrees_of_freedom
from commissure.preprocessing.nuisance import apply_operator
from commissure.preprocessing.recipe import (
    PRIORS,
    CleanBold,
    Recipe,
    of_global_signal,
    recipe_operator,
)
from commissure.preprocessing.registration import Image, grid_points
from commissure.preprocessing.resampling import resample_image
from commissure.preprocessing.signal_quality import dvars, temporal_snr
from commissure.preprocessing.smoothing import smooth
from commissure.problems import InputError
from commissure.space.templates import RESOLUTIONS_MM, Template, analysis_grid, load_template

# Where the paper reads its nuisance signals: the prior must exceed this.
_PRIORS = {
    "global_signal": ("brain", 0.5),
    "white_matter": ("white", PRIORS["white_matter"]),
    "csf": ("csf", PRIORS["csf"]),
}
_LEAST_VOXELS = 10


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
    kept: NDArray[np.bool_] | None = None,
    done: Collection[str] = (),
    template: Template | None = None,
    signals: Collection[str] = (),
    without_global_signal: bool = False,
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
    kept : ndarray of bool, shape (n_volumes,), optional
        Volumes that may be kept; all by default.
    done : collection of str
        Steps that were done before: "smoothing", "filter".
    template : Template, optional
        On the grid of `bold`, see `template_on`; tells tissues.
    signals : collection of str
        "white_matter", "csf", "global_signal": those that are read where the template's priors are
        high, from the smoothed data as the paper does, and regressed out too.
    without_global_signal : bool
        Whether the series are cleaned a second time, with the global signal (and its derivatives
        and powers) left in.
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
    fwhm = 0 if "smoothing" in done else recipe.fwhm
    smoothed = smooth(image, voxel_sizes(affine), fwhm, recipe.kernel, n_threads=n_threads)
    read = _signals(smoothed, inside, template, signals)
    columns = {**regressors, **read}
    operator_of = partial(
        recipe_operator,
        recipe,
        columns,
        confounds["framewise_displacement"],
        tr,
        kept=kept,
        is_filtered="filter" in done,
    )
    kept, operator = operator_of()
    before = smoothed[inside]
    other = None
    if without_global_signal and any(map(of_global_signal, columns)):
        _, second = operator_of(global_signal=False)
        other = apply_operator(before, second, n_threads=n_threads)
    tissue = np.zeros(len(before), np.int8)
    if template is not None:
        maps = np.stack([template.grey, template.white, template.csf])[:, inside]
        tissue = maps.argmax(axis=0).astype(np.int8)
    mean = image.mean(axis=3, dtype=np.float64).astype(np.float32)
    return CleanBold(
        series=apply_operator(before, operator, n_threads=n_threads),
        mask=inside,
        affine=affine,
        before=before,
        tissue=tissue,
        tsnr=temporal_snr(image[inside]),
        confounds={**confounds, **columns, "dvars": dvars(image[inside])},
        motion=motion,
        kept=kept,
        effective_df=effective_degrees_of_freedom(operator),
        mean=mean,
        picture=Image(mean, affine),
        epi_to_t1w=None,
        overlaps={},
        warnings=(),
        without_global_signal=other,
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
