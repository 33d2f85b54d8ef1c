"""The order of the steps, to be read beside the paper's section on preprocessing.

Each step is a pure function of its own module; here is only what comes after what.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
from nibabel.affines import voxel_sizes
from numpy.typing import NDArray

from commissure.preprocessing.anatomy import Anatomy
from commissure.preprocessing.brain_mask import head_centre
from commissure.preprocessing.distortion import WITHIN_SLICES
from commissure.preprocessing.motion import (
    framewise_displacement_jenkinson,
    framewise_displacement_power,
    friston24,
    motion_parameters,
)
from commissure.preprocessing.nuisance import acompcor
from commissure.preprocessing.orientation import RIGHT_AXES, fits_when
from commissure.preprocessing.placing import place
from commissure.preprocessing.realignment import realign
from commissure.preprocessing.recipe import (
    PRIORS,
    CleanBold,
    Recipe,
    VariantSeries,
    clean_series,
    recipe_operator,
)
from commissure.preprocessing.registration import Image, grid_points
from commissure.preprocessing.resampling import resample_series
from commissure.preprocessing.signal_quality import dvars, temporal_snr
from commissure.preprocessing.slice_timing import correct_slice_timing
from commissure.preprocessing.smoothing import Smoothed
from commissure.preprocessing.trim import trim_volumes
from commissure.problems import InputError
from commissure.records.runs import RegistrationCheck
from commissure.space.templates import Template, analysis_grid, load_template

# Volumes that the EPI's picture for registration is the mean of.
_PICTURE_VOLUMES = 20
# Fewer voxels make no mean worth regressing.
_LEAST_VOXELS = 10
_WITHOUT_T1W = (
    "There is no T1w: the EPI was put straight in the template, with errors of about 5 mm (a real "
    "EPI: 5 on average, up to 9 in 95 % of the brain). Look at the outlines."
)
OWN_TISSUE_TOO_SMALL = (
    "Eroded, the participant's own {} has fewer than {} voxels: its signal was read where the "
    "template's prior is high."
)


@dataclass(frozen=True, eq=False)
class _Resampled:
    """A run in template space, not yet smoothed, with all that cleaning needs."""

    image: NDArray[np.float32]
    mask: NDArray[np.bool_]
    tissue: NDArray[np.int8]
    grid: NDArray[np.float64]
    template: Template
    anatomy: Anatomy | None
    places: NDArray[np.float64]
    covered: NDArray[np.bool_]
    motion_confounds: dict[str, NDArray[np.float64]]
    tr: float
    smoothed: Smoothed
    n_threads: int | None


def preprocess(
    bold: NDArray[Any],
    affine: NDArray[np.float64],
    tr: float,
    slice_times: tuple[float, ...] | None,
    anatomy: Anatomy | None,
    recipe: Recipe,
    *,
    phase_axis: int | None = None,
    variants: Mapping[str, Recipe] = MappingProxyType({}),
    n_threads: int | None = None,
) -> CleanBold:
    """Bring a raw run to clean series in template space.

    Parameters
    ----------
    bold : ndarray of shape (x, y, z, n_volumes)
    affine : ndarray of shape (4, 4)
        Voxel to mm (RAS+).
    tr : float
        Seconds.
    slice_times : tuple of float, optional
        Seconds, by the third axis; without them there is no slice timing correction.
    anatomy : Anatomy, optional
        Without it the EPI is registered straight to the template.
    recipe : Recipe
    phase_axis : {0, 1, 2}, optional
        The axis along which phase was encoded, if it is known: distortion shifts along no other.
    variants : mapping of str to Recipe
        By which the series are cleaned too; they share the first half (`BEFORE_CLEANING`).
    n_threads : int, optional
        All cores by default. The result does not depend on it.

    Raises
    ------
    InputError
        If the run cannot be brought to clean series.
    """
    warnings: list[str] = []
    # "The first 10 volumes were discarded"
    series = trim_volumes(bold, recipe.n_trim)
    # "slice timing"
    if recipe.slice_timing and slice_times is not None:
        series = correct_slice_timing(series, slice_times, tr, n_threads=n_threads)
    # "realignment"
    motion = realign(series, affine, n_threads=n_threads)
    # "normalization to MNI space"
    picture = _picture(series, affine, motion, n_threads)
    shape, grid = analysis_grid(recipe.resolution_mm)
    template, places = load_template(recipe.resolution_mm), grid_points(shape, grid)
    known = WITHIN_SLICES if phase_axis is None else (phase_axis,)
    axes = known if recipe.undistort else ()
    placed = place(picture, anatomy, template, places, shift_axes=axes, n_threads=n_threads)
    if anatomy is None:
        warnings.append(_WITHOUT_T1W)
    # the one interpolation of the data
    moved = resample_series(series, affine, placed.at.reshape(-1, 3), motion, n_threads)
    centre = head_centre(picture)
    confounds = _motion_confounds(motion, affine, series.shape[:3], centre)
    del series
    covered = moved.covered.reshape(shape)
    mask = template.brain & covered
    _check_covered(mask, placed.checks)
    image = moved.data.reshape(*shape, -1)
    smoothed = Smoothed(image, voxel_sizes(grid), n_threads)
    priors = np.stack([template.grey, template.white, template.csf])[:, mask]
    tissue = priors.argmax(axis=0).astype(np.int8)
    resampled = _Resampled(
        image,
        mask,
        tissue,
        grid,
        template,
        anatomy,
        places,
        covered,
        confounds,
        tr,
        smoothed,
        n_threads,
    )
    others = {}
    for label, other in variants.items():
        _, _, others[label] = _clean(resampled, other, [])
    confounds, before, cleaned = _clean(resampled, recipe, warnings)
    return CleanBold(
        series=cleaned.series,
        mask=mask,
        affine=grid,
        before=before,
        tissue=tissue,
        tsnr=temporal_snr(image[mask]),
        confounds=confounds,
        motion=motion,
        centre=centre,
        kept=cleaned.kept,
        effective_df=cleaned.effective_df,
        nominal_df=cleaned.nominal_df,
        mean=image.mean(axis=3),
        picture=picture,
        epi_to_t1w=placed.epi_to_t1w,
        overlaps=placed.overlaps,
        warnings=tuple(warnings),
        variants=others,
        checks=placed.checks,
    )


def _check_covered(mask: NDArray[np.bool_], checks: Mapping[str, RegistrationCheck]) -> None:
    if mask.sum() >= 2 * _LEAST_VOXELS:
        return
    msg = (
        "Almost nothing of the brain lies in the field of view once the run is in template "
        "space. Check the registration pictures and the headers of BOLD and T1w"
    )
    msg += "".join(
        f". The {name} {fits_when(check.axes, check.turn)}"
        for name, check in checks.items()
        if check.axes != RIGHT_AXES
    )
    raise InputError(msg)


def _clean(
    run: _Resampled, recipe: Recipe, warnings: list[str]
) -> tuple[dict[str, NDArray[np.float64]], NDArray[np.float32], VariantSeries]:
    """Smooth, regress and filter; return the confounds, the series before, and the clean ones."""
    # "smoothing with a 4-mm FWHM Gaussian kernel"
    smoothed = run.smoothed.by(recipe.fwhm, recipe.kernel)
    # "regression of 24 head-motion parameters, global, white matter and CSF signals"
    masks = _signal_masks(recipe, run.template, run.anatomy, run.places, run.covered, warnings)
    source = smoothed if recipe.signals_from == "priors" else run.image
    signals = {name: source[where].mean(axis=0, dtype=np.float64) for name, where in masks.items()}
    confounds = run.motion_confounds | signals
    confounds["dvars"] = dvars(run.image[run.mask])
    regressors = _regressors(recipe, confounds, {name: source[m] for name, m in masks.items()})
    # "band-pass 0.01-0.1 Hz", after the regression or together with it
    kept, operator = recipe_operator(
        recipe, regressors, confounds["framewise_displacement"], run.tr
    )
    before = smoothed[run.mask]
    return confounds, before, clean_series(before, kept, operator, run.tissue, run.n_threads)


def _motion_confounds(
    motion: NDArray[np.float64],
    affine: NDArray[np.float64],
    shape: tuple[int, ...],
    centre: NDArray[np.float64],
) -> dict[str, NDArray[np.float64]]:
    parameters = motion_parameters(motion)
    names = ["trans_x", "trans_y", "trans_z", "rot_x", "rot_y", "rot_z"]
    names += [f"{name}_lag1" for name in names]
    names += [f"{name}_power2" for name in names]
    confounds = dict(zip(names, friston24(parameters).T, strict=True))
    confounds["framewise_displacement"] = framewise_displacement_power(
        motion_parameters(motion, centre)
    )
    confounds["framewise_displacement_jenkinson"] = framewise_displacement_jenkinson(
        motion, affine, shape
    )
    return confounds


def _picture(
    series: NDArray[Any],
    affine: NDArray[np.float64],
    motion: NDArray[np.float64],
    n_threads: int | None,
) -> Image:
    """Return the mean of some realigned volumes, in the position of the first."""
    some = slice(None, None, max(1, len(motion) // _PICTURE_VOLUMES))
    points = grid_points(series.shape[:3], affine).reshape(-1, 3)
    realigned = resample_series(series[..., some], affine, points, motion[some], n_threads)
    return Image(realigned.data.mean(axis=1).reshape(series.shape[:3]), affine)


def _signal_masks(
    recipe: Recipe,
    template: Template,
    anatomy: Anatomy | None,
    places: NDArray[np.float64],
    covered: NDArray[np.bool_],
    warnings: list[str],
) -> dict[str, NDArray[np.bool_]]:
    """Return where the nuisance signals are read, on the analysis grid."""
    by_priors = {
        "global_signal": template.brain & covered,
        "white_matter": (template.white > PRIORS["white_matter"]) & covered,
        "csf": (template.csf > PRIORS["csf"]) & covered,
    }
    if recipe.signals_from == "priors" or anatomy is None:
        return by_priors
    masks = {"global_signal": by_priors["global_signal"]}
    for name, tissue in (("white_matter", "white"), ("csf", "csf")):
        masks[name] = anatomy.surely(tissue, places) & covered
        if masks[name].sum() < _LEAST_VOXELS:
            masks[name] = by_priors[name]
            warnings.append(OWN_TISSUE_TOO_SMALL.format(name, _LEAST_VOXELS))
    return masks


def _regressors(
    recipe: Recipe,
    confounds: dict[str, NDArray[np.float64]],
    within: dict[str, NDArray[np.float32]],
) -> dict[str, NDArray[np.float64]]:
    """Return what is regressed out, each of shape (n_volumes,)."""
    names = [name for name in confounds if name.startswith(("trans_", "rot_"))][: recipe.motion]
    names += ["white_matter", "csf", *(["global_signal"] if recipe.global_signal else [])]
    if recipe.n_acompcor:
        for name in ("white_matter", "csf"):
            for k, component in enumerate(acompcor(within[name], recipe.n_acompcor).T):
                names.append(f"{name[0]}_comp_cor_{k:02d}")
                confounds[names[-1]] = component
    return {name: confounds[name] for name in names}
