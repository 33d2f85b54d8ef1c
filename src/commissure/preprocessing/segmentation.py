"""Grey matter, white matter and CSF of a T1w."""

import numpy as np
from numpy.typing import NDArray

from commissure.preprocessing.registration import Image, Warp
from commissure.preprocessing.resampling import resample_image
from commissure.space.templates import load_template

TISSUES = ("csf", "grey", "white")

# As SPM: a Gaussian each for grey and white matter, two for CSF, which also takes what is partly
# grey matter, vessel or membrane.
_TISSUE_OF_COMPONENT = (0, 0, 1, 2)
_PRIOR_FLOOR = 0.005  # the template's probabilities are of other people
_COUPLING = 0.3  # of a voxel to each of its six neighbours, in log odds
_MAX_ROUNDS, _FIELD_ROUNDS = 100, 5
_FITTED_VOXELS = 200_000  # enough for four Gaussians; every n-th is taken
_TOLERANCE = 1e-5


def tissue_priors(warp: Warp, t1w: Image, mask: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Bring the template's tissue probabilities to the voxels of a mask.

    Parameters
    ----------
    warp : Warp
        From the template (fixed) to the T1w (moving).
    t1w : Image
    mask : ndarray of bool

    Returns
    -------
    ndarray of shape (n_voxels, 3)
        In the order of `TISSUES` and of `numpy.argwhere(mask)`; rows add up to one.
    """
    template = load_template(1)
    points = np.argwhere(mask) @ t1w.affine[:3, :3].T + t1w.affine[:3, 3]
    points = warp.to_fixed(points)
    maps = (template.csf, template.grey, template.white)
    priors = np.stack([resample_image(m, template.affine, points) for m in maps], axis=-1)
    priors += _PRIOR_FLOOR
    normalised: NDArray[np.float32] = priors / priors.sum(axis=1, keepdims=True)
    return normalised


def segment(
    t1w: NDArray[np.floating], mask: NDArray[np.bool_], priors: NDArray[np.floating]
) -> NDArray[np.float32]:
    """Find the probabilities of the tissues by a mixture of Gaussians with spatial priors.

    Parameters
    ----------
    t1w : ndarray of shape (x, y, z)
        Corrected for bias.
    mask : ndarray of bool, shape (x, y, z)
        The brain.
    priors : ndarray of shape (n_voxels, 3)
        See `tissue_priors`.

    Returns
    -------
    ndarray of shape (x, y, z, 3)
        In the order of `TISSUES`; adds up to one in the mask, zero outside.

    Notes
    -----
    Expectation maximisation of the mixture, then a few rounds of mean-field coupling between
    neighbours with the mixture held.

    References
    ----------
    Ashburner J, Friston KJ (2005) Unified segmentation. NeuroImage 26:839-851. Zhang Y, Brady M,
    Smith S (2001) Segmentation of brain MR images through a hidden Markov random field model.
    IEEE TMI 20:45-57.
    """
    values = np.asarray(t1w[mask], np.float64)
    values /= np.median(values)
    step = -(-len(values) // _FITTED_VOXELS)
    mixture = _fit_mixture(values[::step], np.asarray(priors[::step], np.float64))
    likelihood = _likelihood(values, *mixture)
    tissue = np.array(_TISSUE_OF_COMPONENT)
    evidence = priors * np.stack([likelihood[:, tissue == k].sum(axis=1) for k in range(3)], -1)
    evidence /= np.maximum(evidence.sum(axis=1, keepdims=True), np.finfo(float).tiny)

    field = np.zeros((*(n + 2 for n in mask.shape), 3), np.float32)
    inner = field[1:-1, 1:-1, 1:-1]
    inner[mask] = evidence
    for _ in range(_FIELD_ROUNDS):
        around = np.zeros_like(inner)
        for axis in range(3):
            for start in (0, 2):
                place = [slice(1, -1)] * 3
                place[axis] = slice(start, start + mask.shape[axis])
                around += field[tuple(place)]
        coupled = evidence * np.exp(_COUPLING * around[mask])
        inner[mask] = coupled / np.maximum(coupled.sum(axis=1, keepdims=True), 1e-30)
    return np.ascontiguousarray(inner)


def _fit_mixture(
    values: NDArray[np.float64], priors: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return each component's share of its tissue, mean and variance."""
    tissue = np.array(_TISSUE_OF_COMPONENT)
    trust = priors**2 / (priors**2).sum(axis=0)
    centre = values @ trust
    variance = ((values[:, None] - centre) ** 2 * trust).sum(axis=0)
    means, variances = centre[tissue], variance[tissue]
    # The two components of CSF start apart.
    means[:2] += np.array([-0.5, 0.5]) * np.sqrt(variance[0])
    shares = 1 / np.bincount(tissue)[tissue]
    tiny, floor = np.finfo(float).tiny, 1e-6 * values.var()
    before = -np.inf
    for _ in range(_MAX_ROUNDS):
        joint = priors[:, tissue] * _likelihood(values, shares, means, variances)
        total = np.maximum(joint.sum(axis=1, keepdims=True), tiny)
        now = float(np.log(total).mean())
        if now - before < _TOLERANCE:
            break
        before = now
        joint /= total
        weight = np.maximum(joint.sum(axis=0), tiny)
        means = values @ joint / weight
        variances = ((values[:, None] - means) ** 2 * joint).sum(axis=0) / weight
        variances = np.maximum(variances, floor)
        shares = weight / np.bincount(tissue, weight)[tissue]
    return shares, means, variances


def _likelihood(
    values: NDArray[np.float64],
    shares: NDArray[np.float64],
    means: NDArray[np.float64],
    variances: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Return the likelihood of each component in each voxel, shape (n_voxels, n_components)."""
    z2 = (values[:, None] - means) ** 2 / variances
    density: NDArray[np.float64] = shares / np.sqrt(2 * np.pi * variances) * np.exp(-0.5 * z2)
    return density
