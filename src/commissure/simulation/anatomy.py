"""A head around the template brain, and what it looks like on a T1-weighted image."""

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from nilearn.datasets import (
    load_mni152_brain_mask,
    load_mni152_gm_template,
    load_mni152_wm_template,
)
from numpy.typing import NDArray
from scipy import ndimage

from commissure.simulation.warp import HeadWarp, SplineField, transform
from commissure.threads import map_threads

TISSUES = ("GM", "WM", "CSF", "fluid", "bone", "soft")
BRAIN = slice(0, 3)
_T1_CONTRAST = np.array([0.68, 1.0, 0.28, 0.25, 0.08, 0.75])
_T1_WHITE_MATTER = 800.0
# Distances from the brain (mm) at which the cerebrospinal rim, the skull and the scalp end.
_RIM, _SKULL, _SCALP = 2.0, 8.0, 14.0
_SHELL_PAD = 24
# How much clearer one person's tissue borders are than those of the average of many.
_SHARPNESS = 3
# The neck and the face: middle and semi-axes, template mm.
_SOFT_BODIES = (((0, -35, -140), (55, 60, 110)), ((0, 50, -65), (60, 45, 60)))
BRAIN_MIDDLE = np.array([0.0, -17.0, 5.0])


@dataclass(frozen=True, eq=False)
class T1w:
    """A T1-weighted image and what is in it.

    Attributes
    ----------
    image : ndarray of shape (n_x, n_y, n_z), int16
    tissues : ndarray of shape (3, n_x, n_y, n_z), float32
        Shares of GM, WM and CSF; they sum to the share of the voxel that is brain.
    affine : ndarray of shape (4, 4)
    """

    image: NDArray[np.int16]
    tissues: NDArray[np.float32]
    affine: NDArray[np.float64]


@cache
def _template() -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float64]]:
    """Return tissue shares (3, ...) at 1 mm, distance from the brain at 2 mm, both affines."""
    mask_img = load_mni152_brain_mask(resolution=1)
    mask = mask_img.get_fdata() > 0.5
    shares = np.zeros((3, *mask.shape), np.float32)
    shares[0] = load_mni152_gm_template(resolution=1).get_fdata()
    shares[1] = load_mni152_wm_template(resolution=1).get_fdata()
    shares[2] = (1 - shares[0] - shares[1]).clip(0)
    shares **= _SHARPNESS
    shares *= mask / shares.sum(axis=0)
    coarse = np.pad(mask[::2, ::2, ::2], _SHELL_PAD)
    distance = 2 * ndimage.distance_transform_edt(~coarse).astype(np.float32)
    coarse_affine = mask_img.affine @ np.diag([2, 2, 2, 1])
    coarse_affine[:3, 3] -= 2 * _SHELL_PAD
    return shares, distance, np.stack([mask_img.affine, coarse_affine])


def tissues_at(points: NDArray[Any]) -> NDArray[np.float32]:
    """Return what the head is made of.

    Parameters
    ----------
    points : ndarray of shape (3, ...)
        Template mm.

    Returns
    -------
    ndarray of shape (6, ...), float32
        Shares of `TISSUES`; all 0 in air.
    """
    shares, distance_map, affines = _template()
    to_voxel, to_coarse = np.linalg.inv(affines)
    tissues = np.zeros((len(TISSUES), *points.shape[1:]), np.float32)
    voxel = transform(to_voxel, points)
    for share, out in zip(shares, tissues[BRAIN], strict=True):
        ndimage.map_coordinates(share, voxel, out, order=1)
    voxel = transform(to_coarse, points)
    distance = ndimage.map_coordinates(distance_map, voxel, np.float32, order=1, mode="nearest")
    outside = 1 - tissues[BRAIN].sum(axis=0)
    tissues[3] = outside * (distance <= _RIM)
    tissues[4] = outside * ((distance > _RIM) & (distance <= _SKULL))
    soft = (distance > _SKULL) & (distance <= _SCALP)
    for middle, semi_axes in _SOFT_BODIES:
        radius = sum(
            ((p - m) / np.float32(s)) ** 2
            for p, m, s in zip(points, middle, semi_axes, strict=True)
        )
        soft |= (radius < 1) & (distance > _SKULL)
    tissues[5] = outside * soft
    return tissues


def simulate_t1w(
    rng: np.random.Generator,
    warp: HeadWarp,
    shape: tuple[int, ...],
    affine: NDArray[np.float64],
    *,
    n_threads: int | None = None,
) -> T1w:
    """Make a participant's T1-weighted image.

    Parameters
    ----------
    rng : numpy.random.Generator
    warp : HeadWarp
        From this T1w to the template.
    shape, affine
        Of the image; its axes are those of the scanner (the affine has no rotation).
    n_threads : int, optional
        The result does not depend on it.
    """
    contrast = _T1_WHITE_MATTER * _T1_CONTRAST * rng.normal(1, 0.03, len(TISSUES))
    # The neck leaves the coil: its signal fades over the lowest part of the image.
    axes = [affine[i, 3] + affine[i, i] * np.arange(shape[i]) for i in range(3)]
    box = np.array([[a[0] for a in axes], [a[-1] for a in axes]])
    log_bias = SplineField.random(rng, 1, box, spacing=90.0, bound=0.35)
    neck = warp.to_t1w(np.array([[0.0], [-30.0], [-105.0]]))[2]
    fade = 1 / (1 + np.exp(-(axes[2] - neck) / 8))
    noise_sd = 0.025 * _T1_WHITE_MATTER
    slabs = np.array_split(np.arange(shape[0]), max(1, shape[0] // 16))

    def make(slab_rng: tuple[NDArray[np.intp], np.random.Generator]) -> tuple[Any, Any]:
        slab, own_rng = slab_rng
        x = axes[0][slab]
        y = np.stack(np.meshgrid(x, *axes[1:], indexing="ij"))
        tissues = tissues_at(transform(warp.affine, y + warp.field.on_axes(x, *axes[1:])))
        signal = np.tensordot(contrast, tissues, axes=1)
        signal *= np.exp(log_bias.on_axes(x, *axes[1:])[0]) * fade
        # The magnitude of a complex signal with noise in both channels (Rician).
        noise = own_rng.standard_normal((2, *signal.shape), np.float32) * noise_sd
        return np.rint(np.hypot(signal + noise[0], noise[1])).astype(np.int16), tissues[BRAIN]

    made = map_threads(make, zip(slabs, rng.spawn(len(slabs)), strict=True), n_threads)
    return T1w(
        np.concatenate([image for image, _ in made]),
        np.concatenate([tissues for _, tissues in made], axis=1),
        affine,
    )
