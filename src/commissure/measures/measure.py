"""What a measure is: its names, its settings, its maps, what texts say of it, and its function."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, Self

import numpy as np
from annotated_types import Ge, Le, Lt
from numpy.typing import NDArray

from commissure.space import Domain

# Of the correlations: exact to 1e-6 or to 1e-12.
Precision = Literal["float32", "float64"]


@dataclass(frozen=True)
class MapSettings:
    """Where maps are made; each measure adds its own settings.

    Attributes
    ----------
    midline_mm : float
        Places with |x| up to it belong to neither hemisphere, mm.
    grey_matter : float
        Maps are made where the prior probability of grey matter exceeds it.
    mask : str, optional
        Image to take in place of the prior.
    """

    midline_mm: Annotated[float, Ge(0), Le(30)] = 3.0
    grey_matter: Annotated[float, Ge(0), Lt(1)] = 0.2
    mask: str | None = None

    @property
    def of_group(self) -> bool:
        """Whether a scan's maps depend on the other scans of the group stage."""
        return False

    @property
    def without_effect(self) -> dict[str, str]:
        """Settings that the others leave without effect, each with the reason."""
        return {}

    @property
    def matched_df(self) -> float | None:
        """Degrees of freedom that every scan's maps are made with; None: as many as there are.

        Where it is given, `Measure.of_scan` also takes ``effective_df`` and ``name`` of the scan.
        """
        return None

    @property
    def waits(self) -> bool:
        """Whether maps must wait for `matched_to`, which needs to know all scans."""
        return False

    @property
    def needs_symmetry(self) -> bool:
        """Whether mirror positions must be counterparts, as they are in a symmetric template."""
        return False

    def matched_to(self, df: float) -> Self:  # noqa: ARG002
        """Return the settings once it is known how many degrees of freedom all scans have."""
        return self

    @property
    def problems(self) -> list[str]:
        """What contradicts itself, each as ``name: sentence``."""
        return []


@dataclass(frozen=True)
class MirrorSettings(MapSettings):
    """Where maps are made that compare a place with the one at its mirror position.

    Attributes
    ----------
    any_space : bool
        Whether they are made in spaces, too, that are not those of a symmetric template: there the
        counterpart of a place lies some millimetres beside its mirror position.
    """

    any_space: bool = False

    @property
    def needs_symmetry(self) -> bool:
        """Whether mirror positions must be counterparts."""
        return not self.any_space


@dataclass(frozen=True)
class Output:
    """A map that a measure makes of each scan.

    Attributes
    ----------
    stat : str
        BIDS label after "stat-".
    description, unit : str
        For its sidecar.
    axis : str
        What a scale in a picture says: "partner shift (mm)".
    colours : str
        Colour map of the picture that is drawn of every scan; not in it without one.
    references : tuple of str
        Keys of the bibliography, beside those of the measure.
    measure_in : str
        The unit, where it is the measure itself in another one: CFH in "r".
    """

    stat: str
    description: str
    unit: str
    axis: str = ""
    colours: str = ""
    references: tuple[str, ...] = ()
    measure_in: str = ""


@dataclass(frozen=True, eq=False)
class ScanMaps:
    """What a measure makes of one scan.

    Attributes
    ----------
    values : dict of str to ndarray of shape (n_places,) or (n_places, n)
        By `Output.stat`; NaN where there is no value. The measure's own map is among them.
    constant, nonfinite : boolean ndarray of shape (n_places,)
        Places left out because their series has one value only, or one that is not finite.
    counts : dict of str to int
        What else the sidecar counts.
    summary : str
        The end of the picture's title.
    warnings : tuple of str
    """

    values: Mapping[str, NDArray[Any]]
    constant: NDArray[np.bool_]
    nonfinite: NDArray[np.bool_]
    counts: Mapping[str, int] = field(default_factory=dict)
    summary: str = ""
    warnings: tuple[str, ...] = ()


OfScan = Callable[..., ScanMaps]
OfGroup = Callable[[Sequence[NDArray[Any]], Domain, Any, int | None, int | None], list[ScanMaps]]


@dataclass(frozen=True)
class Measure:
    """A measure; all names are empty where nobody knows what maps are of.

    Attributes
    ----------
    stat : str
        BIDS label after "stat-" of its map, and the name of its table of settings.
    name, long_name : str
        "CFH"; "connectivity between functionally homotopic voxels".
    unit : str
        Of the values, such as "Fisher z"; empty if not known.
    references : tuple of str
        Keys of the bibliography, its source first.
    meaning, high, freedom, motion : str
        What the report says of it: what it is; when it is high; why degrees of freedom matter to
        it; what is known of it and head motion. Empty where nothing is to be said.
    notes : tuple of str
        What the sidecar of each map says.
    never_zero : str
        Why its mean cannot be tested against 0; empty where it can.
    settings : type
        Its settings, with `MapSettings` among their parents.
    outputs : tuple of Output
        Its maps; the first is the one that is compared.
    of_scan : callable, optional
        Series (n_places, n_volumes), domain, settings, number of threads -> `ScanMaps`; see
        `MapSettings.matched_df`. Without it, the maps were made by others.
    of_group : callable, optional
        Series of all scans, domain, settings, number of threads, bytes -> a list of `ScanMaps`;
        needed where `MapSettings.of_group` may be true.
    """

    stat: str = ""
    name: str = ""
    long_name: str = ""
    unit: str = ""
    references: tuple[str, ...] = ()
    meaning: str = ""
    high: str = ""
    freedom: str = ""
    motion: str = ""
    notes: tuple[str, ...] = ()
    never_zero: str = ""
    settings: type[MapSettings] = MapSettings
    outputs: tuple[Output, ...] = ()
    of_scan: OfScan | None = None
    of_group: OfGroup | None = None

    @property
    def is_ours(self) -> bool:
        """Whether commissure can make it."""
        return self.of_scan is not None

    @property
    def value(self) -> str:
        """Return what is high or low: "CFH", or "the value of the maps"."""
        return self.name or "the value of the maps"

    @property
    def mean(self) -> str:
        """Return "mean CFH", or "mean of the maps"."""
        return f"mean {self.name}" if self.name else "mean of the maps"

    @property
    def maps(self) -> str:
        """Return "CFH maps", or "maps"."""
        return f"{self.name} maps" if self.name else "maps"

    @property
    def axis(self) -> str:
        """Return what an axis or a scale shows: "CFH (Fisher z)"."""
        name = self.name or "value of the map"
        return f"{name} ({self.unit})" if self.unit else name

    @property
    def reference(self) -> str:
        """Return the key of its source in our bibliography; empty if there is none."""
        return next(iter(self.references), "")

    @property
    def record(self) -> dict[str, str]:
        """Return it as stats.json has it."""
        return {"Name": self.name, "LongName": self.long_name, "Unit": self.unit}
