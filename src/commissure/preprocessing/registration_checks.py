"""What can go wrong with a registration and does not show where outlines are compared.

The overlap of two brain masks is what a warp makes large, whichever way round the brain lies. What
is measured here is not what any registration optimised: where a search that knows nothing of the
header puts the head, how far that is from where it was put, how much a brain had to be stretched
and warped for it, and how much of the brain is in the image at all.
"""

import numpy as np
from nibabel.affines import apply_affine, voxel_sizes
from numpy.typing import NDArray

from commissure.preprocessing.orientation import Orientation
from commissure.preprocessing.registration import Image, Warp
from commissure.preprocessing.resampling import resample_image
from commissure.records.runs import RegistrationCheck
from commissure.space.templates import load_template

_PLACES_MM = 6  # between the places where two registrations are compared
_NOWHERE_MM = 1000.0  # how far off places count that a failed warp puts nowhere
# A warp that makes less or more of a piece of brain than this is no anatomy; below 0 it folds.
_VOLUMES = (0.2, 5.0)


def brain_places() -> NDArray[np.float64]:
    """Return places (n, 3), mm, all over the template's brain, where registrations are compared."""
    template = load_template(_PLACES_MM)
    places: NDArray[np.float64] = apply_affine(template.affine, np.argwhere(template.brain))
    return places


def check_registration(
    image: Image,
    orientation: Orientation,
    at: NDArray[np.float64],
    warp: Warp | None = None,
) -> RegistrationCheck:
    """Measure what tells whether an image was put in the right place.

    Parameters
    ----------
    image : Image
    orientation : Orientation
        What `find_orientation` finds in it.
    at : ndarray of shape (n, 3)
        Where `brain_places` are in the image by its registration, mm.
    warp : Warp, optional
        From the template to the image, if it is that which `at` is by.
    """
    apart = np.linalg.norm(at - apply_affine(orientation.matrix, brain_places()), axis=-1)
    apart = np.where(np.isfinite(apart), apart, _NOWHERE_MM)
    has_data = resample_image(np.asarray(image.data != 0, np.float32), image.affine, at) > 0.5
    return RegistrationCheck(
        axes=orientation.axes,
        turn=orientation.turn,
        doubt=orientation.doubt,
        apart=float(apart.mean()),
        coverage=float(has_data.mean()),
        stretch=None if warp is None else _stretch(warp.matrix),
        warped=None if warp is None else _warped(warp),
    )


def _stretch(matrix: NDArray[np.float64]) -> float:
    factors = np.linalg.svd(matrix[:3, :3], compute_uv=False)
    return float(max(factors.max(), 1 / max(factors.min(), 1e-9)))


def _warped(warp: Warp) -> float:
    """Return the share of the template's brain whose volume is not kept within `_VOLUMES`."""
    sizes = voxel_sizes(warp.affine)
    slopes = np.stack(
        [np.gradient(warp.forward[..., k], sizes[m], axis=m) for k in range(3) for m in range(3)],
        axis=-1,
    ).reshape(*warp.forward.shape, 3)
    brain = load_template(round(float(sizes[0]))).brain
    inner = slopes[brain]
    inner[~np.isfinite(inner).all(axis=(1, 2))] = -np.eye(3)  # squeezed to nothing
    volumes = np.linalg.det(np.eye(3) + inner)
    low, high = _VOLUMES
    return float(1 - ((volumes >= low) & (volumes <= high)).mean())
