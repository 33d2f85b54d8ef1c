"""Which runs are good enough for the group stage, and why the others are not."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import pandas as pd
from annotated_types import Ge

from commissure.preprocessing import max_motion, motion_parameters
from commissure.preprocessing.recipe import CleanBold
from commissure.study.inputs import Scan

KEYS = ["participant_id", "session", "task", "run"]


@dataclass(frozen=True)
class QualityRules:
    """Limits of a run that is included.

    Attributes
    ----------
    exclude_motion : bool
        Whether motion beyond the limits excludes (``recommended``) or is only noted (``liu2025``).
    mean_fd_mm : float
        Of the mean framewise displacement (Jenkinson).
    max_mm, max_degrees : float
        Of the largest translation and rotation from the first volume.
    least_volumes : int
        After trimming and censoring.
    least_df : float
        Effective degrees of freedom.
    least_overlap : float
        Dice overlap of brain masks, below which a registration must have failed.
    doubtful_overlap : float
        Below it the run is included, but noted: simulated participants have 0.96 with their own
        T1w and 0.90 with another person's.
    """

    exclude_motion: bool = True
    mean_fd_mm: Annotated[float, Ge(0)] = 0.2
    max_mm: Annotated[float, Ge(0)] = 3.0
    max_degrees: Annotated[float, Ge(0)] = 3.0
    least_volumes: Annotated[int, Ge(1)] = 100
    least_df: Annotated[float, Ge(0)] = 20.0
    least_overlap: Annotated[float, Ge(0)] = 0.8
    doubtful_overlap: Annotated[float, Ge(0)] = 0.92


_OVERLAPS = {
    "epi_t1w": "the EPI's brain and the T1w's (is it the same person?)",
    "epi_template": "the EPI's brain and the template's",
}


def judge(scan: Scan, clean: CleanBold, rules: QualityRules) -> dict[str, object]:
    """Return the run's row of quality.tsv.

    Returns
    -------
    dict
        `KEYS`, then ``included, reasons, mean_fd_jenkinson, mean_fd_power, max_motion,
        max_rotation, n_volumes, effective_df`` and an ``overlap_...`` for each registration.
        `reasons` says what excludes the run; what is only noted has "(noted)" behind it.
    """
    fd_jenkinson = float(clean.confounds["framewise_displacement_jenkinson"].mean())
    millimetres, degrees = max_motion(motion_parameters(clean.motion))
    moved = []
    if fd_jenkinson > rules.mean_fd_mm:
        moved.append(f"mean FD {fd_jenkinson:.3f} mm > {rules.mean_fd_mm:g}")
    if millimetres > rules.max_mm:
        moved.append(f"moved {millimetres:.1f} mm > {rules.max_mm:g}")
    if degrees > rules.max_degrees:
        moved.append(f"turned {degrees:.1f} degrees > {rules.max_degrees:g}")
    reasons = []
    n_volumes = int(clean.kept.sum())
    if n_volumes < rules.least_volumes:
        reasons.append(f"{n_volumes} volumes < {rules.least_volumes}")
    if clean.effective_df < rules.least_df:
        reasons.append(f"{clean.effective_df:.1f} degrees of freedom < {rules.least_df:g}")
    reasons += [
        f"{_OVERLAPS[name]} overlap by {overlap:.2f} < {rules.least_overlap:g}"
        for name, overlap in clean.overlaps.items()
        if overlap < rules.least_overlap
    ]
    noted = [
        f"{_OVERLAPS[name]} overlap by {overlap:.2f} < {rules.doubtful_overlap:g} (noted)"
        for name, overlap in clean.overlaps.items()
        if rules.least_overlap <= overlap < rules.doubtful_overlap
    ]
    if rules.exclude_motion:
        reasons = [*moved, *reasons]
    else:
        noted += [f"{reason} (noted)" for reason in moved]
    return {
        "participant_id": scan.participant_id,
        "session": scan.session,
        "task": scan.task,
        "run": scan.run,
        "included": not reasons,
        "reasons": "; ".join([*reasons, *noted]),
        "mean_fd_jenkinson": fd_jenkinson,
        "mean_fd_power": float(clean.confounds["framewise_displacement"].mean()),
        "max_motion": millimetres,
        "max_rotation": degrees,
        "n_volumes": n_volumes,
        "effective_df": clean.effective_df,
        **{f"overlap_{name}": overlap for name, overlap in clean.overlaps.items()},
    }


def merge_quality(path: Path, rows: list[dict[str, object]]) -> pd.DataFrame:
    """Return the table of all runs: those of the file, with these rows in place of older ones."""
    new = pd.DataFrame(rows)
    if path.exists():
        text = dict.fromkeys(KEYS, str)
        old = pd.read_csv(path, sep="\t", dtype=text, na_values=["n/a"])
        both = pd.concat([old, new], ignore_index=True)
        new = both.drop_duplicates(KEYS, keep="last")
    return new.sort_values(KEYS, ignore_index=True)
