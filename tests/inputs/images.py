"""Small images with honest headers."""

from zlib import crc32

import nibabel as nib
import numpy as np

AFFINE = np.array([[-3.0, 0, 0, 6], [0, 3, 0, -6], [0, 0, 4, -6], [0, 0, 0, 1]])


def image(path, shape=(5, 4, 4, 12), zoom=2.0, units=("mm", "sec"), data=None, affine=AFFINE):
    """Write an image; unless data are given it holds one number, another in each file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if data is None:
        data = np.full(shape, 1 + crc32(str(path).encode()) % 30_000, np.int16)
    img = nib.Nifti1Image(data, affine)
    img.set_sform(affine, 4)
    img.set_qform(affine, 4)
    if img.ndim == 4:
        img.header.set_zooms((*img.header.get_zooms()[:3], zoom))
    img.header.set_xyzt_units(*units)
    img.to_filename(path)
    return path
