"""The order of the steps, to be read beside the paper's section on preprocessing.

Each step is a pure function of its own module; here is only what comes after what.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np
from annotated_types import Ge, Gt
from nibabel.affines import apply_affine, voxel_sizes
from numpy.typing import NDArray

from commissure.preprocessing.anatomy import Anatomy
from commissure.preprocessing.brain_mask import dice, epi_brain_mask
from commissure.preprocessing.censoring import kept_volumes
from commissure.preprocessing.cleaning import cleaning_operator
from commissure.preprocessing.epi import (
    epi_t1w_overlap,
    register_epi_to_t1w,
    register_template_to_epi,
)
from commissure.preprocessing.filtering import Padding
from commissure.preprocessing.freedom import effective_degrees_of_freedom
from commissure.preprocessing.motion import (
    framewise_displacement_jenkinson,
    framewise_displacement_power,
    friston24,
    motion_parameters,
)
from commissure.preprocessing.nuisance import acompcor, apply_operator
from commissure.preprocessing.realignment import realign
from commissure.preprocessing.registration import Image, grid_points
from commissure.preprocessing.resampling import resample_image, resample_series
from commissure.preprocessing.signal_quality import dvars, temporal_snr
from commissure.preprocessing.slice_timing import correct_slice_timing
from commissure.preprocessing.smoothing import smooth
from commissure.preprocessing.trim import trim_volumes
from commissure.problems import InputError
from commissure.space.templates import Template, analysis_grid, load_template

# Volumes that the EPI's picture for registration is the mean of.
_PICTURE_VOLUMES = 20
# Fewer voxels make no mean worth regressing.
_LEAST_VOXELS = 10
# Where the paper reads its nuisance signals: the template's prior must exceed this.
PRIORS = {"white_matter": 0.9, "csf": 0.7}
OWN_TISSUE_TOO_SMALL = (
    "Eroded, the participant's own {} has fewer than {} voxels: its signal was read where the "
    "template's prior is high."
)


@dataclass(frozen=True)
class Recipe:
    """What may be chosen; the defaults are the preset ``recommended``.

    Attributes
    ----------
    n_trim : int
        Volumes dropped at the beginning.
    slice_timing : bool
        Whether slices are shifted to the middle of the repetition time.
    resolution_mm : {2, 3, 4}
        Of the grid in template space.
    warp : {"fine", "coarse"}
        Whether the T1w is warped to the template down to 2 mm, or less closely in a third of the
        time, which is enough for scans of low resolution.
    fwhm : float
        Of the smoothing, mm.
    kernel : {"gaussian", "spm"}
        A Gaussian of that width, or the wider one that SPM takes.
    signals_from : {"participant", "priors"}
        White matter and CSF from the unsmoothed data in the participant's own tissues, eroded; or
        from the smoothed data where the template's priors are high, as the paper.
    global_signal : bool
        Whether it is regressed out.
    n_acompcor : int
        Components of white matter and CSF each that are regressed out beside the means.
    low, high : float
        Pass band, Hz.
    padding : {"dft", "dpabi"}
        Whether the series are filtered as they are, or filled up with zeros as DPABI does.
    simultaneous : bool
        Whether regression and filter are one projection.
    censor_mm : float, optional
        Volumes with a framewise displacement (Power) above it are censored.
    """

    n_trim: Annotated[int, Ge(0)] = 10
    slice_timing: bool = True
    resolution_mm: Literal[2, 3, 4] = 3
    warp: Literal["fine", "coarse"] = "fine"
    fwhm: Annotated[float, Ge(0)] = 4.0
    kernel: Literal["gaussian", "spm"] = "gaussian"
    signals_from: Literal["participant", "priors"] = "participant"
    global_signal: bool = True
    n_acompcor: Annotated[int, Ge(0)] = 0
    low: Annotated[float, Ge(0)] = 0.01
    high: Annotated[float, Gt(0)] = 0.1
    padding: Padding = "dft"
    simultaneous: bool = True
    censor_mm: Annotated[float, Gt(0)] | None = None


@dataclass(frozen=True, eq=False)
class CleanBold:
    """A run as the measures want it, and how it came to be so.

    Attributes
    ----------
    series : ndarray of shape (n_places, n_kept), float32
        Cleaned, at the voxels of `mask` (in the order of `numpy.argwhere`).
    mask : ndarray of bool, shape (x, y, z)
        The template's brain where every volume has data, on the analysis grid.
    affine : ndarray of shape (4, 4)
        Of the analysis grid.
    before : ndarray of shape (n_places, n_volumes), float32
        Smoothed, not yet cleaned.
    tissue : ndarray of int8, shape (n_places,)
        0 grey matter, 1 white matter, 2 CSF, by what is likeliest; for pictures.
    tsnr : ndarray of shape (n_places,)
        Before smoothing and cleaning.
    confounds : dict of str to ndarray of shape (n_volumes,)
        By their names in BIDS derivatives.
    motion : ndarray of shape (n_volumes, 4, 4)
        See `realign`.
    kept : ndarray of bool, shape (n_volumes,)
        Volumes that were not censored.
    effective_df : float
        See `effective_degrees_of_freedom`.
    mean : ndarray of shape (x, y, z)
        Of all volumes in template space, not smoothed.
    picture : Image
        Mean of the realigned EPI, in the position of the first kept volume.
    epi_to_t1w : ndarray of shape (4, 4), or None
        mm (EPI) to mm (T1w).
    overlaps : dict of str to float
        Dice of the EPI's brain with the T1w's (``epi_t1w``) and the template's (``epi_template``).
    warnings : tuple of str
    without_global_signal : ndarray of shape (n_places, n_kept), float32, or None
        The series if the global signal stays in them, where that was asked for and differs.
    """

    series: NDArray[np.float32]
    mask: NDArray[np.bool_]
    affine: NDArray[np.float64]
    before: NDArray[np.float32]
    tissue: NDArray[np.int8]
    tsnr: NDArray[np.float64]
    confounds: dict[str, NDArray[np.float64]]
    motion: NDArray[np.float64]
    kept: NDArray[np.bool_]
    effective_df: float
    mean: NDArray[np.float32]
    picture: Image
    epi_to_t1w: NDArray[np.float64] | None
    overlaps: dict[str, float]
    warnings: tuple[str, ...]
    without_global_signal: NDArray[np.float32] | None = None


def preprocess(
    bold: NDArray[Any],
    affine: NDArray[np.float64],
    tr: float,
    slice_times: tuple[float, ...] | None,
    anatomy: Anatomy | None,
    recipe: Recipe,
    *,
    without_global_signal: bool = False,
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
    without_global_signal : bool
        Whether the series are cleaned a second time, with the global signal left in.
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
    confounds = _motion_confounds(motion, affine, series.shape[:3])
    # "normalization to MNI space": where each voxel of the template's grid is in the EPI
    picture = _picture(series, affine, motion, n_threads)
    shape, grid = analysis_grid(recipe.resolution_mm)
    template, places = load_template(recipe.resolution_mm), grid_points(shape, grid)
    overlaps, epi_to_t1w = {}, None
    if anatomy is None:
        at = register_template_to_epi(picture, n_threads).to_moving(places)
        warnings.append(
            "There is no T1w: the EPI was registered straight to the template, which is less "
            "accurate. Look at the outlines."
        )
    else:
        epi_to_t1w = register_epi_to_t1w(picture, anatomy.t1w)
        brain = Image(anatomy.brain, anatomy.t1w.affine)
        overlaps["epi_t1w"] = epi_t1w_overlap(picture, epi_to_t1w, brain)
        at = apply_affine(np.linalg.inv(epi_to_t1w), anatomy.warp.to_moving(places))
    overlaps["epi_template"] = _overlap(picture, at, template)
    # the one interpolation of the data
    resampled = resample_series(series, affine, at.reshape(-1, 3), motion, n_threads)
    del series
    covered = resampled.covered.reshape(shape)
    mask = template.brain & covered
    if mask.sum() < 2 * _LEAST_VOXELS:
        msg = (
            "Almost nothing of the brain lies in the field of view once the run is in template "
            "space. Check the registration pictures and the headers of BOLD and T1w."
        )
        raise InputError(msg)
    image = resampled.data.reshape(*shape, -1)
    # "smoothing with a 4-mm FWHM Gaussian kernel"
    smoothed = smooth(image, voxel_sizes(grid), recipe.fwhm, recipe.kernel, n_threads=n_threads)
    # "regression of 24 head-motion parameters, global, white matter and CSF signals"
    masks = _signal_masks(recipe, template, anatomy, places, covered, warnings)
    source = smoothed if recipe.signals_from == "priors" else image
    signals = {name: source[where].mean(axis=0, dtype=np.float64) for name, where in masks.items()}
    confounds |= signals
    confounds["dvars"] = dvars(image[mask])
    regressors = _regressors(recipe, confounds, {name: source[m] for name, m in masks.items()})
    # "band-pass 0.01-0.1 Hz", after the regression or together with it
    displacement = confounds["framewise_displacement"]
    kept, operator = recipe_operator(recipe, regressors, displacement, tr)
    before = smoothed[mask]
    tissue = np.stack([template.grey, template.white, template.csf])[:, mask].argmax(axis=0)
    other = None
    if without_global_signal and recipe.global_signal:
        _, second = recipe_operator(recipe, regressors, displacement, tr, global_signal=False)
        other = apply_operator(before, second, n_threads=n_threads)
    return CleanBold(
        series=apply_operator(before, operator, n_threads=n_threads),
        mask=mask,
        affine=grid,
        before=before,
        tissue=tissue.astype(np.int8),
        tsnr=temporal_snr(image[mask]),
        confounds=confounds,
        motion=motion,
        kept=kept,
        effective_df=effective_degrees_of_freedom(operator),
        mean=image.mean(axis=3),
        picture=picture,
        epi_to_t1w=epi_to_t1w,
        overlaps=overlaps,
        warnings=tuple(warnings),
        without_global_signal=other,
    )


def recipe_operator(
    recipe: Recipe,
    regressors: Mapping[str, NDArray[np.float64]],
    displacement: NDArray[np.float64],
    tr: float,
    *,
    kept: NDArray[np.bool_] | None = None,
    is_filtered: bool = False,
    global_signal: bool = True,
) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """Return which volumes a recipe keeps, and its regression and filter as one operator.

    Parameters
    ----------
    recipe : Recipe
    regressors : mapping of str to ndarray of shape (n_volumes,)
    displacement : ndarray of shape (n_volumes,)
        Framewise (Power), mm.
    tr : float
        Seconds.
    kept : ndarray of bool, shape (n_volumes,), optional
        Volumes of which the recipe may keep some; all by default.
    is_filtered : bool
        Whether the series went through a filter before: then there is none.
    global_signal : bool
        Whether to take it, its derivatives and its powers of the regressors.

    Returns
    -------
    kept : ndarray of bool, shape (n_volumes,)
    operator : ndarray of shape (n_kept, n_volumes)
        See `cleaning_operator`.
    """
    names = [name for name in regressors if global_signal or not of_global_signal(name)]
    none = np.empty((len(displacement), 0))
    design = np.column_stack([none, *(regressors[name] for name in names)])
    kept = np.ones(len(design), np.bool_) if kept is None else kept
    if recipe.censor_mm is not None:
        kept = kept & kept_volumes(displacement, recipe.censor_mm)
    operator = cleaning_operator(
        design,
        tr=tr,
        low=None if is_filtered else recipe.low,
        high=None if is_filtered else recipe.high,
        padding=recipe.padding,
        simultaneous=recipe.simultaneous,
        kept=kept,
    )
    return kept, operator


def of_global_signal(name: str) -> bool:
    """Tell whether a confound is the global signal, or made of it."""
    return name.startswith("global_signal")


def _motion_confounds(
    motion: NDArray[np.float64], affine: NDArray[np.float64], shape: tuple[int, ...]
) -> dict[str, NDArray[np.float64]]:
    parameters = motion_parameters(motion)
    names = ["trans_x", "trans_y", "trans_z", "rot_x", "rot_y", "rot_z"]
    names += [f"{name}_lag1" for name in names]
    names += [f"{name}_power2" for name in names]
    confounds = dict(zip(names, friston24(parameters).T, strict=True))
    confounds["framewise_displacement"] = framewise_displacement_power(parameters)
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


def _overlap(picture: Image, at: NDArray[np.float64], template: Template) -> float:
    """Return the Dice overlap of the EPI's brain with the template's, in the field of view."""
    seen = resample_image(np.ones(picture.data.shape), picture.affine, at) > 0.5
    brain = resample_image(epi_brain_mask(picture), picture.affine, at) > 0.5
    return dice(brain, template.brain & seen)


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
    names = [name for name in confounds if name.startswith(("trans_", "rot_"))]
    names += ["white_matter", "csf", *(["global_signal"] if recipe.global_signal else [])]
    if recipe.n_acompcor:
        for name in ("white_matter", "csf"):
            for k, component in enumerate(acompcor(within[name], recipe.n_acompcor).T):
                names.append(f"{name[0]}_comp_cor_{k:02d}")
                confounds[names[-1]] = component
    return {name: confounds[name] for name in names}
