"""Small synthetic heads whose anatomy, position and tissues are known exactly."""

from dataclasses import dataclass

import nibabel as nib
import numpy as np
from nibabel.affines import apply_affine
from nilearn.datasets import load_mni152_gm_template, load_mni152_wm_template
from scipy import ndimage


def rigid(rotation_deg, translation_mm):
    """Rotations about x, y, z (in this order) about the origin, then a translation."""
    matrix = np.eye(4)
    for axis, angle in enumerate(np.deg2rad(rotation_deg)):
        one = np.eye(3)
        i, j = [k for k in range(3) if k != axis]
        one[i, i] = one[j, j] = np.cos(angle)
        one[i, j], one[j, i] = -np.sin(angle), np.sin(angle)
        matrix[:3, :3] = one @ matrix[:3, :3]
    matrix[:3, 3] = translation_mm
    return matrix


def points_of(shape, affine):
    """Positions (mm) of a grid's voxels, shape (*shape, 3)."""
    return apply_affine(affine, np.moveaxis(np.indices(shape), 0, -1))


def sample(values, affine, points, order=1):
    voxels = apply_affine(np.linalg.inv(affine), points)
    return ndimage.map_coordinates(
        values, np.moveaxis(voxels, -1, 0), order=order, mode="constant", output=np.float32
    )


@dataclass
class Head:
    """A head: its T1w, its true tissues (CSF, grey, white) and where its points are in MNI."""

    t1w: np.ndarray
    affine: np.ndarray
    tissues: np.ndarray  # (x, y, z, 3): CSF, grey, white, on the T1w's grid
    to_template: np.ndarray  # affine part, subject mm -> template mm
    bend: np.ndarray  # (x, y, z, 3) mm added in template space
    bend_affine: np.ndarray

    def in_template(self, points):
        """Template positions of points of the subject (mm)."""
        straight = apply_affine(self.to_template, points)
        shift = [sample(self.bend[..., k], self.bend_affine, straight) for k in range(3)]
        return straight + np.stack(shift, axis=-1)

    def epi(self, shape, affine, position, rng, noise=0.02, skull=0.15):
        """T2*-like image; `position` takes EPI mm to T1w mm."""
        fine = affine @ np.diag([0.5, 0.5, 0.5, 1])  # eight samples a voxel
        fine[:3, 3] = apply_affine(affine, [-0.25, -0.25, -0.25])
        points = apply_affine(position, points_of([2 * n for n in shape], fine))
        image = np.zeros(points.shape[:3], np.float32)
        for k, level in enumerate((1.0, 0.75, 0.6)):
            image += level * sample(self.tissues[..., k], self.affine, points)
        scalp = self.t1w * (self.tissues.sum(-1) < 0.1)
        image += skull * sample(scalp / np.percentile(self.t1w, 99), self.affine, points)
        image = image.reshape(shape[0], 2, shape[1], 2, shape[2], 2).mean(axis=(1, 3, 5))
        # Signal lost above the sinuses.
        lost = np.linalg.norm(
            (self.in_template(apply_affine(position, points_of(shape, affine))) - (0, 35, -22))
            / (22, 18, 14),
            axis=-1,
        )
        image *= 1 - 0.9 * np.exp(-(lost**4))
        return np.abs(image + noise * rng.standard_normal(image.shape)).astype(np.float32) * 1000


def make_head(seed, resolution=2.0, bend_mm=3.0, noise=0.03, bias=0.3):
    """Make a head: template tissues warped, a skull and scalp around, bias field and noise."""
    rng = np.random.default_rng(seed)
    grey_img = load_mni152_gm_template(resolution=1)
    grey = np.asarray(grey_img.dataobj, np.float32)
    white = np.asarray(load_mni152_wm_template(resolution=1).dataobj, np.float32)
    fine = 1 if resolution < 2 else 2  # mm: what the head is made at
    grey, white = (a[::fine, ::fine, ::fine] for a in (grey, white))
    mni = grey_img.affine @ np.diag([fine, fine, fine, 1])
    pad = 40 // fine
    low = 50 // fine
    grey, white = (np.pad(a, [(pad, pad), (pad, pad), (low, pad)]) for a in (grey, white))
    mni = mni @ nib.affines.from_matvec(np.eye(3), [-pad, -pad, -low])
    closed = ndimage.binary_closing(grey + white > 0.3, iterations=4 // fine)
    brain = ndimage.binary_fill_holes(closed)
    csf = np.clip(brain - grey - white, 0, 1)
    # One person's tissues are sharper than the average of 152.
    maps = np.stack([csf, grey, white], axis=-1) ** 3
    total = maps.sum(-1, keepdims=True)
    maps = np.divide(maps, total, out=np.zeros_like(maps), where=total > 0) * brain[..., None]
    out = ndimage.distance_transform_edt(~brain, sampling=fine).astype(np.float32)
    # A neck, so that the field of view is not all brain.
    x, y, z = np.moveaxis(points_of(brain.shape, mni), -1, 0)
    neck = np.hypot(x / 45, (y + 35) / 50) * 20 - 8
    out = np.where(z < -60, np.minimum(out, np.clip(neck, 6.5, None)), out)
    head = np.zeros(brain.shape, np.float32)
    for low, high, level in ((0, 2, 0.12), (2, 7, 0.05), (7, 10, 1.1), (10, 14, 0.6)):
        head[(out > low) & (out <= high)] = level
    head *= (
        1
        + 0.3 * ndimage.gaussian_filter(rng.standard_normal(head.shape).astype(np.float32), 4) * 20
    )
    np.clip(head, 0, 1.5, out=head)
    head += (maps @ np.array([0.15, 0.6, 1.0], np.float32)).astype(np.float32)

    step = 4 // fine
    coarse = np.array(brain.shape) // step + 1
    bend = np.stack(
        [ndimage.gaussian_filter(rng.standard_normal(coarse), 18 / 4) for _ in range(3)], -1
    ).astype(np.float32)
    bend *= bend_mm / np.sqrt((bend**2).sum(-1).mean())
    bend_affine = mni @ np.diag([step, step, step, 1])
    scale = np.diag([*rng.uniform(0.93, 1.07, 3), 1])
    to_template = np.linalg.inv(rigid(rng.uniform(-8, 8, 3), rng.uniform(-12, 12, 3)) @ scale)
    shape = tuple(np.ceil(np.array([180, 240, 230]) / resolution).astype(int))
    # Stored as scanners do: not RAS, and slightly oblique.
    turn = rigid((2, -3, 1), (0, 0, 0)) @ np.diag([-resolution, resolution, resolution, 1])
    turn[:3, 3] = (0, -20, -15) - turn[:3, :3] @ (np.array(shape) / 2)
    subject = Head(None, turn, None, to_template, bend, bend_affine)
    points = subject.in_template(points_of(shape, turn))
    blur = (resolution - fine) / 2
    t1w = sample(ndimage.gaussian_filter(head, blur), mni, points)
    subject.tissues = np.stack(
        [sample(ndimage.gaussian_filter(maps[..., k], blur), mni, points) for k in range(3)], -1
    )
    ramp = np.moveaxis(np.indices(shape), 0, -1) / np.array(shape) - 0.5
    field = ramp @ rng.uniform(-1, 1, 3) + (ramp**2) @ rng.uniform(-2, 2, 3)
    t1w = t1w * np.exp(bias * field / np.abs(field).max())
    noisy = t1w + noise * (rng.standard_normal(shape) + 1j * rng.standard_normal(shape))
    subject.t1w = (np.abs(noisy) * 800).astype(np.float32)
    return subject
