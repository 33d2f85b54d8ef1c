"""What may be chosen of preprocessing, what comes of it, and regression and filter as one."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Literal

import numpy as np
from annotated_types import Ge, Le
from numpy.typing import NDArray

from commissure.preprocessing.censoring import best_volumes, kept_volumes
from commissure.preprocessing.cleaning import cleaning_operator
from commissure.preprocessing.filtering import Padding
from commissure.preprocessing.freedom import (
    effective_degrees_of_freedom,
    nominal_degrees_of_freedom,
)
from commissure.preprocessing.nuisance import apply_operator
from commissure.preprocessing.registration import Image
from commissure.records.runs import RegistrationCheck

# Where the paper reads its nuisance signals: the template's prior must exceed this.
PRIORS = {"white_matter": 0.9, "csf": 0.7}


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
    undistort : bool
        Whether the EPI's shifts along its phase-encoding axis, which the border of white matter of
        the T1w shows, are corrected; where they do not show nothing is done.
    fwhm : float
        Of the smoothing, mm.
    kernel : {"gaussian", "spm"}
        A Gaussian of that width, or the wider one that SPM takes.
    signals_from : {"participant", "priors"}
        White matter and CSF from the unsmoothed data in the participant's own tissues, eroded; or
        from the smoothed data where the template's priors are high, as the paper.
    global_signal : bool
        Whether it is regressed out.
    motion : {6, 24}
        Regressors of head motion: the 6 realignment parameters, or with those of the volume before
        and the squares of both, which short runs cannot carry.
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
    best_volumes : int, optional
        As many volumes, those with the least framewise displacement (Power), are kept of every run
        and the others censored; runs that have fewer are excluded.
    """

    n_trim: Annotated[int, Ge(0), Le(1000)] = 10
    slice_timing: bool = True
    resolution_mm: Literal[2, 3, 4] = 3
    warp: Literal["fine", "coarse"] = "fine"
    undistort: bool = True
    fwhm: Annotated[float, Ge(0), Le(30)] = 4.0
    kernel: Literal["gaussian", "spm"] = "gaussian"
    signals_from: Literal["participant", "priors"] = "participant"
    global_signal: bool = True
    motion: Literal[6, 24] = 24
    n_acompcor: Annotated[int, Ge(0), Le(50)] = 0
    low: Annotated[float, Ge(0), Le(10)] = 0.01
    high: Annotated[float, Ge(0.001), Le(10)] = 0.1
    padding: Padding = "dft"
    simultaneous: bool = True
    censor_mm: Annotated[float, Ge(0.01), Le(10)] | None = None
    best_volumes: Annotated[int, Ge(10), Le(100_000)] | None = None


# What is done before a run is smoothed and cleaned; variants of a recipe share it.
BEFORE_CLEANING = frozenset({"n_trim", "slice_timing", "resolution_mm", "warp", "undistort"})


@dataclass(frozen=True, eq=False)
class VariantSeries:
    """Series that a variant of the recipe makes.

    Attributes
    ----------
    series : ndarray of shape (n_places, n_kept), float32
    kept : ndarray of bool, shape (n_volumes,)
    effective_df, nominal_df : float
        See `CleanBold`.
    """

    series: NDArray[np.float32]
    kept: NDArray[np.bool_]
    effective_df: float
    nominal_df: float


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
    centre : ndarray of shape (3,)
        Of the head, mm, where `motion` is given: shifts are measured there.
    kept : ndarray of bool, shape (n_volumes,)
        Volumes that were not censored.
    effective_df, nominal_df : float
        See `effective_degrees_of_freedom` and `nominal_degrees_of_freedom`.
    mean : ndarray of shape (x, y, z)
        Of all volumes in template space, not smoothed.
    picture : Image
        Mean of the realigned EPI, in the position of the first kept volume.
    epi_to_t1w : ndarray of shape (4, 4), or None
        mm (EPI) to mm (T1w).
    overlaps : dict of str to float
        Dice of the EPI's brain with the T1w's (``epi_t1w``) and the template's (``epi_template``).
    warnings : tuple of str
    variants : dict of str to VariantSeries
        The series by other recipes that were asked for, at the same places.
    checks : dict of str to RegistrationCheck
        Of where the EPI (``epi``) and the T1w (``t1w``) were put in the template.
    """

    series: NDArray[np.float32]
    mask: NDArray[np.bool_]
    affine: NDArray[np.float64]
    before: NDArray[np.float32]
    tissue: NDArray[np.int8]
    tsnr: NDArray[np.float64]
    confounds: dict[str, NDArray[np.float64]]
    motion: NDArray[np.float64]
    centre: NDArray[np.float64]
    kept: NDArray[np.bool_]
    effective_df: float
    nominal_df: float
    mean: NDArray[np.float32]
    picture: Image
    epi_to_t1w: NDArray[np.float64] | None
    overlaps: dict[str, float]
    warnings: tuple[str, ...]
    variants: dict[str, VariantSeries] = field(default_factory=dict)
    checks: dict[str, RegistrationCheck] = field(default_factory=dict)


def recipe_operator(
    recipe: Recipe,
    regressors: Mapping[str, NDArray[np.float64]],
    displacement: NDArray[np.float64],
    tr: float,
    *,
    kept: NDArray[np.bool_] | None = None,
    is_filtered: bool = False,
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

    Returns
    -------
    kept : ndarray of bool, shape (n_volumes,)
    operator : ndarray of shape (n_kept, n_volumes)
        See `cleaning_operator`.
    """
    none = np.empty((len(displacement), 0))
    design = np.column_stack([none, *regressors.values()])
    kept = np.ones(len(design), np.bool_) if kept is None else kept
    if recipe.censor_mm is not None:
        kept = kept & kept_volumes(displacement, recipe.censor_mm)
    if recipe.best_volumes is not None:
        kept = best_volumes(displacement, kept, recipe.best_volumes)
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


def clean_series(
    before: NDArray[np.float32],
    kept: NDArray[np.bool_],
    operator: NDArray[np.float64],
    tissue: NDArray[np.int8],
    n_threads: int | None,
) -> VariantSeries:
    """Apply what `recipe_operator` returned.

    Parameters
    ----------
    before : ndarray of shape (n_places, n_volumes)
    kept : ndarray of bool, shape (n_volumes,)
    operator : ndarray of shape (n_kept, n_volumes)
    tissue : ndarray of int8, shape (n_places,)
        Degrees of freedom are those of grey matter (0).
    n_threads : int or None
    """
    series = apply_operator(before, operator, n_threads=n_threads)
    effective = effective_degrees_of_freedom(series, operator, tissue == 0)
    return VariantSeries(series, kept, effective, nominal_degrees_of_freedom(operator))
