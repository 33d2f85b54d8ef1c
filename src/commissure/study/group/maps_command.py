"""Findings of maps that lie anywhere: from files to files."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from commissure.files.images import read_image
from commissure.inputs.people import MEAN_FD, Participants, read_participants
from commissure.problems import InputError
from commissure.settings.group import GroupSettings
from commissure.space import Domain
from commissure.study.group.doubts import warn_of_doubts
from commissure.study.group.findings import GroupFindings, Inputs
from commissure.study.group.findings_files import write_findings
from commissure.study.group.inputs import check_inputs, named_columns
from commissure.study.group.laterality import check_laterality
from commissure.study.group.maps import read_maps
from commissure.study.group.people import in_subset, subset_text
from commissure.study.group.statistics import find
from commissure.workspace.places import check_outputs, placed

log = logging.getLogger(__name__)


def compare_maps(
    maps: Path,
    participants: Path,
    mask: Path,
    out_dir: Path,
    asked: GroupSettings,
    *,
    mask_threshold: float | None = None,
    n_threads: int | None = None,
    max_memory: int | None = None,
    progress: Callable[[str, float], None] | None = None,
) -> GroupFindings:
    """Find what is asked of maps, and write it.

    Parameters
    ----------
    maps, participants, mask : Path
        See `commissure.study.group.maps.read_maps`.
    out_dir : Path
        Made if needed. Either all the files appear in it or none.
    asked : GroupSettings
    mask_threshold : float, optional
        See `commissure.Domain.from_mask`.
    n_threads, max_memory : int, optional
        See `commissure.inference.permutation_test`.
    progress : callable, optional
        Called with what is being done and the share of all the work that is done.

    Raises
    ------
    InputError
        With every problem that was found.
    """
    check_outputs(out_dir)
    inputs, asked = read_inputs(maps, participants, mask, asked, mask_threshold=mask_threshold)
    with placed(out_dir) as folder:
        findings = find(
            inputs, asked, n_threads=n_threads, max_memory=max_memory, progress=progress
        )
        write_findings(findings, folder)
    return findings


def read_inputs(
    maps: Path,
    participants: Path,
    mask: Path,
    asked: GroupSettings,
    *,
    mask_threshold: float | None = None,
) -> tuple[Inputs, GroupSettings]:
    """Read and check everything that is to be analysed.

    Parameters
    ----------
    maps, participants, mask : Path
    asked : GroupSettings
    mask_threshold : float, optional
        See `compare_maps`.

    Returns
    -------
    tuple of Inputs and GroupSettings
        What is asked, with mean framewise displacement in the formula where it is known.
    """
    try:
        everyone = read_participants(participants)
    except InputError:  # which is told below, with all else that is wrong
        return check_inputs(
            lambda: read_participants(participants),
            lambda: _domain(mask, mask_threshold),
            lambda table, domain: read_maps(maps, table, domain),
            asked,
        ), asked
    asked = _with_motion(asked, everyone)
    wanted = in_subset(everyone, asked.subset) if asked.subset else None
    inputs = check_inputs(
        lambda: everyone if wanted is None else _only(everyone, wanted, asked.subset),
        lambda: _domain(mask, mask_threshold),
        lambda _, domain: read_maps(maps, everyone.table, domain, wanted),
        asked,
    )
    check_laterality([inputs.space], asked)
    warn_of_doubts(inputs.people, inputs.design, inputs.contrast, asked)
    return inputs, asked


def _domain(mask: Path, threshold: float | None) -> Domain:
    return Domain.from_mask(read_image(mask), threshold=threshold, name=str(mask), both_sides=False)


def _only(
    people: Participants, wanted: NDArray[np.bool_], subset: Mapping[str, Sequence[str]]
) -> Participants:
    """Return those to whom the comparison is limited."""
    table = people.table[wanted].reset_index(drop=True)
    note = f"{subset_text(subset)} are compared: {len(table)} of {len(people.table)} rows."
    return replace(people, table=table, notes={**people.notes, "participant_id": note})


def _with_motion(asked: GroupSettings, people: Participants) -> GroupSettings:
    """Put mean framewise displacement into the formula, if the participants have it."""
    if not asked.mean_fd_covariate or MEAN_FD in named_columns(asked).columns:
        return asked
    if MEAN_FD in people.table:
        return replace(asked, formula=f"{asked.formula} + {MEAN_FD}")
    log.warning(
        "The motion of these maps is not known, so it is not in the model: %s has no column %s. "
        "Add it (mean framewise displacement, mm), or say --no-mean-fd-covariate.",
        people.source,
        MEAN_FD,
    )
    return asked
