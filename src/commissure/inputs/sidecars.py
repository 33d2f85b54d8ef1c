"""What sidecars say beside times: numbers and names that are used much later."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from commissure.files.image_timing import is_number

_NUMBERS = ("EchoTime", "FlipAngle", "MagneticFieldStrength", "MultibandAccelerationFactor")
_WORDS = ("Manufacturer", "ManufacturersModelName")
EFFECTIVE_DF = "EffectiveDegreesOfFreedom"
_DEGREES_OF_FREEDOM = (EFFECTIVE_DF, "NominalDegreesOfFreedom")
_PHASE = "PhaseEncodingDirection"
# Dummy volumes that are no longer there.
_DISCARDED = ("NumberOfVolumesDiscardedByScanner", "NumberOfVolumesDiscardedByUser")


def phase_axis(metadata: Mapping[str, Any]) -> int | None:
    """Return along which axis of an image phase was encoded, None if nothing usable says so."""
    axes = {name + sign: axis for axis, name in enumerate("ijk") for sign in ("", "-")}
    told = metadata.get(_PHASE)
    return axes.get(told) if isinstance(told, str) else None


def usable(
    path: Path, metadata: dict[str, Any], n_volumes: int | None = None
) -> tuple[dict[str, Any], list[str], list[str]]:
    """Check what a run's sidecars say of the scanner and the degrees of freedom.

    Returns
    -------
    metadata : dict
        Without descriptions of the scanner that cannot be used.
    problems, warnings : list of str
    """
    problems = []
    for name in _DEGREES_OF_FREEDOM:
        freedom = metadata.get(name)
        if freedom is not None and not (is_number(freedom) and freedom > 0):
            problems.append(
                f"{path}: {name} must be a number greater than 0; it is {freedom!r:.60}. Correct "
                "the sidecar, or remove the entry."
            )
        elif freedom is not None and n_volumes is not None and freedom > n_volumes:
            problems.append(
                f"{path}: {name} is {freedom:g}, more than the run has volumes ({n_volumes}). "
                "Correct the sidecar, or remove the entry."
            )
    unfit = [
        name
        for name in _NUMBERS
        if metadata.get(name) is not None
        and not (is_number(metadata[name]) and 0 < metadata[name] < 1e6)
    ]
    unfit += [
        name
        for name in _WORDS
        if metadata.get(name) is not None and not isinstance(metadata[name], str)
    ]
    unfit += [
        name
        for name in _DISCARDED
        if metadata.get(name) is not None
        and not (is_number(metadata[name]) and 0 <= metadata[name] < 1e6)
    ]
    if metadata.get(_PHASE) is not None and phase_axis(metadata) is None:
        unfit.append(_PHASE)
    warnings = [
        f"{path}: {name} is {metadata[name]!r:.60} in the sidecar, and not told for that."
        for name in unfit
    ]
    kept = {name: value for name, value in metadata.items() if name not in unfit}
    return kept, problems, warnings


def discarded(path: Path, metadata: Mapping[str, Any], n_trim: int) -> tuple[int, list[str]]:
    """Return how many volumes were dropped before, as a run's sidecars say, and tell what follows.

    Parameters
    ----------
    path : Path
    metadata : mapping
        See `usable`.
    n_trim : int
        Volumes at the beginning that are unwanted.
    """
    said = {name: int(metadata[name]) for name in _DISCARDED if metadata.get(name)}
    n = sum(said.values())
    if not n or not n_trim:
        return n, []
    by = " and ".join(f"{name} is {count}" for name, count in said.items())
    still = f"{max(n_trim - n, 0)} of the {n_trim} first volumes are still dropped here"
    return n, [f"{path}: {by} in the sidecar, so that {still}."]
