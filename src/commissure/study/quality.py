"""Which runs are good enough for the group stage, and why the others are not."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd

from commissure.files.columns import values_of
from commissure.files.tables import as_frame, read_cells
from commissure.files.text import as_meant
from commissure.inputs import Scan
from commissure.preprocessing import max_motion, motion_parameters
from commissure.preprocessing.recipe import CleanBold
from commissure.problems import InputError
from commissure.records.quality import KEYS
from commissure.settings.quality import QualityRules
from commissure.settings.registration import registration_reasons

_VERDICT = ["included", "reasons"]


def key_of(scan: Scan) -> dict[str, object]:
    """Return which run a row of quality.tsv is of."""
    return {name: getattr(scan, name) for name in KEYS}


def left_out(scan: Scan, rules: QualityRules) -> str | None:
    """Return why a run is left out by name, None if it is not."""
    reasons = [reason for name, reason in rules.exclude.items() if _names(name, scan)]
    return "; ".join(reasons) or None


def exclusion_problems(
    rules: QualityRules, scans: Sequence[Scan], participants: Iterable[str]
) -> list[str]:
    """Say who is left out by name but is not there, and for whom there is no reason.

    Parameters
    ----------
    rules : QualityRules
    scans : sequence of Scan
    participants : iterable of str
        Of the whole study, of which the scans may be a part.
    """
    there = {name.removeprefix("sub-") for name in participants}
    unknown = [
        name
        for name in rules.exclude
        if name.removeprefix("sub-") not in there and not any(_names(name, scan) for scan in scans)
    ]
    problems = [
        f'[quality] exclude names {name}, but gives no reason: {{"{name}" = "the reason"}}.'
        for name, reason in rules.exclude.items()
        if not reason.strip()
    ]
    if unknown:
        problems.append(
            f"[quality] exclude names {', '.join(unknown)}, of whom there is no scan. Write names "
            "as the scans have them: sub-07 for a participant, sub-07_ses-2_run-1 for a run."
        )
    return problems


def _names(name: str, scan: Scan) -> bool:
    """Tell whether a name is of a run, or of its participant or session."""
    who = scan.participant_id.removeprefix("sub-")
    name = name.removeprefix("sub-")
    if name == who:
        return True
    labels = {f"ses-{scan.session}", f"task-{scan.task}", f"run-{scan.run}"}
    return name.startswith(f"{who}_") and set(name.removeprefix(f"{who}_").split("_")) <= labels


def measure(scan: Scan, clean: CleanBold) -> dict[str, object]:
    """Return what there is to judge a run by.

    Returns
    -------
    dict
        `KEYS`, then ``mean_fd_jenkinson, mean_fd_power, max_motion, max_rotation, n_volumes,
        effective_df``, an ``overlap_...`` for each registration, and for each image that was
        registered (``epi``, ``t1w``) the fields of
        `commissure.preprocessing.registration_checks.RegistrationCheck`, as ``turn_epi``.
    """
    millimetres, degrees = max_motion(motion_parameters(clean.motion))
    return {
        **key_of(scan),
        "mean_fd_jenkinson": float(clean.confounds["framewise_displacement_jenkinson"].mean()),
        "mean_fd_power": float(clean.confounds["framewise_displacement"].mean()),
        "max_motion": millimetres,
        "max_rotation": degrees,
        "n_volumes": int(clean.kept.sum()),
        "effective_df": clean.effective_df,
        **{f"overlap_{name}": overlap for name, overlap in clean.overlaps.items()},
        **{
            f"{name}_{image}": value
            for image, check in clean.checks.items()
            for name, value in asdict(check).items()
            if value is not None
        },
    }


def judge(measured: Mapping[str, Any], rules: QualityRules) -> dict[str, object]:
    """Return the run's row of quality.tsv.

    Parameters
    ----------
    measured : mapping
        See `measure`; what a kind of input cannot tell is missing or None, and not judged.
    rules : QualityRules

    Returns
    -------
    dict
        `KEYS`, then ``included, reasons`` and what was measured. `reasons` says what excludes the
        run; what is only noted has "(noted)" behind it.
    """

    def beyond(name: str, limit: float, text: str) -> list[str]:
        value = measured.get(name)
        return [text.format(value, limit)] if value is not None and value > limit else []

    def below(name: str, limit: float, text: str) -> list[str]:
        value = measured.get(name)
        return [text.format(value, limit)] if value is not None and value < limit else []

    moved = [
        *beyond("mean_fd_jenkinson", rules.mean_fd_mm, "mean FD {:.3f} mm > {:g}"),
        *beyond("max_motion", rules.max_mm, "moved {:.1f} mm > {:g}"),
        *beyond("max_rotation", rules.max_degrees, "turned {:.1f} degrees > {:g}"),
    ]
    reasons = [
        *below("n_volumes", rules.least_volumes, "{} volumes < {}"),
        *below("effective_df", rules.least_df, "{:.1f} degrees of freedom < {:g}"),
    ]
    against, doubtful = registration_reasons(measured, rules)
    reasons += against
    noted = [f"{reason} (noted)" for reason in doubtful]
    if rules.exclude_motion:
        reasons = [*moved, *reasons]
    else:
        noted += [f"{reason} (noted)" for reason in moved]
    row = dict(measured)
    keys = {key: row.pop(key) for key in KEYS}
    return keys | {"included": not reasons, "reasons": "; ".join([*reasons, *noted])} | row


def merge_quality(path: Path, rows: list[dict[str, object]]) -> pd.DataFrame:
    """Return the table of all runs: those of the file, with these rows in place of older ones.

    Raises
    ------
    InputError
        If the file is not as it was written.
    """
    new = pd.DataFrame(rows)
    if path.exists():
        both = pd.concat([_read_quality(path), new], ignore_index=True)
        new = both.drop_duplicates(KEYS, keep="last")
    return new.sort_values(KEYS, ignore_index=True)


def _read_quality(path: Path) -> pd.DataFrame:
    cells = read_cells(path)
    if not {*KEYS, *_VERDICT} <= set(cells.names):
        msg = (
            f"{path} has no columns {', '.join([*KEYS, *_VERDICT])}: it was changed. Remove "
            "it, and it is written again."
        )
        raise InputError(msg)
    table = as_frame(cells)
    for name in (*KEYS, *_VERDICT):
        table[name] = pd.Series(values_of(cells.column(name), "text"), dtype=object)
    verdicts = {"true": True, "false": False}
    table["included"] = table["included"].astype(str).str.lower().map(verdicts)
    if table["included"].isna().any():
        msg = f"{path}: included must be True or False in every row. Remove the file or correct it."
        raise InputError(msg)
    return as_meant(table.astype({"included": bool}))
