"""Which study an output folder belongs to."""

import hashlib
import json
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from commissure.files.shared_paths import recorded_name
from commissure.files.text import read_json
from commissure.inputs import Scan
from commissure.problems import InputError
from commissure.study.participant.clean_files import own_folder_of
from commissure.workspace.ledger import Ledger, ledger_names, lock_of
from commissure.workspace.paths import state_path
from commissure.workspace.places import (
    STUDY_MARK,
    check_place,
    is_of_commands,
    refuse_strangers,
)
from commissure.workspace.staging import replace_file

log = logging.getLogger(__name__)


def claim(out_dir: Path, input_dir: Path, scans: Sequence[Scan]) -> None:
    """Make an output folder that of a study.

    Parameters
    ----------
    out_dir, input_dir : Path
    scans : sequence of Scan
        Which tell the study when its input has moved.

    Raises
    ------
    InputError
        If it cannot be, is another's, or holds what is not ours.
    """
    check_claim(out_dir, input_dir, scans)  # before anything is made in it
    with lock_of(out_dir, "identity"):
        known = _known(out_dir, input_dir, scans)
        _check_names(scans, known)
        runs = {
            scan.name: {"participant_id": scan.participant_id, "size": scan.bold.stat().st_size}
            for scan in scans
        }
        content = {"input": _hash_of(input_dir), "runs": known.get("runs", {}) | runs}
        _write(out_dir, content, known)


def check_claim(out_dir: Path, input_dir: Path, scans: Sequence[Scan]) -> None:
    """Raise as `claim` would; nothing is written."""
    check_place(out_dir, input_dir, [scan.bold for scan in scans])
    _check_names(scans, _known(out_dir, input_dir, scans))


def people_of(out_dir: Path) -> set[str]:
    """Return the ids of everyone whose runs a study has had.

    Raises
    ------
    InputError
        If the folder is no study's.
    """
    content = read_identity(out_dir)
    if content is None:
        msg = f"{out_dir} holds no study of commissure. Name the output folder of commissure run."
        raise InputError(msg)
    return {run["participant_id"] for run in content["runs"].values()}


def forget_people(out_dir: Path, ids: set[str]) -> None:
    """Take people out of the runs that a study has had."""
    with lock_of(out_dir, "identity"):
        known = read_identity(out_dir) or {"input": "", "runs": {}}
        runs = {k: v for k, v in known["runs"].items() if v["participant_id"] not in ids}
        _write(out_dir, known | {"runs": runs}, known)


def read_identity(out_dir: Path) -> dict[str, Any] | None:
    """Return which input and runs a study has; None where there is none.

    Raises
    ------
    InputError
        If the file is damaged, or of another shape.
    """
    path = state_path(out_dir, STUDY_MARK)
    if not path.exists():
        return None
    content = read_json(path)
    runs = content.get("runs")
    if isinstance(content.get("input"), str) and isinstance(runs, dict):
        entries = [run for run in runs.values() if isinstance(run, dict)]
        if len(entries) == len(runs) and all(
            isinstance(run.get("participant_id"), str) and isinstance(run.get("size"), int)
            for run in entries
        ):
            return content
    msg = (
        f"{path} is no record of a study. Put back the one that it was, or give another output "
        "folder."
    )
    raise InputError(msg)


def _known(out_dir: Path, input_dir: Path, scans: Sequence[Scan]) -> dict[str, Any]:
    """Return what is known of the study in a folder, if it is this one; empty for a new one."""
    try:
        known = read_identity(out_dir)
    except InputError as error:
        if not _has_read(out_dir, scans):
            raise InputError(
                f"{problem} So nobody knows whose study {out_dir} is. Put the file back from a "
                "copy, or give a new output folder."
                for problem in error.problems
            ) from error
        log.warning("%s It is written anew, as the study has read these scans.", error)
        return {}
    if known is None:
        if is_of_commands(out_dir):
            msg = f"{out_dir} holds files of single commands. Give a new output folder."
            raise InputError(msg)
        if not _has_read(out_dir, scans):
            refuse_strangers(out_dir)
        return {}
    if known["input"] != _hash_of(input_dir) and not _same_data(scans, known):
        msg = (
            f"{out_dir} holds the study of another input than {input_dir.absolute()}. Give another "
            "output folder."
        )
        raise InputError(msg)
    return known


def _hash_of(input_dir: Path) -> str:
    """Return what tells inputs apart; where one lies is nobody's business."""
    place = str(input_dir.absolute()).encode("utf-8", "surrogateescape")
    return hashlib.sha256(place).hexdigest()


def _has_read(out_dir: Path, scans: Sequence[Scan]) -> bool:
    """Tell whether the records of the steps say that these scans were read."""
    read = {name for who in ledger_names(out_dir) for name in Ledger(out_dir, who).inputs}
    return any(recorded_name(scan.bold) in read for scan in scans)


def _write(out_dir: Path, content: dict[str, Any], known: dict[str, Any]) -> None:
    content["runs"] = dict(sorted(content["runs"].items()))
    if content != known:
        replace_file(state_path(out_dir, STUDY_MARK), json.dumps(content, indent=1) + "\n")


def _same_data(scans: Sequence[Scan], known: dict[str, Any]) -> bool:
    """Tell whether the input has only moved: the same files of the same size."""
    seen = [scan for scan in scans if scan.name in known["runs"]]
    return bool(seen) and all(
        known["runs"][scan.name]["size"] == scan.bold.stat().st_size for scan in seen
    )


def _check_names(scans: Sequence[Scan], known: dict[str, Any]) -> None:
    before = {run["participant_id"] for run in known.get("runs", {}).values()}
    problems = _same_names(scans, before)
    if problems:
        raise InputError(problems)


def _same_names(scans: Sequence[Scan], before: set[str]) -> list[str]:
    """Say which people or runs would have the same files, also where case does not count.

    Parameters
    ----------
    scans : sequence of Scan
    before : set of str
        Ids of those who are in the study already.
    """
    people: dict[str, list[str]] = {}
    for who in sorted({scan.participant_id for scan in scans} | before):
        people.setdefault(own_folder_of(who).lower(), []).append(who)
    problems = [
        f"{' and '.join(same)} would have the same files ({folder}): names of participants must "
        "differ in their letters and digits, not in their case or signs only. Rename all but one, "
        "or commissure forget those of before."
        for folder, same in people.items()
        if len(same) > 1
    ]
    runs: dict[str, list[Scan]] = {}
    for scan in scans:
        runs.setdefault(f"{scan.participant_id}/{scan.name}".lower(), []).append(scan)
    problems += [
        f"{' and '.join(str(scan.bold) for scan in same)} would have the same files "
        f"({same[0].name}): runs must differ in the letters and digits of session, task or run. "
        "Rename all but one, or leave them out."
        for same in runs.values()
        if len(same) > 1
    ]
    return problems
