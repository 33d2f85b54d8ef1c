"""Reading image files: the one door for all of them, with errors that say what to do."""

import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from numpy.typing import NDArray

from commissure.files.image_headers import (
    PADDING,
    UNREADABLE,
    header_problems,
    longer_than_promised,
    opened,
    promised_bytes,
    read_header,
)
from commissure.problems import InputError
from commissure.space import Domain
from commissure.space.grid import check_affine, check_geometry

_CHUNK = 1 << 20


def load_image(path: Path) -> Any:
    """Open an image file and check all that its header tells; its data are read later.

    Raises
    ------
    InputError
        If it is not there, is no NIfTI file of real numbers, if its header contradicts itself or
        the size of the file, or does not tell left from right.
    """
    image_class, header = read_header(path)
    try:
        if problems := header_problems(path, header):
            raise InputError(problems)
        # What is no number is found, and told; nibabel would speak of it without the file's name.
        with np.errstate(all="ignore"), nib.imageglobals.LoggingOutputSuppressor():
            affine = header.get_best_affine()
            check_affine(affine, header.get_data_shape(), str(path))
            img = image_class(
                nib.arrayproxy.ArrayProxy(str(path), header),
                affine,
                header,
                file_map=image_class.filespec_to_file_map(str(path)),
            )
            check_geometry(img, str(path))
    except InputError:
        raise
    except UNREADABLE as error:
        msg = (
            f"{path} cannot be read as an image: its header cannot be used ({_first_line(error)}). "
            "Convert it again."
        )
        raise InputError(msg) from error
    return img


def read_image(path: Path) -> Any:
    """Open an image file and read its data to their end.

    Raises
    ------
    InputError
        As `load_image`, or if the data are damaged, or are not as many as the header says.
    """
    img = load_image(path)
    stored = img.dataobj
    promised = promised_bytes(stored.shape, stored.dtype, stored.offset)
    if promised > _memory():
        msg = (
            f"{path} holds {promised / 1e9:,.1f} GB by its header, more than the memory of this "
            "computer. Give a smaller image, or use a larger computer."
        )
        raise InputError(msg)
    if path.suffix != ".gz":
        return img  # its size is that of the header
    # Of the file: in the header of an image that was opened, nibabel forgets where the data begin.
    layout = (stored.shape, stored.dtype, stored.offset, stored.slope, stored.inter)
    buffer = io.BytesIO()
    _decompress(path, promised, buffer.write)
    proxy = nib.arrayproxy.ArrayProxy(buffer, layout)
    with nib.imageglobals.LoggingOutputSuppressor():
        return type(img)(proxy, img.affine, img.header, file_map=img.file_map)


def check_to_end(path: Path) -> None:
    """Raise unless an image's data can be read to their end; hold none of them.

    Raises
    ------
    InputError
        See `read_image`.
    """
    if path.suffix == ".gz":
        stored = load_image(path).dataobj
        promised = promised_bytes(stored.shape, stored.dtype, stored.offset)
        _decompress(path, promised, lambda _chunk: None)
    else:
        load_image(path)


def read_volumes(path: Path, *, gaps: bool = False) -> Any:
    """Read a measured image or a map and check that its data can be used.

    Parameters
    ----------
    path : Path
    gaps : bool
        Whether some values may be missing (not finite), as outside the field of view of images
        that others resampled; never all those of a volume.

    Raises
    ------
    InputError
        As `read_image`, or if volumes are all zero or have values that are not finite.
    """
    img = read_image(path)
    data = np.asanyarray(img.dataobj)
    # The first axis runs fastest in the file, so this is a view.
    volumes = data.reshape(int(np.prod(data.shape[:3])), -1, order="F")
    problems = []
    with np.errstate(invalid="ignore"):  # signalling NaN
        empty = np.flatnonzero(~volumes.any(axis=0))
    if len(empty) and img.ndim < 4:
        problems.append(f"{path} is zero everywhere. Make it again, or leave it out.")
    elif len(empty):
        problems.append(
            f"{path} has {len(empty)} volume(s) that are zero everywhere (the first is number "
            f"{empty[0]}, counted from 0). Convert the run again, or cut them off."
        )
    if not np.issubdtype(data.dtype, np.integer):
        finite = np.isfinite(volumes)
        broken = np.flatnonzero(~(finite.any(axis=0) if gaps else finite.all(axis=0)))
        if len(broken):
            problems.append(
                f"{path} has {'no values that are' if gaps else 'values that are not'} finite "
                f"(NaN or infinite) in {len(broken)} volume(s), the first being number "
                f"{broken[0]}, counted from 0. Convert it again."
            )
    if problems:
        raise InputError(problems)
    return img


def sample_file(path: Path, domain: Domain) -> NDArray[np.float64]:
    """Read an image file at the places of a domain, shape (n_places,) or (n_places, n_volumes).

    Raises
    ------
    InputError
        If its data cannot be used (see `read_volumes`), or are on another grid.
    """
    return domain.sample(read_volumes(path, gaps=True))


def _decompress(path: Path, promised: int, keep: Callable[[bytes], object]) -> None:
    """Hand on what is promised of a compressed file, and read to its end, the checksum."""
    missing = promised
    try:
        with opened(path) as stream:
            while missing and (chunk := stream.read(min(missing, _CHUNK))):
                missing -= len(chunk)
                keep(chunk)
            # What a program filled up with; to the end, where the checksum stands.
            behind = stream.read(PADDING + 1)
    except UNREADABLE as error:
        msg = (
            f"{path} is damaged or cut short: its data cannot be read to their end "
            f"({_first_line(error)}). Copy or convert it again."
        )
        raise InputError(msg) from error
    if missing:
        msg = (
            f"{path} is damaged or cut short: {missing:,} of the {promised:,} bytes that its "
            "header promises are missing. Copy or convert it again."
        )
        raise InputError(msg)
    if len(behind) > PADDING:
        raise InputError(longer_than_promised(path, promised))


def _memory() -> float:
    """Return the bytes of memory of this computer, infinite if that is not known."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return float("inf")


def _first_line(error: BaseException) -> str:
    lines = str(error).splitlines()
    return lines[0] if lines else type(error).__name__
