"""The same comparison of other measures of the same scans: declared secondary."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from commissure.inference import Apart, PermutationResult
from commissure.inference.glm import Model
from commissure.measures import Measure
from commissure.measures.names import measure_to_make
from commissure.problems import InputError
from commissure.report.wording import WHOLE_MAP
from commissure.settings.group import GroupSettings
from commissure.space import Domain
from commissure.study.group.findings import GroupFindings, Inputs, Secondary, Spreads
from commissure.study.group.spreads import spreads_of
from commissure.study.group.tables import write_table

# A mean over the whole map below it is none: the halves of some measures' maps are each other's
# negative.
_NOTHING = 1e-9
# Maps, domain, what is being done, spreads of groups -> the test of the contrast, without clusters.
Test = Callable[[NDArray[np.float64], Domain | Apart, str, Spreads | None], PermutationResult]
Regions = Mapping[str, NDArray[np.intp]]


def compared_beside(
    inputs: Inputs, settings: GroupSettings, regions: Regions, test: Test
) -> tuple[tuple[Secondary, ...], list[str]]:
    """Compare the maps of each measure beside the main one, as the main one's were.

    Parameters
    ----------
    inputs : Inputs
    settings : GroupSettings
    regions : mapping of str to ndarray
        Places of the regions of the findings, in the domain of the main maps.
    test : callable
        Tests the contrast on maps (n_scans, n_places) of a domain.

    Returns
    -------
    secondary : tuple of Secondary
    notes : list of str
        What a reader must know of them.
    """
    found, notes = [], []
    for label, read in inputs.beside.items():
        measure = measure_to_make(label)
        try:
            maps = read()
        except InputError as error:
            notes += [f"{measure.name} was not compared: {problem}." for problem in error.problems]
            continue
        if measure.never_zero and Model.of(inputs.design, inputs.contrast).tests_mean:
            notes.append(measure.never_zero)
        notes += [f"{measure.name}: {note}" for note in maps.notes]
        places = {name: _there(inputs.maps.domain, of, maps.domain) for name, of in regions.items()}
        means = {
            name: (len(inside), maps.data[:, inside].mean(axis=1))
            for name, inside in ({WHOLE_MAP: np.arange(maps.domain.n_places)} | places).items()
            if len(inside)
        }
        if np.abs(means[WHOLE_MAP][1]).max() < _NOTHING:
            del means[WHOLE_MAP]
        of = Others(label, measure, maps.data, maps.domain, means)
        found.append(compare(of, inputs, settings, test))
    return tuple(found), notes


@dataclass(frozen=True, eq=False)
class Others:
    """Other maps of the same scans.

    Attributes
    ----------
    label : str
        In names of files.
    measure : Measure
        What they are of.
    maps : ndarray of shape (n_scans, n_places)
    domain : Domain
    means : mapping of str to (int, ndarray of shape (n_scans,))
        Of each region, how many places it has and each scan's mean over them.
    """

    label: str
    measure: Measure
    maps: NDArray[np.float64]
    domain: Domain
    means: Mapping[str, tuple[int, NDArray[np.float64]]]


def compare(of: Others, inputs: Inputs, settings: GroupSettings, test: Test) -> Secondary:
    """Compare other maps place by place, and their means in regions.

    Parameters
    ----------
    of : Others
    inputs : Inputs
    settings : GroupSettings
    test : callable
        See `compared_beside`.
    """
    spreads = spreads_of(of.maps, inputs.people.table, inputs.design, inputs.contrast, settings)
    means = np.column_stack([mean for _, mean in of.means.values()])
    what = f"permutations ({of.measure.name})"
    of_places = test(of.maps, of.domain, what, spreads)
    of_regions = test(means, Apart(len(of.means)), what, spreads)
    table = pd.DataFrame(
        {
            "region": list(of.means),
            "voxels": [n for n, _ in of.means.values()],
            "mean": means.mean(axis=0),
            "t" if of_regions.n_rows == 1 else "F": of_regions.t,
            "df": of_regions.df,
            "p": of_regions.p_uncorrected,
        }
    )
    return Secondary(of.label, of.measure, of.domain, of_places, table)


def secondary_tables(secondary: Iterable[Secondary], alpha: float) -> dict[str, pd.DataFrame]:
    """Return what was found by the secondary comparisons; nothing where there are none.

    Returns
    -------
    dict of DataFrame
        ``secondary_regions``: a row a measure and region; ``secondary_maps``: a row a measure, with
        its largest value and how many places are significant.
    """
    regions, maps = [], []
    for one in secondary:
        regions.append(one.regions.assign(measure=one.measure.name))
        result, peak = one.result, int(np.abs(one.result.t).argmax())
        position = dict(zip("xyz", one.domain.coordinates[peak], strict=True))
        maps.append(
            {
                "measure": one.measure.name,
                "voxels": one.domain.n_places,
                "peak_t" if result.n_rows == 1 else "peak_F": result.t[peak],
                **position,
                "p_fwe": result.p_fwe[peak],
                "voxels_significant": int((result.p_fwe <= alpha).sum()),
            }
        )
    if not regions:
        return {}
    table = pd.concat(regions, ignore_index=True)
    table.insert(0, "measure", table.pop("measure"))
    return {"secondary_regions": table, "secondary_maps": pd.DataFrame(maps)}


def write_secondary(findings: GroupFindings, folder: Path) -> None:
    """Write the tables of the secondary comparisons, if there are any."""
    tables = secondary_tables(findings.secondary, findings.settings.alpha)
    for name, table in tables.items():
        write_table(folder, name, table, "%.10g", Notes=[SECONDARY_NOTE])


SECONDARY_NOTE = (
    "Secondary: the findings are of the main measure. p of a region is of that region and measure "
    "alone, uncorrected; p_fwe is corrected over the places of one map, not over the measures. "
    "Regions were found by the main measure: one that shares its data tends to show it too."
)


def _there(own: Domain, places: NDArray[np.intp], other: Domain) -> NDArray[np.intp]:
    """Return the places of another domain of the same grid that are these of our own."""
    found: NDArray[np.intp] = other.index_of_voxel[tuple(own.voxels[places].T)]
    return found[found >= 0]
