"""Whether what maps show on one side is less on the other: the maps less their mirror images."""

from collections.abc import Iterable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from commissure.files.bids_names import is_symmetric
from commissure.measures import Measure
from commissure.measures.names import measure_of_files
from commissure.measures.vmhc import usable_mirror
from commissure.problems import InputError
from commissure.report.wording import WHOLE_MAP
from commissure.settings.group import GroupSettings
from commissure.space import LEFT, Domain
from commissure.space.templates import TEMPLATE_SPACE
from commissure.study.group.findings import Inputs, Secondary
from commissure.study.group.secondary import Others, Regions, Test, compare


def check_laterality(spaces: Iterable[str | None], settings: GroupSettings) -> None:
    """Raise if mirror positions are no counterparts in a space, and that is not said to be known.

    Raises
    ------
    InputError
    """
    asymmetric = {space for space in spaces if not is_symmetric(space)}
    others = sorted(space or "a space that is not named" for space in asymmetric)
    if settings.laterality != "symmetric" or not others:
        return
    msg = (
        "[group] laterality compares each place with the one at its mirror position, which is its "
        f"counterpart only in a symmetric template, and there are maps in {' and '.join(others)}. "
        f'Give maps in {TEMPLATE_SPACE}; or write laterality = "any-space", if that they are some '
        "millimetres apart is known and told."
    )
    raise InputError(msg)


def compared_sides(
    inputs: Inputs, settings: GroupSettings, regions: Regions, test: Test
) -> Secondary:
    """Compare maps less their mirror images.

    Parameters
    ----------
    inputs : Inputs
    settings : GroupSettings
    regions : mapping of str to ndarray
    test : callable
        See `commissure.study.group.secondary.compared_beside`.

    Returns
    -------
    Secondary

    Raises
    ------
    InputError
        If no place has a mirror place.

    Notes
    -----
    The map of t is that of the left half, where it is of the left less the right; of the right half
    it would be the same below 0. A region is compared with its mirror image; of one that has
    places on both sides, the places of the side that has more of them are.
    """
    domain, of = inputs.maps.domain, measure_of_files(inputs.maps.sources)
    less, has = less_mirror(inputs.maps.data, domain)
    left = has & (domain.hemisphere == LEFT)
    own = {name: _of_one_side(places[has[places]], domain) for name, places in regions.items()}
    means = {
        name: (len(places), less[:, places].mean(axis=1))
        for name, places in ({WHOLE_MAP: np.flatnonzero(left)} | own).items()
        if len(places)
    }
    of_left = less[:, left], domain.restrict(left)
    sides = Others(f"{of.stat}laterality", _measure(of), *of_left, means)
    return compare(sides, inputs, settings, test)


def less_mirror(
    maps: NDArray[np.float64], domain: Domain
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return maps less their mirror images.

    Parameters
    ----------
    maps : ndarray of shape (n_scans, n_places)
    domain : Domain

    Returns
    -------
    less : ndarray of shape (n_scans, n_places)
        0 where a place has no mirror place in the domain.
    has : boolean ndarray of shape (n_places,)
        Where it has one.

    Raises
    ------
    InputError
        If none has.
    """
    mirror = usable_mirror(domain, np.ones(domain.n_places, bool))
    has = mirror >= 0
    less = np.zeros(maps.shape)
    less[:, has] = maps[:, has] - maps[:, mirror[has]]
    return less, has


def _of_one_side(places: NDArray[np.intp], domain: Domain) -> NDArray[np.intp]:
    side = np.sign(domain.hemisphere[places].astype(int).sum())
    found: NDArray[np.intp] = places[domain.hemisphere[places] == side]
    return found


def _measure(of: Measure) -> Measure:
    return replace(
        of,
        name=f"{of.name or 'map'} less its mirror image",
        long_name=f"the laterality of {of.value}",
        references=(),
        meaning="",
    )
