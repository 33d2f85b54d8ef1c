"""What is measured of a run to judge it by."""

from commissure.inputs import Scan
from commissure.preprocessing import max_motion
from commissure.preprocessing.recipe import CleanBold
from commissure.records.runs import Measured, RunKey


def key_of(scan: Scan) -> RunKey:
    """Return which run a scan is."""
    return RunKey(scan.participant_id, scan.session, scan.task, scan.run)


def measure(scan: Scan, clean: CleanBold) -> Measured:
    """Return what there is to judge a run by that was made clean here."""
    millimetres, degrees = max_motion(clean.motion, clean.centre)
    return Measured(
        key_of(scan),
        mean_fd_jenkinson=float(clean.confounds["framewise_displacement_jenkinson"].mean()),
        mean_fd_power=float(clean.confounds["framewise_displacement"].mean()),
        max_motion=millimetres,
        max_rotation=degrees,
        n_volumes=int(clean.kept.sum()),
        effective_df=clean.effective_df,
        nominal_df=clean.nominal_df,
        overlaps=clean.overlaps,
        checks=clean.checks,
    )
