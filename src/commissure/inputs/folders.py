"""Listing folders that may not let themselves be listed."""

from pathlib import Path

from commissure.problems import InputError


def listing(folder: Path) -> list[Path]:
    """Return what is in a folder in order of name; nothing if it is no folder.

    Raises
    ------
    InputError
        If it may not be read, or vanished.
    """
    try:
        return sorted(folder.iterdir()) if folder.is_dir() else []
    except OSError as error:
        msg = f"{folder} cannot be listed ({error.strerror}). Check that you may read the folder."
        raise InputError(msg) from error


def is_folder(path: Path) -> bool:
    """Tell whether something is a folder.

    Raises
    ------
    InputError
        If it is a link to nowhere, or what it is may not be known.
    """
    try:
        if path.is_dir():
            return True
        is_lost = path.is_symlink() and not path.exists()
    except OSError as error:
        msg = f"{path} cannot be read ({error.strerror}). Check that you may read it."
        raise InputError(msg) from error
    if is_lost:
        msg = f"{path} is a link to nowhere. Fetch what it stands for, or remove the link."
        raise InputError(msg)
    return False


def subfolders(folder: Path) -> list[Path]:
    """Return the folders in a folder in order of name.

    Raises
    ------
    InputError
        If they may not be known.
    """
    try:
        return [path for path in listing(folder) if path.is_dir()]
    except OSError as error:
        msg = f"{folder} cannot be read ({error.strerror}). Check that you may enter the folder."
        raise InputError(msg) from error
