"""The mean of each map in regions of interest, and the regions themselves."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from commissure.problems import InputError
from commissure.space import Domain

# Voxels exactly on a sphere's surface are inside, whatever the last bit of their position is.
_TOLERANCE_MM = 1e-3


def roi_values(
    maps: ArrayLike, rois: Mapping[str, ArrayLike], participants: Sequence[str]
) -> pd.DataFrame:
    """Average maps within regions.

    Parameters
    ----------
    maps : array-like of shape (n_scans, n_places)
    rois : mapping of str to array-like
        For each region its places: indices, or a boolean array of shape (n_places,). The places of
        a cluster, what `sphere_roi` or `mask_roi` return, or an atlas label.
    participants : sequence of str
        Names of the scans, in the order of `maps`.

    Returns
    -------
    DataFrame of shape (n_scans, n_rois)
        Indexed by ``participant_id``, a column a region.

    Raises
    ------
    InputError
        If names and maps do not agree, a region is empty or reaches outside the domain, or a map
        has no value at some place of a region; all such problems together.
    """
    maps = np.asarray(maps, dtype=np.float64)
    if maps.ndim != 2 or len(maps) != len(participants):
        msg = f"maps has shape {maps.shape}; {len(participants)} participants need a row each."
        raise InputError(msg)
    problems: list[str] = []
    columns = {}
    for name, roi in rois.items():
        try:
            inside = maps[:, _places(name, np.asarray(roi), maps.shape[1])]
        except InputError as error:
            problems.extend(error.problems)
            continue
        if gaps := [
            who for who, ok in zip(participants, np.isfinite(inside).all(1), strict=True) if not ok
        ]:
            problems.append(
                f"The region {name} has places without data in {', '.join(gaps)}. Restrict the "
                "maps to the places where every scan has data."
            )
        columns[name] = inside.mean(axis=1)
    if problems:
        raise InputError(problems)
    return pd.DataFrame(columns, index=pd.Index(participants, name="participant_id"))


def _places(name: str, roi: NDArray[Any], n_places: int) -> NDArray[np.intp]:
    """Return a region's places, each once, after a check."""
    if roi.size == 0 or (roi.dtype == bool and not roi.any()):
        msg = f"The region {name} is empty: it has no place in the domain."
        raise InputError(msg)
    if roi.dtype == bool:
        if roi.shape != (n_places,):
            msg = f"The region {name} has shape {roi.shape}; the maps have {n_places} places."
            raise InputError(msg)
        return np.flatnonzero(roi)
    if not np.issubdtype(roi.dtype, np.integer):
        msg = f"The region {name} is of {roi.dtype}; give indices of places or a boolean array."
        raise InputError(msg)
    places = np.unique(roi)
    if places[0] < 0 or places[-1] >= n_places:
        msg = (
            f"The region {name} has places {places[0]} to {places[-1]}; the maps have places 0 to "
            f"{n_places - 1}."
        )
        raise InputError(msg)
    return places.astype(np.intp)


def sphere_roi(domain: Domain, centre: Sequence[float], radius: float) -> NDArray[np.intp]:
    """Return the places whose centres lie in a sphere.

    Parameters
    ----------
    domain : Domain
    centre : sequence of 3 floats
        In mm, RAS+.
    radius : float
        In mm; places on the surface are inside.

    Returns
    -------
    ndarray of shape (n,)
        Ascending.

    Raises
    ------
    InputError
        If the arguments are no sphere, or no place of the domain is in it.
    """
    at = np.asarray(centre, dtype=np.float64)
    if at.shape != (3,) or not (np.isfinite(at).all() and np.isfinite(radius) and radius > 0):
        msg = f"A sphere needs x, y, z and a radius above 0, in mm; given: {centre}, {radius}."
        raise InputError(msg)
    distance = np.linalg.norm(domain.coordinates - at, axis=1)
    places = np.flatnonzero(distance <= radius + _TOLERANCE_MM)
    if not len(places):
        x, y, z = domain.coordinates[distance.argmin()]
        msg = (
            f"No place of {domain.name} lies within {radius:g} mm of "
            f"({', '.join(f'{mm:g}' for mm in at)}): the nearest, ({x:g}, {y:g}, {z:g}), is "
            f"{distance.min():.1f} mm away. Move the centre (mm, RAS+) or enlarge the radius."
        )
        raise InputError(msg)
    return places


def mask_roi(domain: Domain, mask_img: Any) -> NDArray[np.intp]:
    """Return the places that are inside a mask.

    Parameters
    ----------
    domain : Domain
    mask_img : nibabel image
        Three-dimensional, of zeros and one other value, on the grid of the domain.

    Returns
    -------
    ndarray of shape (n,)
        Ascending. Voxels of the mask outside the domain have no place, and are left out.

    Raises
    ------
    InputError
        If the image is no mask, is on another grid, or has no place in the domain.
    """
    places = np.flatnonzero(domain.places_in(mask_img))
    if not len(places):
        name = mask_img.get_filename() or "the mask"
        msg = f"{name} does not overlap with {domain.name}, so it has no place to average over."
        raise InputError(msg)
    return places
