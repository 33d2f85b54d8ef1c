"""Brain mask and tissues of a T1w beside SPM's classes (c1, c2, c3 on the same grid).

python -m benchmarks.real_heads T1w.nii.gz c1.nii.gz c2.nii.gz c3.nii.gz
"""

import sys
from pathlib import Path

import nibabel as nib
import numpy as np
from nibabel.affines import apply_affine
from scipy.ndimage import label

from benchmarks.measure import table
from benchmarks.preprocessing import load
from commissure.preprocessing.anatomy import prepare_anatomy
from commissure.preprocessing.brain_mask import dice


def main(t1w: str, grey: str, white: str, csf: str) -> None:
    """Print overlaps, volumes in ml, and what of the mask lies outside, left and right."""
    found = prepare_anatomy(load(Path(t1w)))
    maps = np.stack([load(Path(name)).data for name in (csf, grey, white)], axis=-1)
    parts, _ = label(maps.sum(axis=-1) > 0.5)
    brain = parts == 1 + np.bincount(parts.ravel())[1:].argmax()
    theirs = np.where(brain, maps.argmax(axis=-1), -1)
    ours = np.where(found.brain, found.tissues.argmax(axis=-1), -1)
    affine = found.t1w.affine
    ml = float(np.prod(nib.affines.voxel_sizes(affine))) / 1000
    rows = [["brain", *_compared(found.brain, brain, ml)]]
    for k, name in enumerate(("CSF", "grey", "white")):
        rows.append([name, *_compared(ours == k, theirs == k, ml)])
    print(table(["", "Dice", "ml", "SPM's ml"], rows))
    outside = np.argwhere(found.brain & ~brain)
    x = found.warp.to_fixed(apply_affine(affine, outside))[:, 0]
    left, right = (x < 0).sum() * ml, (x > 0).sum() * ml
    print(f"outside: left {left:.0f} ml, right {right:.0f} ml; pieces: {label(found.brain)[1]}")


def _compared(ours: np.ndarray, theirs: np.ndarray, ml: float) -> list[str]:
    return [f"{dice(ours, theirs):.3f}", f"{ours.sum() * ml:.0f}", f"{theirs.sum() * ml:.0f}"]


if __name__ == "__main__":
    main(*sys.argv[1:])
