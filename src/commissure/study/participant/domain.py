"""Where a study looks: the same places for every participant."""

from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np

from commissure.files.bids_names import has_midline, is_symmetric
from commissure.files.images import load_image, read_image
from commissure.inputs import Scan
from commissure.inputs.spaces import PREFERRED
from commissure.measures.measure import MapSettings
from commissure.preprocessing.clean_preprocessed import template_on
from commissure.problems import InputError
from commissure.space import Domain
from commissure.space.grid import store_affine
from commissure.space.templates import TEMPLATE_SPACE


def study_domain(clean: Path, space: str | None, settings: MapSettings, table: str) -> Domain:
    """Return the places of maps: those of the mask, else those of grey matter by the prior.

    Parameters
    ----------
    clean : Path
        An image on the grid that the domain is to have.
    space : str, optional
        Template space it is in.
    settings : MapSettings
    table : str
        What files of settings call their table.

    Raises
    ------
    InputError
        If there is no mask and the space is not one of MNI.

    Notes
    -----
    The prior is that of MNI152NLin2009aSym. On other grids and in other MNI spaces it is
    interpolated there: templates differ by a few millimetres at most.
    """
    if settings.mask is not None:
        return Domain.from_mask(read_image(Path(settings.mask)), settings.midline_mm)
    if not has_midline(space):
        raise InputError(_no_prior(clean, space, table))
    img = load_image(clean)
    return _of_prior(img.shape[:3], img.affine.tobytes(), settings)


def check_places(scans: Sequence[Scan], settings: MapSettings, table: str) -> None:
    """Raise if scans cannot be mapped where the settings say: their space, or the mask.

    Parameters
    ----------
    scans : sequence of Scan
    settings : MapSettings
    table : str
        What files of settings call their table.
    """
    spaces = {scan.bold: scan.clean_space for scan in scans if scan.kind != "map"}
    check_spaces(spaces.values(), settings, table)
    if settings.mask is None:
        strange = {path: space for path, space in spaces.items() if not has_midline(space)}
        if strange:
            raise InputError(_no_prior(path, space, table) for path, space in strange.items())
        return
    try:
        Domain.from_mask(read_image(Path(settings.mask)), settings.midline_mm)
    except InputError as error:
        raise InputError(f"[{table}] mask: {problem}" for problem in error.problems) from error


def check_spaces(spaces: Iterable[str | None], settings: MapSettings, table: str) -> None:
    """Raise if clean series are to be mapped in a space that is not fit; see `check_places`."""
    asymmetric = {space for space in spaces if not is_symmetric(space)}
    if not settings.needs_symmetry or not asymmetric:
        return
    where = " and ".join(sorted(space or "a space that is not named" for space in asymmetric))
    msg = (
        f"[{table}] compares each place with the one at its mirror position, which is its "
        f"counterpart only in a symmetric template, and there are scans in {where}. Say [input] "
        "to_template = true (of fMRIPrep's output: they are brought there), start from raw data or "
        f"give scans in {TEMPLATE_SPACE}; or say [{table}] any_space = true, if that they are some "
        "millimetres apart is known and told."
    )
    raise InputError(msg)


def _no_prior(clean: Path, space: str | None, table: str) -> str:
    close = [name for name in PREFERRED if name.casefold() == str(space).casefold()]
    return (
        f"{clean} is in the space {space or '(not named)'}, for which there is no prior of grey "
        f"matter. {f'Is {close[0]} meant? Else give' if close else 'Give'} a mask on its grid: "
        f"[{table}] mask."
    )


def mask_given(settings: MapSettings, stamp: Callable[[Path], str]) -> list[str]:
    """Return the hash of the mask's content, if there is one: what depends on it is made again."""
    return [stamp(Path(settings.mask))] if settings.mask is not None else []


@lru_cache(maxsize=4)
def _of_prior(shape: tuple[int, int, int], affine: bytes, settings: MapSettings) -> Domain:
    grid = np.frombuffer(affine).reshape(4, 4)
    return Domain.from_mask(
        grey_mask(shape, grid, settings.grey_matter),
        settings.midline_mm,
        name=f"grey matter > {settings.grey_matter:g} ({TEMPLATE_SPACE})",
    )


def grey_mask(shape: tuple[int, ...], affine: np.ndarray[Any, Any], threshold: float) -> Any:
    """Return an image of where the prior of grey matter exceeds a threshold, on a grid."""
    grey = template_on(shape, affine).grey
    img = nib.Nifti1Image((grey > threshold).astype(np.uint8), affine)
    store_affine(img, affine, 4, 4)
    return img
