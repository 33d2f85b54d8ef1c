"""The brain among what lies around it: classes of tissue and an outside, parted along the skull."""

from functools import lru_cache
from itertools import product

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from commissure.preprocessing.brain_mask import dice
from commissure.preprocessing.registration import Image, Warp
from commissure.preprocessing.resampling import resample_image
from commissure.preprocessing.segmentation import gaussians, priors_at
from commissure.space.templates import load_template

# mm: so far beyond the brain that was found may brain be; the border's softness; where inside and
# outside are sure; how far CSF reaches beyond what is grey or white.
_REACH, _SOFT, _SURE_INSIDE, _SURE_OUTSIDE, _CSF_REACH = 10, 1.5, 6, 9, 6
_LEAST_OUTSIDE = 0.002
_N_OUTSIDE = 3  # Gaussians of bone and air, muscle and scalp, fat and marrow
_ROUNDS, _FITTED_VOXELS = 60, 150_000
_BRIGHT = 1.2  # of the brain's median: what is brighter is no border
_LEAST_OVERLAP = 0.8  # with the outline: with less, the T1w is none that the model fits
_DEGREE, _FIELD_VOXELS = 2, 50_000


def refine_brain(
    t1w: Image, corrected: NDArray[np.float32], brain: NDArray[np.bool_], warp: Warp
) -> NDArray[np.bool_]:
    """Find which voxels near a brain are brain, by their brightness and the dark skull.

    Parameters
    ----------
    t1w : Image
        With its skull (or without).
    corrected : ndarray of shape (x, y, z)
        The same in the brain, corrected for bias.
    brain : ndarray of bool, shape (x, y, z)
        By the template's outline.
    warp : Warp
        From the template (fixed) to the T1w (moving).

    Returns
    -------
    ndarray of bool, shape (x, y, z)
        One piece without holes; the outline where it overlaps that by less than 0.8 (Dice), as of
        images that are no T1w.

    Notes
    -----
    A mixture of Gaussians for CSF, grey and white matter, with the template's priors and a
    partial-volume class between each two, and three for the outside, whose prior follows the
    distance from the template's outline. Brain is what floods from inside before it meets what
    floods from outside, bright first: bone and CSF are dark, so they meet there.
    """
    box = _box(brain, _steps(t1w, _REACH + 2))
    affine = t1w.affine.copy()
    affine[:3, 3] += affine[:3, :3] @ [side.start for side in box]
    first = brain[box]
    near = ndimage.binary_dilation(first, iterations=_steps(t1w, _REACH))
    inside, priors = _priors(warp, affine, near)
    bright = np.where(near, t1w.data[box] / _field(t1w.data[box], corrected[box], first), 0)
    bright = np.maximum(bright, 0).astype(np.float32)
    bright /= np.median(bright[first])
    enclosed = _enclosed(bright, near, inside)
    tissue = _classes(bright[near], priors, inside[near])
    solid, csf = np.zeros((2, *near.shape), np.bool_)
    solid[near] = (tissue == 1) | (tissue == 2)
    csf[near] = tissue == 0
    whole = _grown(enclosed & near, solid, csf, _steps(t1w, 2), _steps(t1w, _CSF_REACH))
    refined = np.zeros(brain.shape, np.bool_)
    refined[box] = whole
    return refined if dice(refined, brain) >= _LEAST_OVERLAP else brain


def _grown(
    enclosed: NDArray[np.bool_],
    solid: NDArray[np.bool_],
    csf: NDArray[np.bool_],
    thin: int,
    reach: int,
) -> NDArray[np.bool_]:
    """Return what is enclosed, without what hangs on it by little, and the CSF around it."""
    allowed = enclosed & (solid | csf)
    core = _largest(ndimage.binary_opening(allowed, iterations=thin))
    core = ndimage.binary_dilation(core, iterations=thin, mask=allowed)
    grown = ndimage.binary_dilation(core, iterations=reach, mask=csf | core)
    return _largest(ndimage.binary_opening(ndimage.binary_fill_holes(grown)))


def _field(
    data: NDArray[np.floating], corrected: NDArray[np.floating], brain: NDArray[np.bool_]
) -> NDArray[np.float32]:
    """Return the bias field of a brain, carried on around it: a polynomial of its logarithm."""
    known = np.argwhere(brain & (data > 0) & (corrected > 0))
    known = known[:: -(-len(known) // _FIELD_VOXELS)]
    ratio = np.log(data[tuple(known.T)] / corrected[tuple(known.T)])
    sides = [np.linspace(-1, 1, n) for n in data.shape]
    powers = [p for p in product(range(_DEGREE + 1), repeat=3) if sum(p) <= _DEGREE]
    at = [side[index] for side, index in zip(sides, known.T, strict=True)]
    terms = np.stack([np.prod([x**k for x, k in zip(at, p, strict=True)], 0) for p in powers], -1)
    weights = np.linalg.lstsq(terms, ratio, rcond=None)[0]
    field = np.zeros(data.shape, np.float32)
    for weight, p in zip(weights, powers, strict=True):
        x, y, z = (side**k for side, k in zip(sides, p, strict=True))
        field += (weight * x[:, None, None] * y[:, None] * z).astype(np.float32)
    return np.exp(field)


def _steps(t1w: Image, mm: float) -> int:
    return max(1, round(mm / float(np.abs(np.linalg.det(t1w.affine[:3, :3])) ** (1 / 3))))


def _box(mask: NDArray[np.bool_], margin: int) -> tuple[slice, ...]:
    where = [np.flatnonzero(mask.any(axis=tuple({0, 1, 2} - {axis}))) for axis in range(3)]
    return tuple(slice(max(0, w[0] - margin), w[-1] + margin + 1) for w in where)


def _largest(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    labels, n = ndimage.label(mask)
    return labels == 1 + np.bincount(labels.ravel())[1:].argmax() if n else mask


@lru_cache(maxsize=1)
def _outline() -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the template's depth within its brain (mm, negative outside) and tissues, extended."""
    template = load_template(1)
    out, nearest = ndimage.distance_transform_edt(~template.brain, return_indices=True)
    depth = ndimage.distance_transform_edt(template.brain) - out
    depth -= np.sign(depth) / 2
    maps = np.stack([template.csf, template.grey, template.white])[:, *nearest]
    return depth.astype(np.float32), maps.astype(np.float32)


def _priors(
    warp: Warp, affine: NDArray[np.float64], near: NDArray[np.bool_]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return depth in the template's brain on the grid, and priors (n, 3) of the near voxels."""
    depth, maps = _outline()
    at = warp.to_fixed(np.argwhere(near) @ affine[:3, :3].T + affine[:3, 3])
    inside = np.full(near.shape, -np.inf, np.float32)
    inside[near] = resample_image(depth + 100, load_template(1).affine, at) - 100
    return inside, priors_at(at, maps)


def _enclosed(
    bright: NDArray[np.float32], near: NDArray[np.bool_], inside: NDArray[np.float32]
) -> NDArray[np.bool_]:
    smooth = ndimage.gaussian_filter(bright, 0.7)
    dark = (255 * (1 - np.clip(smooth / _BRIGHT, 0, 1))).astype(np.uint8)
    markers = np.zeros(near.shape, np.int16)
    markers[inside > _SURE_INSIDE] = 1
    markers[~near | (inside < -_SURE_OUTSIDE)] = 2
    return np.asarray(ndimage.watershed_ift(dark, markers) == 1)


def _classes(
    values: NDArray[np.float32], priors: NDArray[np.float32], inside: NDArray[np.float32]
) -> NDArray[np.intp]:
    """Return the likeliest class of each voxel: 0, 1, 2 of the tissues, 3 of the outside."""
    brain = 1 / (1 + np.exp(-np.clip(inside, -60, 60) / _SOFT))
    brain = np.clip(brain, _LEAST_OUTSIDE, 1 - _LEAST_OUTSIDE)[:, None]
    mixed = np.sqrt(priors[:, [0, 1]] * priors[:, [1, 2]])
    base = np.hstack([priors * brain, mixed * brain, np.repeat(1 - brain, _N_OUTSIDE, axis=1)])
    step = -(-len(values) // _FITTED_VOXELS)
    shares, means, variances = _fitted(
        values[::step].astype(np.float64), base[::step].astype(np.float64)
    )
    joint = base * shares * gaussians(values, means, variances)
    cg, gw = joint[:, 3] / 2, joint[:, 4] / 2
    tissues = [joint[:, 0] + cg, joint[:, 1] + cg + gw, joint[:, 2] + gw]
    of = np.stack([*tissues, joint[:, 5:].sum(axis=1)], axis=-1)
    return np.asarray(of.argmax(axis=1))


def _fitted(
    values: NDArray[np.float64], base: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return shares, means and variances of the classes, by expectation maximisation."""
    trust = base[:, :3] ** 3
    trust /= trust.sum(axis=0)
    m = values @ trust
    s2 = ((values[:, None] - m) ** 2 * trust).sum(axis=0)
    s2 = np.minimum(s2, ((m[2] - m[1]) / 2) ** 2)
    outside = values[base[:, 5] > 0.95]
    mo = np.quantile(outside, [0.15, 0.5, 0.9]) if len(outside) else np.array([0.1, 0.7, 1.4])
    so = np.full(_N_OUTSIDE, values.var() / 4)
    shares = np.r_[1, 1, 1, 0.3, 0.3, np.full(_N_OUTSIDE, 1 / _N_OUTSIDE)]
    for _ in range(_ROUNDS):
        means, variances = _all(m, s2, mo, so)
        joint = base * shares * gaussians(values, means, variances)
        joint /= joint.sum(axis=1, keepdims=True) + 1e-30
        weight = joint.sum(axis=0) + 1e-9
        shares = np.r_[weight[:5] / base[:, :5].sum(axis=0), weight[5:] / weight[5:].sum()]
        shares[:5] /= shares[1]
        m = values @ joint[:, :3] / weight[:3]
        s2 = ((values[:, None] - m) ** 2 * joint[:, :3]).sum(axis=0) / weight[:3]
        s2 = np.maximum(s2, ((m[2] - m[1]) / 8) ** 2)
        mo = values @ joint[:, 5:] / weight[5:]
        so = ((values[:, None] - mo) ** 2 * joint[:, 5:]).sum(axis=0) / weight[5:]
        so = np.maximum(so, 1e-4)
    means, variances = _all(m, s2, mo, so)
    return shares, means, variances


def _all(
    m: NDArray[np.float64],
    s2: NDArray[np.float64],
    mo: NDArray[np.float64],
    so: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Add the classes between two tissues: uniform mixtures of them, by mean and variance."""
    between = (m[:2] + m[1:]) / 2
    spread = (s2[:2] + s2[1:]) / 2 + (m[1:] - m[:2]) ** 2 / 12
    return np.r_[m, between, mo], np.r_[s2, spread, so]
