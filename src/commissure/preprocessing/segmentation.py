"""Grey matter, white matter and CSF of a T1w."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from commissure.preprocessing.registration import Image, Warp
from commissure.preprocessing.resampling import resample_image
from commissure.space.templates import load_template

TISSUES = ("csf", "grey", "white")

# Pure tissues, and between neighbours in brightness voxels that are partly one and partly the
# other: the share of the brighter one, in equal steps, so that the edge between two tissues lies
# where the shares say and not where a wide Gaussian meets a narrow one. A voxel is grey matter if
# it is more than two thirds so and the rest CSF, where SPM and FreeSurfer place the pial surface
# (at the half, the cortex of real heads is a fifth too thick), and white matter from the half.
# Bone in the mask has a Gaussian of its own, and counts as CSF.
_BONE, _PURE = 0, (0, 1, 5, 8)
_FROM = np.array([0, 1, 1, 1, 1, 2, 2, 2, 3])
_TO = np.array([0, 1, 2, 2, 2, 2, 3, 3, 3])
_SHARE = np.array([0, 0, 1 / 6, 3 / 6, 5 / 6, 0, 1 / 4, 3 / 4, 0])
_WIDTH = np.array([0, 0, 1 / 3, 1 / 3, 1 / 3, 0, 1 / 2, 1 / 2, 0])  # uniform within a step
_TISSUE_OF_COMPONENT = np.array([0, 0, 0, 0, 1, 1, 1, 2, 2])
# No tissue is purer than this of the step from grey to white matter: scanners' own filters and
# clipping leave white matter without spread.
_LEAST_SPREAD = 1 / 8
_PRIOR_FLOOR = 0.005  # the template's probabilities are of other people
_COUPLING = 0.3  # of a voxel to each of its six neighbours, in log odds
_MAX_ROUNDS, _FIELD_ROUNDS = 100, 5
_FITTED_VOXELS = 200_000  # enough for a few Gaussians; every n-th is taken
_TOLERANCE = 1e-5
_DARKEST = 0.01  # the share of the brain that is as dark as bone, where the search starts
_TINY = np.finfo(float).tiny

# The components' frequencies beside their priors, and the pure tissues' means and variances.
_Mixture = tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]


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
    return priors_at(warp.to_fixed(points), (template.csf, template.grey, template.white))


def priors_at(
    points: NDArray[np.float64], maps: Iterable[NDArray[np.float32]]
) -> NDArray[np.float32]:
    """Return the prior probabilities of tissues at points of the template.

    Parameters
    ----------
    points : ndarray of shape (n, 3)
        mm.
    maps : iterable of ndarray
        Of each tissue, on the template's grid of 1 mm.

    Returns
    -------
    ndarray of shape (n, n_tissues)
        Rows add up to one, and none is zero: the template's are of other people.
    """
    affine = load_template(1).affine
    priors = np.stack([resample_image(m, affine, points) for m in maps], axis=-1)
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
    Expectation maximisation of a mixture with partial volume (pure tissues, and steps between
    them), then a few rounds of mean-field coupling between neighbours with the mixture held.

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
    evidence = _evidence(values, priors, mixture)

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


def _fit_mixture(values: NDArray[np.float64], priors: NDArray[np.float64]) -> _Mixture:
    """Find the pure tissues' means and variances and the frequencies of the components."""
    trust = priors**3 / (priors**3).sum(axis=0)
    trust = trust[:, [0, 0, 1, 2]]
    means = values @ trust
    variances = ((values[:, None] - means) ** 2 * trust).sum(axis=0)
    variances = np.minimum(variances, ((means[3] - means[2]) / 2) ** 2)
    means[_BONE] = np.quantile(values, _DARKEST)
    variances[_BONE] = ((means[1] - means[_BONE]) / 4) ** 2
    spread = _spread(priors)
    shares = np.where(_WIDTH > 0, 0.3, 1.0)
    pure, before = list(_PURE), -np.inf
    for _ in range(_MAX_ROUNDS):
        joint = spread * shares * _likelihood(values, means, variances)
        total = np.maximum(joint.sum(axis=1, keepdims=True), _TINY)
        now = float(np.log(total).mean())
        if now - before < _TOLERANCE:
            break
        before = now
        joint /= total
        weight = np.maximum(joint.sum(axis=0), _TINY)
        shares = weight / spread.sum(axis=0)
        means = values @ joint[:, pure] / weight[pure]
        squares = ((values[:, None] - means) ** 2 * joint[:, pure]).sum(axis=0) / weight[pure]
        variances = np.maximum(squares, (_LEAST_SPREAD * (means[3] - means[2])) ** 2)
    return shares, means, variances


def _evidence(
    values: NDArray[np.float64], priors: NDArray[np.floating], mixture: _Mixture
) -> NDArray[np.float32]:
    """Return the tissues' probabilities in each voxel by itself, shape (n_voxels, 3)."""
    shares, means, variances = mixture
    tissues = np.eye(3)[_TISSUE_OF_COMPONENT]
    found = np.empty(priors.shape, np.float32)
    for start in range(0, len(values), _FITTED_VOXELS):
        some = slice(start, start + _FITTED_VOXELS)
        likelihood = _likelihood(values[some], means, variances)
        evidence = (_spread(priors[some]) * shares * likelihood) @ tissues
        found[some] = evidence / np.maximum(evidence.sum(axis=1, keepdims=True), _TINY)
    return found


def _spread(priors: NDArray[np.floating]) -> NDArray[np.floating]:
    """Return the components' priors: between two tissues the geometric mean of theirs."""
    pure = priors[:, [0, 0, 1, 2]]
    spread: NDArray[np.floating] = np.sqrt(pure[:, _FROM] * pure[:, _TO])
    return spread


def _likelihood(
    values: NDArray[np.float64], means: NDArray[np.float64], variances: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the likelihood of each component in each voxel, shape (n_voxels, n_components)."""
    step = means[_TO] - means[_FROM]
    mean = means[_FROM] + _SHARE * step
    variance = (1 - _SHARE) * variances[_FROM] + _SHARE * variances[_TO]
    variance += (_WIDTH * step) ** 2 / 12
    return gaussians(values, mean, variance)


def gaussians(
    values: NDArray[np.floating], means: NDArray[np.float64], variances: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the density of each Gaussian at each value, shape (n_values, n_gaussians)."""
    z2 = (values[:, None] - means) ** 2 / variances
    density: NDArray[np.float64] = np.exp(-0.5 * z2) / np.sqrt(2 * np.pi * variances)
    return density
