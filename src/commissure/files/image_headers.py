"""What the header of a NIfTI file says, and whether it can be believed."""

import gzip
import math
import zlib
from contextlib import suppress
from io import BufferedIOBase
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np

from commissure.files.bids_names import IMAGE_EXTENSIONS, split_extension
from commissure.problems import InputError

# What reading damaged files raises: in the file, in its compression, in sizes that cannot be.
UNREADABLE = (
    OSError,
    EOFError,
    zlib.error,
    ValueError,
    ArithmeticError,
    MemoryError,
    nib.spatialimages.HeaderDataError,
)

# Bytes that may stand behind the data: some programs fill up to a block.
PADDING = 4096

_GZIP = b"\x1f\x8b"
# Deflate makes no more of a byte than 1032.
_LARGEST_RATIO = 1040
_CLASSES = {348: (nib.Nifti1Image, b"n+1\0"), 540: (nib.Nifti2Image, b"n+2\0")}
_LINE_ENDS = ((0, 0, 0, 0), (13, 10, 26, 10))
# Codes of CIFTI: series and maps on surfaces.
_CIFTI = range(3000, 3100)


def opened(path: Path) -> BufferedIOBase:
    """Open the bytes of an image, decompressed."""
    return gzip.GzipFile(path) if path.suffix == ".gz" else path.open("rb")


def read_header(path: Path) -> tuple[type[Any], Any]:
    """Read the header of an image, and nothing else.

    Returns
    -------
    image_class : type
        Of nibabel.
    header : nibabel header

    Raises
    ------
    InputError
        If the file is not there, is no NIfTI file, or has a header that nothing can be read by.
    """
    _check_file(path)
    try:
        with path.open("rb") as stream:
            compressed = stream.read(2) == _GZIP
        if compressed != (path.suffix == ".gz"):
            msg = (
                f"{path} cannot be read as an image: it is {'' if compressed else 'not '}compressed"
                f" (gzip), against its name. Rename it to {'' if compressed else 'not '}end in .gz."
            )
            raise InputError(msg)
        with opened(path) as bytes_:
            raw = bytes_.read(540)
    except PermissionError as error:
        msg = f"{path} may not be read by you ({error.strerror}). Ask its owner for the right to."
        raise InputError(msg) from error
    except (OSError, EOFError, zlib.error) as error:
        msg = f"{path} cannot be read as an image ({error}). Copy or convert it again."
        raise InputError(msg) from error
    return _parsed(path, raw)


def header_problems(path: Path, header: Any) -> list[str]:
    """Say what in a header cannot be, and where its size contradicts the file's."""
    dim = [int(n) for n in header["dim"]]
    if not 1 <= dim[0] <= 7 or min(dim[1 : dim[0] + 1]) < 1:
        return [
            (
                f"{path} has the dimensions {dim[1:]} (of which {dim[0]} count) in its header, "
                "which cannot be. Convert it again."
            )
        ]
    try:
        kind = header.get_data_dtype()
    except (nib.spatialimages.HeaderDataError, KeyError):
        kind = None
    if kind is None or kind.kind not in "iuf" or not 1 <= kind.itemsize <= 8:
        known = f"the type {kind}" if kind is not None else f"no known type ({header['datatype']})"
        return [f"{path} has values of {known}; an image of real numbers is needed. Convert it."]
    return [*_value_problems(path, header), *_size_problems(path, header)]


def promised_bytes(shape: tuple[int, ...], kind: np.dtype[Any], offset: int) -> int:
    """Return how many bytes an image has, its header included."""
    return int(offset) + math.prod(map(int, shape)) * kind.itemsize


def _check_file(path: Path) -> None:
    """Raise if there is no file whose name and size can be an image's."""
    msg = None
    if split_extension(path)[1] not in IMAGE_EXTENSIONS:
        msg = (
            f"{path} is not a NIfTI file: its name must end in .nii or .nii.gz. Convert it with a "
            "program that knows its orientation."
        )
    elif path.is_dir():
        msg = f"{path} is a folder, not an image. Name a file."
    elif path.is_symlink() and not path.exists():
        msg = (
            f"{path} has no content here (a link to nowhere). Fetch it first (for a DataLad "
            "dataset: datalad get)."
        )
    elif not _exists(path):
        msg = f"{path} does not exist. Check the path."
    elif not path.stat().st_size:
        msg = f"{path} is empty (0 bytes). Copy, fetch or convert it again."
    elif not path.is_file():
        msg = f"{path} is no regular file. Give an image that is stored on disk."
    if msg is not None:
        raise InputError(msg)


def _exists(path: Path) -> bool:
    # A folder above it that may not be searched, or a name that no file can have.
    with suppress(OSError, ValueError):
        return path.exists()
    return False


def _parsed(path: Path, raw: bytes) -> tuple[type[Any], Any]:
    for order, sign in (("little", "<"), ("big", ">")):
        size = int.from_bytes(raw[:4], order)  # type: ignore[arg-type]
        if size in _CLASSES and len(raw) >= size:
            image_class, magic = _CLASSES[size]
            header = image_class.header_class(raw[:size], endianness=sign, check=False)
            if bytes(header["magic"]) != magic:
                msg = (
                    f"{path} cannot be read as an image: its header is not that of a NIfTI file in "
                    "one piece. Convert it."
                )
                raise InputError(msg)
            if "eol_check" in header and tuple(header["eol_check"]) not in _LINE_ENDS:
                msg = (
                    f"{path} cannot be read as an image: it was changed on the way as if it were "
                    "text (its ends of lines are others). Copy it again, as binary data."
                )
                raise InputError(msg)
            if int(header["intent_code"]) in _CIFTI:
                msg = (
                    f"{path} is a CIFTI file, whose values lie on surfaces and have no voxel grid. "
                    "Give the volumes it was made of (.nii.gz)."
                )
                raise InputError(msg)
            return image_class, header
    msg = f"{path} cannot be read as an image: it does not begin as a NIfTI file. Convert it again."
    raise InputError(msg)


def _value_problems(path: Path, header: Any) -> list[str]:
    """Say which single numbers of a header cannot be."""
    problems = []
    slope, inter = float(header["scl_slope"]), float(header["scl_inter"])
    # 0 and NaN stand for no scaling.
    if np.isinf(slope) or (np.isfinite(slope) and slope != 0 and not np.isfinite(inter)):
        problems.append(
            f"{path} has values scaled by {slope:g} and {inter:g} (scl_slope, scl_inter), which "
            "makes none of them a number. Convert it again."
        )
    problems += [
        f"{path} has the {form} {int(header[form])}, which does not exist, so where its voxels are "
        "is not known. Convert it again."
        for form in ("sform_code", "qform_code")
        if not 0 <= int(header[form]) <= 5
    ]
    sizes = [float(size) for size in header["pixdim"][1:4]]
    if not all(0 < size < np.inf for size in sizes):
        problems.append(
            f"{path} has voxels of {' x '.join(f'{size:g}' for size in sizes)} mm by its header "
            "(pixdim), which cannot be. Convert it again."
        )
    if int(header["qform_code"]) > 0 and float(header["pixdim"][0]) not in (-1, 0, 1):
        problems.append(
            f"{path} has a qform whose handedness (pixdim[0]) is {float(header['pixdim'][0]):g}; "
            "it is 1 or -1. Convert it again, or, if its sform is right, set the qform's code to 0."
        )
    try:
        space, _ = header.get_xyzt_units()
    except KeyError:
        problems.append(
            f"{path} has units (xyzt_units = {int(header['xyzt_units'])}) that do not exist. "
            "Convert it again."
        )
    else:
        if space not in ("unknown", "mm"):
            problems.append(f"{path} has positions in {space}s; mm are needed. Convert it again.")
    return problems


def _size_problems(path: Path, header: Any) -> list[str]:
    """Say where a header promises what the file cannot hold, or starts the data within itself."""
    offset = float(header["vox_offset"])
    least = int(header["sizeof_hdr"]) + 4
    if not (np.isfinite(offset) and offset >= least and offset == int(offset)):
        return [
            (
                f"{path} has its data at byte {offset:g} by its header (vox_offset); {least} is "
                "the first that can be. Convert it again."
            )
        ]
    promised = promised_bytes(header.get_data_shape(), header.get_data_dtype(), int(offset))
    size = path.stat().st_size
    largest = size * _LARGEST_RATIO if path.suffix == ".gz" else size
    if promised > largest:
        return [
            (
                f"{path} is damaged or cut short: by its header it holds {promised:,} bytes, more "
                f"than are in a file of {size:,}. Copy or convert it again."
            )
        ]
    if path.suffix != ".gz" and size > promised + PADDING:
        return [longer_than_promised(path, promised)]
    return []


def longer_than_promised(path: Path, promised: int) -> str:
    """Say that there is more in a file than its header knows of."""
    return (
        f"{path} holds more data than its header says ({promised:,} bytes): its dimensions or the "
        "type of its values are wrong. Convert it again."
    )
