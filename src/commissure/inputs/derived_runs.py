"""The runs of a derived dataset in all their variants, and which variant is taken."""

import logging
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from commissure.inputs.bids_files import BidsFile
from commissure.inputs.done import DESCS
from commissure.inputs.scan import DERIVED_ENTITIES
from commissure.inputs.selection import listed
from commissure.inputs.spaces import Space

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class DerivedVariant:
    """What one file of a run says of how it was made."""

    desc: str
    space: Space

    @property
    def rank(self) -> tuple[Any, ...]:
        """What several are sorted by; the first is taken."""
        return (list(DESCS).index(self.desc), *self.space.rank)

    def __str__(self) -> str:
        return f"desc-{self.desc} in {self.space}"


@dataclass(frozen=True)
class DerivedRun:
    """A run, and its files by variant; `identity` is the part of their names that all have."""

    identity: str
    folder: Path
    files: dict[DerivedVariant, BidsFile]

    def __str__(self) -> str:
        return str(self.folder / self.identity)


def runs_of(files: Iterable[BidsFile]) -> tuple[list[DerivedRun], list[str]]:
    """Return the runs, each with all its variants, and which files are there twice."""
    runs: dict[str, DerivedRun] = {}
    problems: list[str] = []
    for file in files:
        identity = file.without(DERIVED_ENTITIES)
        run = runs.setdefault(identity, DerivedRun(identity, file.path.parent, {}))
        variant = DerivedVariant(file.entities["desc"], Space.of(file.entities))
        if variant in run.files:
            problems.append(
                f"{file.path} is there twice, as {run.files[variant].path.name} too. Remove one."
            )
        run.files[variant] = file
    return list(runs.values()), problems


def choose_variant(
    runs: list[DerivedRun], space: str | None, desc: str | None
) -> tuple[DerivedVariant | None, list[str]]:
    """Return what to take of all the runs alike, and what is wrong with those that lack it."""
    fitting = {
        run.identity: {
            variant
            for variant in run.files
            if (variant.space.is_template if space is None else variant.space.answers(space))
            and desc in (None, variant.desc)
        }
        for run in runs
    }
    asked = f"in {space}" if space else "in a template space"
    asked = f"of desc-{desc} {asked}" if desc else asked
    problems = [
        f"{run} has no BOLD {asked}; it has {_several(run.files)}. Ask for one of these (space, "
        "desc), make it, or leave the run out; if one is an MNI space by another name, say which "
        "in a table of files (column space)."
        for run in runs
        if not fitting[run.identity]
    ]
    counts = Counter(variant for variants in fitting.values() for variant in variants)
    if not counts:
        return None, problems
    most = max(counts.values())
    shared = sorted((v for v, count in counts.items() if count == most), key=lambda v: v.rank)
    taken, *others = shared
    problems += [
        f"{run} has no BOLD {taken}, which {most} of {len(runs)} runs have; it has "
        f"{_several(run.files)}. Make it, leave the run out, or ask for another (space, desc)."
        for run in runs
        if fitting[run.identity] and taken not in fitting[run.identity]
    ]
    if others:
        _LOG.warning("Taking %s; there is also %s.", taken, _several(others))
    else:
        _LOG.info("Taking %s.", taken)
    return taken, problems


def _several(variants: Iterable[DerivedVariant]) -> str:
    return listed(map(str, sorted(variants, key=lambda variant: variant.rank)))
