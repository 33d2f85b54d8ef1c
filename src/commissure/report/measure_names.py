"""What maps are called in texts: the measure that they are of, as far as their names tell it."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

_BIDS = re.compile(r"_stat-([A-Za-z0-9]+)(?=[_.])")
# zVMHCMap_Sub_001.nii: s smoothed, w warped, m divided by the mean, z standardised or Fisher's z.
_DPABI = re.compile(r"([swmz]*)(VMHC|ReHo|fALFF|ALFF|DegreeCentrality)\w*?Map[_.]")


@dataclass(frozen=True)
class MeasureName:
    """How texts call a measure; all is empty where nobody knows what the maps are of.

    Attributes
    ----------
    short, long : str
        "CFH"; "connectivity between functionally homotopic voxels".
    unit : str
        Of the values, such as "Fisher z"; empty if not known.
    """

    short: str = ""
    long: str = ""
    unit: str = ""

    @property
    def is_cfh(self) -> bool:
        """Whether it is the measure that commissure makes."""
        return self.short == _CFH

    @property
    def value(self) -> str:
        """Return what is high or low: "CFH", or "the value of the maps"."""
        return self.short or "the value of the maps"

    @property
    def mean(self) -> str:
        """Return "mean CFH", or "mean of the maps"."""
        return f"mean {self.short}" if self.short else "mean of the maps"

    @property
    def maps(self) -> str:
        """Return "CFH maps", or "maps"."""
        return f"{self.short} maps" if self.short else "maps"

    @property
    def axis(self) -> str:
        """Return what an axis or a scale shows: "CFH (Fisher z)"."""
        name = self.short or "value of the map"
        return f"{name} ({self.unit})" if self.unit else name

    @property
    def reference(self) -> str:
        """Return the key of its source in our bibliography; empty if there is none."""
        return _SOURCES.get(self.short, "")

    @property
    def record(self) -> dict[str, str]:
        """Return it as stats.json has it."""
        return {"Name": self.short, "LongName": self.long, "Unit": self.unit}


_CFH = "CFH"
_LONG = {
    _CFH: "connectivity between functionally homotopic voxels",
    "VMHC": "voxel-mirrored homotopic connectivity",
    "ReHo": "regional homogeneity",
    "ALFF": "amplitude of low-frequency fluctuations",
    "fALFF": "fractional amplitude of low-frequency fluctuations",
    "DC": "degree centrality",
}
_SOURCES = {
    _CFH: "liu2025",
    "VMHC": "zuo2010",
    "ReHo": "zang2004",
    "ALFF": "zang2007",
    "fALFF": "zou2008",
    "DC": "zuo2012",
}
# What names of files call them, in small letters; the unit where the name says it.
_LABELS = {name.lower(): (name, "") for name in _LONG} | {
    "cfh": (_CFH, "Fisher z"),
    "cfhr": (_CFH, "r"),
    "degreecentrality": ("DC", ""),
}

CFH = MeasureName(_CFH, _LONG[_CFH], "Fisher z")


def measure_of_files(files: Iterable[str]) -> MeasureName:
    """Return the measure that all files are of by their names, without one if they differ.

    Parameters
    ----------
    files : iterable of str
        Paths or BIDS URIs of maps; what follows a comma is no part of a name.
    """
    found = {_measure_of_name(PurePath(file.partition(",")[0]).name) for file in files}
    return found.pop() if len(found) == 1 else MeasureName()


def measure_called(name: str) -> MeasureName:
    """Return the measure that a setting names: "VMHC", or DPABI's "zVMHCMap"."""
    return _measure_of_name(f"{name}_" if _DPABI.match(f"{name}_") else f"_stat-{name}_")


def measure_of_record(record: Mapping[str, Any]) -> MeasureName:
    """Return the measure that stats.json tells."""
    told = record.get("Measure")
    if not isinstance(told, Mapping):
        return measure_of_files(map(str, record.get("Sources", ())))
    names = ("Name", "LongName", "Unit")
    return MeasureName(*(str(told.get(name, "")) for name in names))


def _measure_of_name(name: str) -> MeasureName:
    if found := _BIDS.search(name):
        short, unit = _LABELS.get(found[1].lower(), ("", ""))
    elif found := _DPABI.match(name):
        short, unit = _LABELS[found[2].lower()][0], _dpabi_unit(found[1], found[2])
    else:
        return MeasureName()
    return MeasureName(short, _LONG.get(short, ""), unit)


def _dpabi_unit(prefix: str, measure: str) -> str:
    if "z" in prefix:
        return "Fisher z" if measure == "VMHC" else "standardised"
    return "divided by the mean" if "m" in prefix else ""
