"""What is measured of a run to judge it by."""

import numpy as np
from nibabel.affines import apply_affine
from numpy.typing import NDArray

from commissure.files.bids_names import has_midline
from commissure.inputs import Scan
from commissure.preprocessing import max_motion
from commissure.preprocessing.recipe import CleanBold
from commissure.records.runs import Measured, RunKey
from commissure.space.templates import load_template

# Grid of the places, mm, that a run should have data at, and the grey matter that is in any.
_PLACES_MM, _SURELY_GREY = 6, 0.5


def key_of(scan: Scan) -> RunKey:
    """Return which run a scan is."""
    return RunKey(scan.participant_id, scan.session, scan.task, scan.run)


def grey_covered(
    scan: Scan, has_data: NDArray[np.bool_], affine: NDArray[np.float64]
) -> float | None:
    """Return the share of the template's grey matter where a run has data.

    None where no template is known for its space.

    Parameters
    ----------
    scan : Scan
    has_data : ndarray of bool, shape (x, y, z)
    affine : ndarray of shape (4, 4)
    """
    if not has_midline(scan.clean_space):
        return None
    template = load_template(_PLACES_MM)
    places = apply_affine(template.affine, np.argwhere(template.grey > _SURELY_GREY))
    at = np.rint(apply_affine(np.linalg.inv(affine), places)).astype(int)
    inside = ((at >= 0) & (at < has_data.shape)).all(axis=1)
    return float(has_data[tuple(at[inside].T)].sum() / len(at))


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
        coverage=None if scan.kind == "raw" else grey_covered(scan, clean.mask, clean.affine),
        overlaps=clean.overlaps,
        checks=clean.checks,
    )
