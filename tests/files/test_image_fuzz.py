"""Headers and files damaged at random: every door opens them or says what is wrong.

``python tests/files/test_image_fuzz.py SECONDS [SEED]`` goes on for longer and counts.
"""

import gzip
import struct
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from pathlib import Path

import nibabel as nib
import numpy as np

from commissure import Domain
from commissure.clinical import mask_roi
from commissure.files.atlases import load_atlas
from commissure.files.image_timing import repetition_time
from commissure.files.images import load_image, read_image, read_volumes, sample_file
from commissure.problems import InputError

SHAPE = (4, 3, 2)
AFFINE = nib.affines.from_matvec(np.diag([8.0, 8, 8]), [-12, -8, -8])
# Byte and format of each field that is read.
FIELDS = {
    1: {
        "h": [*range(40, 56, 2), 68, 70, 72, 252, 254],
        "f": [*range(76, 108, 4), 108, 112, 116, *range(256, 328, 4)],
        "b": [0, 123, 344],
    },
    2: {
        "q": [*range(16, 80, 8), 168],
        "h": [12, 14],
        "d": [*range(104, 168, 8), 176, 184, *range(352, 496, 8)],
        "i": [344, 348, 500, 504],
        "b": [0, 4],
    },
}
NUMBERS = [0, 1, -1, 2, 3, 4, 5, 8, 16, 64, 100, 127, -128, 352, 1024, 30000, -30000, 1e6, 1e9]
NUMBERS += [1e-6, 1e-30, 1e30, 0.5, 3.7, -7.2, float("nan"), float("inf"), -float("inf")]


def domain():
    return Domain.from_mask(nib.Nifti1Image(np.ones(SHAPE, np.uint8), AFFINE))


def originals():
    """Return small images as bytes, with the version of their headers and their byte order."""
    rng = np.random.default_rng(0)
    found = []
    for version, image_class in ((1, nib.Nifti1Image), (2, nib.Nifti2Image)):
        for data in (
            np.ones(SHAPE, np.uint8),
            rng.standard_normal(SHAPE).astype(np.float32),
            rng.integers(1, 99, (*SHAPE, 5)).astype(np.int16),
        ):
            for order in "<>":
                header = image_class.header_class(endianness=order)
                header.set_data_dtype(data.dtype.newbyteorder(order))
                img = image_class(data, AFFINE, header)
                img.set_qform(AFFINE, 1)
                img.header.set_xyzt_units("mm", "sec")
                found.append((img.to_bytes(), version, order))
    return found


def damaged(rng, whole, version, order):
    """Return a file with some of its fields, bytes or its end changed."""
    content = bytearray(whole)
    for _ in range(rng.integers(0, 4)):
        kind = str(rng.choice([*FIELDS[version]]))
        where = int(rng.choice(FIELDS[version][kind]))
        number = NUMBERS[rng.integers(len(NUMBERS))]
        try:
            struct.pack_into(order + kind, content, where, number if kind in "fd" else int(number))
        except (struct.error, ValueError, OverflowError):
            continue
    for _ in range(rng.integers(0, 3)):
        content[rng.integers(len(content))] = rng.integers(256)
    if rng.random() < 0.2:
        del content[rng.integers(len(content) + 1) :]
    if rng.random() < 0.1:
        content += bytes(int(rng.integers(1, 9000)))
    if rng.random() < 0.5:
        return bytes(content), ".nii"
    packed = bytearray(gzip.compress(bytes(content), 1, mtime=0))
    if rng.random() < 0.3:
        packed[rng.integers(len(packed))] = rng.integers(256)
    if rng.random() < 0.1:
        del packed[rng.integers(len(packed) + 1) :]
    return bytes(packed), ".nii.gz"


def doors(path, places, labels):
    """Return all ways by which an image comes in."""

    def as_mask():
        mask = Domain.from_mask(read_image(path), both_sides=False)
        assert mask.neighbours().shape == (mask.n_places, mask.n_places)
        assert len(mask.mirror) == mask.n_places
        mask.sample(mask.to_image(np.ones(mask.n_places)))

    def as_series():
        img = load_image(path)
        if img.ndim == 4:
            repetition_time(path, img)

    return {
        "load_image": lambda: load_image(path),
        "read_volumes": lambda: read_volumes(path),
        "mask": as_mask,
        "series": as_series,
        "sample": lambda: places.sample(read_image(path)),
        "sample_file": lambda: sample_file(path, places),
        "roi": lambda: mask_roi(places, read_image(path)),
        "atlas": lambda: load_atlas(path, labels),
    }


def fuzz(folder, seed, n=None, seconds=None):
    """Damage files and open them; return how many were tried, and how the doors took them."""
    places, files, rng = domain(), originals(), np.random.default_rng(seed)
    labels = folder / "labels.tsv"
    labels.write_text("index\tname\n" + "".join(f"{i}\tregion {i}\n" for i in range(100)))
    counts, tried, start = Counter(), 0, time.monotonic()
    while tried < n if seconds is None else time.monotonic() - start < seconds:
        content, ending = damaged(rng, *files[rng.integers(len(files))])
        path = folder / f"x{ending}"
        path.write_bytes(content)
        for name, door in doors(path, places, labels).items():
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("error")
                    door()
                counts[f"{name} opened"] += 1
            except InputError as error:
                counts[f"{name} refused"] += 1
                counts["without a name"] += any(path.name not in p for p in error.problems)
            except Exception as error:
                kept = folder / f"found-{name}-{tried}{ending}"
                kept.write_bytes(content)
                msg = f"{name} raised {type(error).__name__} ({error}) for {kept}"
                raise AssertionError(msg) from error
        tried += 1
    return tried, counts


def test_no_damaged_image_ends_in_a_traceback(tmp_path):
    tried, counts = fuzz(tmp_path, seed=1, n=150)
    assert tried == 150
    assert counts["load_image refused"] > 20
    assert counts["load_image opened"] > 20
    assert counts["mask opened"] > 5
    assert counts["without a name"] == 0


if __name__ == "__main__":
    total = Counter()
    end, seed = time.monotonic() + float(sys.argv[1]), int(sys.argv[2]) if sys.argv[2:] else 100
    while time.monotonic() < end:
        seed += 1
        where = Path(tempfile.mkdtemp(prefix="fuzz-"))
        try:
            tried, _ = fuzz(where, seed, seconds=min(20, max(1, end - time.monotonic())))
            total["tried"] += tried
        except AssertionError:
            total["found"] += 1
            traceback.print_exc()
    sys.stdout.write(f"{dict(total)}\n")
