"""T1w images of people in the template space that their runs are in."""

from collections.abc import Iterable
from pathlib import Path

from commissure.inputs.bids_files import BidsDataset
from commissure.inputs.scan import Scan
from commissure.inputs.spaces import Space
from commissure.problems import InputError
from commissure.space.templates import TEMPLATE_SPACE

# Their mean hardly changes with more; reading them takes a second for each participant's job.
MOST_PEOPLE = 20


def template_t1ws(dataset: BidsDataset, subjects: Iterable[Path], space: str) -> tuple[Path, ...]:
    """Return a T1w in a space of each of the first people who have one.

    Parameters
    ----------
    dataset : BidsDataset
    subjects : iterable of Path
        Folders of the people, of whom `MOST_PEOPLE` are taken in their order.
    space : str
    """
    found = []
    for subject in subjects:
        own = [
            file
            for place in dataset.places(subject)
            for file in dataset.images(subject, place, "anat", "T1w")
            if Space.of(file.entities).name == space and file.entities.get("desc") == "preproc"
        ]
        if own:
            found.append(min(own, key=lambda file: Space.of(file.entities).rank).path)
        if len(found) == MOST_PEOPLE:
            break
    return tuple(found)


def refuse_to_bring(scan: Scan, t1ws: tuple[Path, ...]) -> None:
    """Raise if a run cannot be brought from its space to the symmetric template's.

    Raises
    ------
    InputError
    """
    asked = "[input] to_template = true"
    if scan.space is None:
        msg = (
            f"{scan.bold} is in no template's space, and {asked} needs one that all people share. "
            "Let fMRIPrep write its output in MNI152NLin2009cAsym, or leave to_template out."
        )
        raise InputError(msg)
    if scan.kind != "preprocessed":
        msg = (
            f"{scan.bold} is {scan.kind} already, and {asked} is for runs that are not: they are "
            f"interpolated before they are cleaned. Take those of fMRIPrep (desc-preproc), or "
            "leave to_template out."
        )
        raise InputError(msg)
    if not t1ws:
        msg = (
            f"{asked} finds the way from {scan.space} to {TEMPLATE_SPACE} with T1w images in "
            f"{scan.space} (anat/*_space-{scan.space}_desc-preproc_T1w.nii.gz), and nobody has "
            "one. Copy the anat folders of fMRIPrep's output, or leave to_template out."
        )
        raise InputError(msg)
