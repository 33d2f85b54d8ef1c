"""One run of one participant, and whether its image can be used."""

import gzip
import zlib
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Any, Literal

import nibabel as nib
import numpy as np

from commissure.files.labels import alnum
from commissure.inputs.bids_files import BidsFile
from commissure.inputs.selection import bare
from commissure.problems import InputError
from commissure.space.grid import check_sides_known
from commissure.space.templates import TEMPLATE_SPACE

# A qform is stored as float32 quaternions and cannot shear: it may differ from the sform by this.
_FORMS_TOLERANCE_MM = 0.5
_SECONDS = {"sec": 1.0, "msec": 1e-3, "usec": 1e-6}
# Seconds; a longer repetition time is one in milliseconds.
LONGEST_TR = 20

ScanKind = Literal["raw", "preprocessed", "clean", "map"]
Step = Literal["trim", "smoothing", "regression", "filter"]
CLEANED: frozenset[Step] = frozenset(("trim", "smoothing", "regression", "filter"))

# What a name says of how a file was made, not of which run it is.
DERIVED_ENTITIES = ("space", "cohort", "res", "den", "hemi", "stat", "desc")


@dataclass(frozen=True)
class Scan:
    """One resting-state run, whatever kind of folder it comes from.

    Attributes
    ----------
    participant_id : str
        With its prefix: "sub-01".
    session, task, run : str or None
        Labels, without "ses-", "task-" and "run-".
    bold : Path
    t1w : Path or None
    tr : float
        Seconds; 0, as in NIfTI headers, if it is not known (maps, clean series).
    slice_times : tuple of float or None
        Seconds, in the order of the image's third axis.
    metadata : dict
        All that the sidecars say.
    warnings : tuple of str
        What the user should know, though the scan can be used.
    notes : tuple of str
        What was chosen of the whole input without being asked for; the same for all its scans.
    kind : {"raw", "preprocessed", "clean", "map"}
        What is still to be done: everything; smoothing and cleaning (fMRIPrep's output), but for
        what is in `done`; nothing (DPABI's `FunImgARWSDCF`, tables of clean files). Of a map,
        `bold` is a finished 3D map for the group stage.
    space : str or None
        Template space that `bold` is in; None for raw runs and in native space.
    mask : Path or None
        Brain mask on the grid of `bold`.
    confounds : Path or None
        Table of confounds or of realignment parameters.
    done : frozenset of {"trim", "smoothing", "regression", "filter"}
        Steps that must not be done again.
    n_non_steady : int
        Volumes at the beginning that are flagged as before the steady state: if volumes are still
        to be dropped, at least these.
    """

    participant_id: str
    session: str | None
    task: str | None
    run: str | None
    bold: Path
    t1w: Path | None
    tr: float
    slice_times: tuple[float, ...] | None
    metadata: dict[str, Any] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    kind: ScanKind = "raw"
    space: str | None = None
    mask: Path | None = None
    confounds: Path | None = None
    done: frozenset[Step] = frozenset()
    n_non_steady: int = 0
    notes: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The BIDS entities that tell the run from all others of a study, to name files by."""
        told = {"sub": bare("sub", self.participant_id), "ses": self.session}
        told |= {"task": self.task, "run": self.run}
        labels = {key: alnum(label) for key, label in told.items() if label}
        named = BidsFile.of(self.bold).entities
        if f"sub-{named.get('sub')}" == self.participant_id:
            of_run = {key: label for key, label in named.items() if key not in DERIVED_ENTITIES}
            first = {key: labels[key] for key in ("sub", "ses") if key in labels}
            labels = first | of_run | labels
        return "_".join(f"{key}-{label}" for key, label in labels.items())

    @property
    def clean_space(self) -> str | None:
        """Where its clean series are."""
        return TEMPLATE_SPACE if self.kind == "raw" else self.space


def check_image(path: Path, *, gaps: bool = False) -> None:
    """Read an image to its last byte and raise if its data cannot be used.

    Parameters
    ----------
    path : Path
    gaps : bool
        Whether some values may be missing (not finite), as outside the field of view of images
        that others resampled; never all those of a volume.

    Raises
    ------
    InputError
        If the file is truncated or damaged, or has volumes that are all zero or values that are
        not finite.
    """
    try:
        if path.name.endswith(".gz"):
            # The checksum stands at the very end, which readers of the image need not reach.
            with gzip.open(path) as stream:
                while stream.read(1 << 20):
                    pass
        img: Any = nib.load(path)
        data = np.asanyarray(img.dataobj)
    except (OSError, EOFError, ValueError, zlib.error, nib.filebasedimages.ImageFileError) as error:
        msg = f"{path} is damaged or cut short ({error}). Copy or convert it again."
        raise InputError(msg) from error
    # The first axis runs fastest in the file, so this is a view.
    volumes = data.reshape(int(np.prod(data.shape[:3])), -1, order="F")
    problems = []
    empty = np.flatnonzero(~volumes.any(axis=0))
    if len(empty):
        problems.append(
            f"{path} has {len(empty)} volume(s) that are zero everywhere (the first is number "
            f"{empty[0]}, counted from 0). Convert the run again, or cut them off."
        )
    if not np.issubdtype(data.dtype, np.integer):
        finite = np.isfinite(volumes)
        broken = np.flatnonzero(~(finite.any(axis=0) if gaps else finite.all(axis=0)))
        if len(broken):
            problems.append(
                f"{path} has values that are not finite (NaN or infinite) in {len(broken)} "
                f"volume(s), the first being number {broken[0]}, counted from 0. Convert it again."
            )
    if problems:
        raise InputError(problems)


def load_header(path: Path) -> Any:
    """Open an image, its data unread.

    Raises
    ------
    InputError
        If it is missing or empty, is no image of real numbers, or does not tell left from right.
    """
    if path.exists() and not path.stat().st_size:
        msg = f"{path} is empty (0 bytes). Copy, fetch or convert it again."
        raise InputError(msg)
    try:
        img: Any = nib.load(path)
    except FileNotFoundError as error:
        msg = (
            f"{path} has no content here (a link to nowhere). Fetch it first (for a DataLad "
            "dataset: datalad get)."
        )
        raise InputError(msg) from error
    except (OSError, EOFError, ValueError, zlib.error, nib.filebasedimages.ImageFileError) as error:
        msg = f"{path} cannot be read as an image ({error}). Copy or convert it again."
        raise InputError(msg) from error
    check_sides_known(img, str(path))
    if img.get_data_dtype().kind not in "iuf":
        msg = f"{path} has values of the type {img.get_data_dtype()}; real numbers are needed."
        raise InputError(msg)
    return img


def geometry_problems(path: Path, img: Any) -> list[str]:
    """Say where an image's two affines put its corners at different places."""
    sform, qform = img.get_sform(coded=True)[0], img.get_qform(coded=True)[0]
    if sform is None or qform is None:
        return []
    corners = np.array(list(product(*[(0, n - 1) for n in img.shape[:3]])))
    apart = nib.affines.apply_affine(sform, corners) - nib.affines.apply_affine(qform, corners)
    distance = np.linalg.norm(apart, axis=1).max()
    if distance <= _FORMS_TOLERANCE_MM:
        return []
    return [
        (
            f"{path}: sform and qform disagree by up to {distance:.1f} mm. Find out which is right "
            "and set the other one's code to 0 (with nibabel: img.set_qform(None, code=0))."
        )
    ]


def volume_problems(path: Path, img: Any, n_trim: int) -> list[str]:
    """Say why an image has too few volumes for a run of which some will be dropped."""
    if img.ndim != 4 or img.shape[3] < 2:
        return [
            (
                f"{path} is a single volume ({' x '.join(map(str, img.shape))}); a run has four "
                "dimensions. Convert the whole run again, or .bidsignore the file."
            )
        ]
    if img.shape[3] <= n_trim:
        return [
            (
                f"{path} has {img.shape[3]} volumes and {n_trim} are to be dropped. Drop fewer, "
                "or leave the run out."
            )
        ]
    return []


def timing_problems(path: Path, img: Any, tr: Any) -> list[str]:
    """Say what is wrong with a run's repetition time, by sidecar and header.

    Parameters
    ----------
    path : Path
    img : nibabel image
        Of four dimensions.
    tr : object
        `RepetitionTime` as the sidecar has it, None without one.
    """
    zoom = float(img.header.get_zooms()[3])
    unit = _SECONDS.get(img.header.get_xyzt_units()[1])
    if tr is None:
        hint = f" (its header says {zoom * unit:g} s)" if unit and zoom > 0 else ""
        return [
            f"{path} has no RepetitionTime in any JSON sidecar. Write it there, in seconds{hint}."
        ]
    if not is_number(tr) or tr <= 0:
        return [f"{path}: RepetitionTime must be a number of seconds greater than 0; it is {tr!r}."]
    if tr > LONGEST_TR:
        return [
            (
                f"{path}: RepetitionTime is {tr:g}, which must be milliseconds. Write seconds in "
                f"the sidecar ({tr / 1000:g})."
            )
        ]
    # Without a unit, 0 and 1 are what programs write that do not know.
    possible = [tr / unit] if unit else [tr, 1000 * tr, 0.0, 1.0]
    if zoom == 0 or np.isclose(zoom, possible, rtol=1e-3).any():
        return []
    if unit == 1.0 and np.isclose(zoom, 1000 * tr, rtol=1e-3):
        return [
            (
                f"{path}: the header's repetition time is {zoom:g} s, which must be milliseconds "
                f"(the sidecar says {tr:g} s). Write {tr:g} in the header (pixdim[4])."
            )
        ]
    found = zoom * (unit or 1.0)
    return [
        (
            f"{path}: the repetition time is {tr:g} s by the sidecar and {found:g} s by the "
            "header. Find out which is right and correct the other."
        )
    ]


def derived_tr(path: Path, img: Any, tr: Any) -> tuple[float, list[str]]:
    """Return the repetition time (s) of derived data, 0 if nothing tells it, and its problems.

    Parameters
    ----------
    path : Path
    img : nibabel image
        Of four dimensions.
    tr : object
        What is said beside the image, None if nothing is: then the header is believed.
    """
    if tr is not None:
        problems = timing_problems(path, img, tr)
        return (0.0 if problems else float(tr)), problems
    zoom, unit = float(img.header.get_zooms()[3]), img.header.get_xyzt_units()[1]
    if unit not in _SECONDS and zoom == 1:
        return 0.0, []  # what programs write that do not know it
    return derived_tr(path, img, zoom * _SECONDS.get(unit, 1.0)) if zoom > 0 else (0.0, [])


def slice_timing_problems(path: Path, times: Any, n_slices: int, tr: float) -> list[str]:
    """Say what is wrong with slice times (s) that a sidecar gives."""
    if not isinstance(times, list) or not all(is_number(time) for time in times):
        return [f"{path}: SliceTiming must be a list of numbers, in seconds; it is {times!r:.60}."]
    if len(times) != n_slices:
        return [
            (
                f"{path}: SliceTiming has {len(times)} values and the image has {n_slices} slices. "
                "Give one for each slice, in the order of the third axis."
            )
        ]
    if min(times) < 0:
        return [f"{path}: SliceTiming has negative values ({min(times):g}). The first slice is 0."]
    if max(times) >= tr:
        unit = " They may be milliseconds; seconds are meant." if max(times) >= 10 * tr else ""
        return [
            (
                f"{path}: SliceTiming goes up to {max(times):g}, past the repetition time {tr:g} s."
                f"{unit} Correct the sidecar."
            )
        ]
    return []


def is_number(value: Any) -> bool:
    """Tell whether a JSON value is a finite number."""
    return (
        isinstance(value, int | float) and not isinstance(value, bool) and bool(np.isfinite(value))
    )
