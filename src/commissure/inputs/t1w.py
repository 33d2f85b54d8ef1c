"""Which T1w image a run of a raw dataset is registered by."""

from collections.abc import Sequence
from math import prod

from nibabel.affines import voxel_sizes

from commissure.files.images import load_image
from commissure.inputs.bids_files import BidsFile
from commissure.problems import InputError

# Of voxels' volumes: what differs by no more is stored by other programs.
_ALIKE = 1.05


def choose_t1w(
    bold: BidsFile, t1ws: Sequence[BidsFile], asked: str | None = None
) -> tuple[BidsFile | None, list[str]]:
    """Choose a T1w: of the run's session, else of the first session that has one.

    Parameters
    ----------
    bold : BidsFile
    t1ws : sequence of BidsFile
        The participant's, in order of name.
    asked : str, optional
        Entities that the name must have: "acq-mprage", "acq-mprage_run-2".

    Returns
    -------
    t1w : BidsFile or None
        Of several, the one with the finest voxels; of repeated ones the first.
    warnings : list of str
        What was chosen without being asked for.

    Raises
    ------
    InputError
        If none is as asked for, if several of the finest are of different kinds, or if one cannot
        be read.
    """
    if not t1ws:
        return None, [f"{bold.path} has no T1w: it will be registered without one."]
    wanted = [file for file in t1ws if _has(file, asked)]
    if not wanted:
        msg = (
            f"{bold.path} has no T1w whose name has {asked} ([input] t1w); there are "
            f"{_names(t1ws)}. Name what one has."
        )
        raise InputError(msg)
    own = _of_session(wanted, bold.entities.get("ses"))
    there = own or _of_session(wanted, wanted[0].entities.get("ses"))
    chosen, why = _finest(bold, there)
    name = chosen.path.name
    if not own:
        return chosen, [f"{bold.path} has no T1w in its session: {name} is taken."]
    if len(there) == 1:
        return chosen, []
    several = f"{bold.path} has {len(there)} T1w ({_names(there)})"
    return chosen, [f"{several}: {name} is taken, which {why}. [input] t1w chooses another."]


def _finest(bold: BidsFile, t1ws: Sequence[BidsFile]) -> tuple[BidsFile, str]:
    """Return the first T1w with the smallest voxels, and why it is.

    Raises
    ------
    InputError
        If there are several kinds of them, or one cannot be read.
    """
    images = [load_image(file.path) for file in t1ws]
    wrong = [file.path for file, img in zip(t1ws, images, strict=True) if len(img.shape) != 3]
    if wrong:
        raise InputError(
            f"{path} has not 3 dimensions, as a T1w has. Convert it again (one volume with a "
            "fourth axis: nibabel.squeeze_image)."
            for path in wrong
        )
    volumes = [prod(voxel_sizes(img.affine)) for img in images]
    limit = _ALIKE * min(volumes)
    finest = [file for file, volume in zip(t1ws, volumes, strict=True) if volume <= limit]
    if len({file.without(("run",)) for file in finest}) > 1:
        msg = (
            f"{bold.path} has several T1w of different kinds with voxels as fine as each other "
            f'({_names(finest)}). Choose by what a name has: [input] t1w = "{_distinct(finest)}".'
        )
        raise InputError(msg)
    return finest[0], (
        "has the finest voxels" if len(finest) < len(t1ws) else "is the first of them"
    )


def _of_session(files: Sequence[BidsFile], session: str | None) -> list[BidsFile]:
    return [file for file in files if file.entities.get("ses") == session]


def _has(file: BidsFile, asked: str | None) -> bool:
    return asked is None or set(asked.split("_")) <= {
        f"{key}-{label}" for key, label in file.entities.items()
    }


def _names(files: Sequence[BidsFile]) -> str:
    return ", ".join(file.path.name for file in files)


def _distinct(files: Sequence[BidsFile]) -> str:
    """Return an entity of one of the files that the others lack."""
    parts = [[f"{key}-{label}" for key, label in file.entities.items()] for file in files]
    every = [part for of_file in parts for part in of_file]
    return next(part for part in every if every.count(part) < len(files))
