"""Whose a file is by its name, where a table says that it is another's: rows may be shifted."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath

from commissure.files.bids_names import split_extension
from commissure.inputs.selection import bare


def of_others(files: Sequence[tuple[str, str]]) -> list[str]:
    """Say which files of a table are named after somebody else in it.

    Parameters
    ----------
    files : sequence of (str, str)
        Participant and path of each row.

    Returns
    -------
    list of str
        At most one sentence, to be put behind the table's name. A name that is a number alone tells
        a person only behind "sub-": folders are numbered too.
    """
    people = {bare("sub", who): who for who, _ in files}
    rows_of = Counter(path for _, path in files)
    wrong = []
    for who, path in files:
        named = set(_names(path)) & people.keys()
        # That a file is there for two is told by whoever reads it.
        if named and bare("sub", who) not in named and rows_of[path] == 1:
            wrong.append(f"{who} has {path}, which is named after {people[min(named)]}")
    if not wrong:
        return []
    more = f", and {len(wrong) - 1} more rows are like it" if len(wrong) > 1 else ""
    msg = (
        f"{wrong[0]}{more}: are rows shifted? Give each participant the file of their own, or "
        "rename the files."
    )
    return [msg]


def unlike_names(files: Mapping[str, Sequence[str]], where: str) -> list[str]:
    """Say that files are of several kinds by their names, where one is meant.

    Parameters
    ----------
    files : mapping of str to sequence of str
        Kind to those whose files are of it.
    where : str
        What they are and what of them differs: "maps.tsv names maps of different measures".
    """
    if len(files) < 2:
        return []
    most, *others = sorted(files.items(), key=lambda item: -len(item[1]))
    told = [f"{most[0]} ({len(most[1])} scans)"]
    told += [f"{kind} ({', '.join(who)})" for kind, who in others]
    return [f"{where}: {'; '.join(told)}. They cannot be compared: leave the others out."]


def _names(path: str) -> Iterator[str]:
    """Return what a path may call a person: sub-01_..., Sub_001/..., zVMHCMap_Sub_001.nii."""
    *folders, name = PurePosixPath(path.replace("\\", "/")).parts or ("",)
    for part in (*folders, split_extension(Path(name))[0]):
        words = part.split("_")
        yield from (bare("sub", word) for word in words if word.startswith("sub-"))
        ends = ("_".join(words[first:]) for first in range(len(words)))
        yield from (end for end in ends if not end.isdecimal())
