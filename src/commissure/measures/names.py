"""Which measure maps are of, as far as the names of files, settings and records tell it."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import PurePath
from typing import Any

import commissure.measures as room
from commissure.measures.measure import Measure
from commissure.problems import InputError

_BIDS = re.compile(r"_stat-([A-Za-z0-9]+)(?=[_.])")
# zVMHCMap_Sub_001.nii: s smoothed, w warped, m divided by the mean, z standardised or Fisher's z.
_DPABI = re.compile(r"([swmz]*)(VMHC|ReHo|fALFF|ALFF|DegreeCentrality)\w*?Map[_.]")
# What DPABI calls otherwise than BIDS labels do.
_OTHERWISE = {"degreecentrality": "dc"}
UNKNOWN = Measure()


def measure_to_make(stat: str) -> Measure:
    """Return a measure that commissure can make, by its label.

    Raises
    ------
    InputError
        If there is none of that name.
    """
    ours = {measure.stat: measure for measure in room.MEASURES if measure.is_ours}
    if stat not in ours:
        msg = f"There is no measure {stat!r}. Choose among {', '.join(ours)}."
        raise InputError(msg)
    return ours[stat]


def measure_of_files(files: Iterable[str]) -> Measure:
    """Return the measure that all files are of by their names, `UNKNOWN` if they differ.

    Parameters
    ----------
    files : iterable of str
        Paths or BIDS URIs of maps; what follows a comma is no part of a name.
    """
    found = {_measure_of_name(PurePath(file.partition(",")[0]).name) for file in files}
    return found.pop() if len(found) == 1 else UNKNOWN


def measure_called(name: str) -> Measure:
    """Return the measure that a setting names: "VMHC", or DPABI's "zVMHCMap"."""
    return _measure_of_name(f"{name}_" if _DPABI.match(f"{name}_") else f"_stat-{name}_")


def measure_of_record(record: Mapping[str, Any]) -> Measure:
    """Return the measure that stats.json tells."""
    told = record.get("Measure")
    if not isinstance(told, Mapping):
        return measure_of_files(map(str, record.get("Sources", ())))
    name, long_name, unit = (str(told.get(key, "")) for key in ("Name", "LongName", "Unit"))
    known = next((m for m in room.MEASURES if m.name == name and name), UNKNOWN)
    return replace(known, name=name, long_name=long_name, unit=unit)


def _measure_of_name(name: str) -> Measure:
    if found := _BIDS.search(name):
        return _by_label(found[1].lower())
    if found := _DPABI.match(name):
        return replace(_by_label(found[2].lower()), unit=_dpabi_unit(*found.groups()))
    return UNKNOWN


def _by_label(label: str) -> Measure:
    label = _OTHERWISE.get(label, label)
    for measure in room.MEASURES:
        if measure.stat == label:
            return measure
        for output in measure.outputs:
            # Such as CFH as r: the measure in another unit.
            if output.stat == label and output.measure_in:
                return replace(measure, unit=output.measure_in)
    return UNKNOWN


def _dpabi_unit(prefix: str, measure: str) -> str:
    if "z" in prefix:
        return "Fisher z" if measure == "VMHC" else "standardised"
    return "divided by the mean" if "m" in prefix else ""
