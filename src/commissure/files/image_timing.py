"""The time between an image's volumes, by sidecar and by header, and whether both agree."""

import sys
from pathlib import Path
from typing import Any

import numpy as np

from commissure.files.bids_names import split_extension
from commissure.files.text import read_json
from commissure.problems import InputError

# Seconds; a longer repetition time is one in milliseconds.
LONGEST_TR = 20
_OR_SAY = "Where files cannot be changed, [input] tr says it for all."

_SECONDS = {"sec": 1.0, "msec": 1e-3, "usec": 1e-6}


def timing_problems(path: Path, img: Any, tr: Any, *, by: str = "sidecar") -> list[str]:
    """Say what is wrong with a run's repetition time, by sidecar and header.

    Parameters
    ----------
    path : Path
    img : nibabel image
        Of four dimensions.
    tr : object
        `RepetitionTime` as the sidecar has it, None without one.
    by : str
        What tells it, if another than the sidecar does.
    """
    return [f"{said} {_OR_SAY}" for said in _contradictions(path, img, tr, by)]


def _contradictions(path: Path, img: Any, tr: Any, by: str) -> list[str]:
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
                f"(the {by} says {tr:g} s). Write {tr:g} in the header (pixdim[4])."
            )
        ]
    found = zoom * (unit or 1.0)
    return [
        (
            f"{path}: the repetition time is {tr:g} s by the {by} and {found:g} s by the "
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
    seconds = zoom * _SECONDS.get(unit, 1.0)
    if zoom == 0 or (unit not in _SECONDS and zoom == 1):
        return 0.0, []  # what programs write that do not know it
    if not 0 < seconds <= LONGEST_TR:
        return 0.0, [
            (
                f"{path}: the header's repetition time (pixdim[4]) is {seconds:g} s, which is not "
                "a time in seconds that can be. Write it in the JSON sidecar, and 0 or the same in "
                f"the header. {_OR_SAY}"
            )
        ]
    return seconds, []


def asked_tr(path: Path, img: Any, told: Any, asked: float) -> tuple[float, list[str], list[str]]:
    """Return a repetition time (s) that is asked for, its problems, and what says otherwise.

    Parameters
    ----------
    path : Path
    img : nibabel image
        Of four dimensions.
    told : object
        `RepetitionTime` as the sidecar has it, None without one.
    asked : float
    """
    if not (is_number(asked) and 0 < asked <= LONGEST_TR):
        msg = f"tr must be in seconds, above 0 and up to {LONGEST_TR}; it is {asked!r}."
        return 0.0, [msg], []
    others = [] if told is None or told == asked else [f"its sidecar says {told!r:.30}"]
    if timing_problems(path, img, asked):
        others.append(f"the header's pixdim[4] is {float(img.header.get_zooms()[3]):g}")
    if not others:
        return float(asked), [], []
    said = f"{path}: the repetition time is {asked:g} s, as [input] tr says, though"
    return float(asked), [], [f"{said} {' and '.join(others)}."]


def repetition_time(path: Path, img: Any) -> float | None:
    """Return the repetition time (s) by the sidecar beside it, else the header; None if not told.

    Raises
    ------
    InputError
        If the sidecar is no JSON, if the time is not in seconds, or if both contradict each other.
    """
    sidecar = path.with_name(split_extension(path)[0] + ".json")
    told = read_json(sidecar).get("RepetitionTime") if sidecar.exists() else None
    tr, problems = derived_tr(path, img, told)
    if problems:
        raise InputError(problems)
    return tr or None


def is_number(value: Any) -> bool:
    """Tell whether a JSON value is a finite number."""
    # Whole numbers may have more digits than any float.
    return (
        isinstance(value, int | float)
        and not isinstance(value, bool)
        and abs(value) <= sys.float_info.max
    )
