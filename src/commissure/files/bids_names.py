"""File names in the style of BIDS derivatives."""

from pathlib import Path

# Template spaces whose x = 0 is the plane between the hemispheres, by how their names begin.
_MIDLINE_SPACES = ("MNI", "ICBM", "IXI549", "Talairach")

IMAGE_EXTENSIONS = (".nii.gz", ".nii")


def split_extension(path: Path) -> tuple[str, str]:
    """Return a file name without its image extension, and the extension ("" if it has none)."""
    for extension in IMAGE_EXTENSIONS:
        if path.name.endswith(extension):
            return path.name.removesuffix(extension), extension
    return path.name, ""


def entity(path: Path, key: str) -> str | None:
    """Return the value of an entity (as in ``space-MNI152NLin6Asym``), None if there is none."""
    for part in split_extension(path)[0].split("_"):
        if part.startswith(f"{key}-"):
            return part.removeprefix(f"{key}-")
    return None


def derived_stem(path: Path, stat: str, suffix: str) -> str:
    """Return the name, without extension, of a map made of a scan.

    The suffix ``bold`` is replaced, and `stat` goes before ``desc-``, where XCP-D has it too:
    ``sub-01_desc-clean_bold`` becomes ``sub-01_stat-cfh_desc-clean_boldmap``.
    """
    parts = split_extension(path)[0].split("_")
    if len(parts) > 1 and parts[-1] == "bold":
        parts.pop()
    where = next((i for i, part in enumerate(parts) if part.startswith("desc-")), len(parts))
    return "_".join([*parts[:where], stat, *parts[where:], suffix])


def of_variant(path: Path, label: str) -> Path:
    """Return the name of what a variant of the settings makes.

    Parameters
    ----------
    path : Path
        Of the same thing made by the study's own settings.
    label : str
        Such as "noGSR": ``desc-clean`` becomes ``desc-cleanNoGSR``.
    """
    desc = f"_desc-clean{label[:1].upper()}{label[1:]}_"
    return path.with_name(path.name.replace("_desc-clean_", desc))


def has_midline(space: str | None) -> bool:
    """Tell whether x = 0 is known to lie between the hemispheres in this space."""
    return space is not None and space.startswith(_MIDLINE_SPACES)


def is_symmetric(space: str | None) -> bool:
    """Tell whether it is the space of a symmetric template: MNI152NLin2009aSym, not ...Asym."""
    return has_midline(space) and str(space).partition("+")[0].endswith("Sym")


def bare(participant_id: str) -> str:
    """Return a participant's name without "sub-", by which names are compared."""
    return str(participant_id).removeprefix("sub-")


# What sidecars of clean series take over from those of the runs, by BIDS' names.
CARRIED = (
    "Manufacturer",
    "ManufacturersModelName",
    "MagneticFieldStrength",
    "EchoTime",
    "FlipAngle",
    "MultibandAccelerationFactor",
)
