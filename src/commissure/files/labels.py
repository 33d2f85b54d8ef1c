"""What people, sessions, runs and groups may be called, and how files are named after them."""

import hashlib
import re
from collections.abc import Iterable

# Characters, of a label or a name.
LONGEST_LABEL = 64
# Names of tasks in public data sets are longer; that whole names are not too long is seen to where
# they are read.
_LONGEST_OF_BIDS = 128
_BIDS = re.compile(r"[A-Za-z0-9]+")
_IN_TABLES = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
# What a study's own records are called: nobody may be called so too.
RESERVED = frozenset(("group", "study", "report", "provenance", "identity"))
_RULE_OF_BIDS = f"letters (a-z) and digits only, at most {_LONGEST_OF_BIDS}"
_RULE_OF_TABLES = (
    f"letters (a-z), digits, and _ - . between them, at most {LONGEST_LABEL} characters, beginning "
    "with a letter or digit"
)


def label_problem(what: str, text: str, *, bids: bool = False) -> str | None:
    """Say why files cannot be named after a label; None if they can.

    Parameters
    ----------
    what : str
        What the label is, as the user knows it: "participant_id", "session_id", "task".
    text : str
        Without its prefix ("sub-", "ses-") or with it, if `bids` is False.
    bids : bool
        Whether BIDS' own rule holds (letters and digits), or that of tables and DPABI's folders, in
        which "Sub_001" is a name.

    Returns
    -------
    str or None
        A sentence, to be put behind the file and the row that the label stands in.
    """
    rule = _RULE_OF_BIDS if bids else _RULE_OF_TABLES
    if not text:
        return f"{what} is empty. Use {rule}."
    longest = _LONGEST_OF_BIDS if bids else LONGEST_LABEL
    shown = repr(text if len(text) <= longest else f"{text[:LONGEST_LABEL]}...")
    if "/" in text or "\\" in text:
        return f"{what} {shown} looks like a path: are columns mixed up? Use {rule}."
    if len(text) > longest:
        return f"{what} {shown} has {len(text)} characters. Use {rule}."
    fits = (_BIDS if bids else _IN_TABLES).fullmatch(text)
    if not fits or ".." in text or text.endswith("."):
        return f"{what} {shown} cannot name files. Use {rule}."
    if text.lower() in RESERVED:
        return f"{what} {shown} is what a study's own records are called. Choose another name."
    return None


def name_problem(what: str, text: str) -> str | None:
    """Say why something cannot be called so in tables and texts; None if it can.

    Of regions, groups and scores, which may have blanks and letters of any language.

    Parameters
    ----------
    what, text : str
    """
    rule = f"printable characters, at most {LONGEST_LABEL}"
    if not text.strip():
        return f"{what} is empty. Use {rule}."
    if len(text) > LONGEST_LABEL:
        return f"{what} {text[:LONGEST_LABEL]!r}... has {len(text)} characters. Use {rule}."
    if not text.isprintable():
        return f"{what} {text!r} has characters that cannot be printed. Use {rule}."
    return None


def alnum(label: str) -> str:
    """Return what is left of a label when only letters and digits may stay, as BIDS has it."""
    return re.sub(r"[^a-zA-Z0-9]", "", label)


def distinct_labels(names: Iterable[str], filler: str = "") -> dict[str, str]:
    """Return for each name a label of letters and digits to name files by, no two alike.

    Names whose letters and digits are the same ("a-b" and "AB", also where case does not count),
    that have none, or too many, get some digits of a hash behind them.

    Parameters
    ----------
    names : iterable of str
        Different ones.
    filler : str
        What stands in place of each other character.
    """
    every = list(dict.fromkeys(names))
    short = [re.sub("[^a-zA-Z0-9]", filler, name) if alnum(name) else "" for name in every]
    lower = [label.lower() for label in short]
    return {
        name: label if _is_plain(label) and lower.count(label.lower()) == 1 else _hashed(name)
        for name, label in zip(every, short, strict=True)
    }


def _is_plain(label: str) -> bool:
    return 0 < len(label) <= LONGEST_LABEL


def _hashed(name: str) -> str:
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()
    return f"{alnum(name)[: LONGEST_LABEL - 8]}{digest[:8]}"


def contrast_label(contrast: str) -> str:
    """Return a contrast as a BIDS label: letters and digits, each word capitalised.

    ``group[patient] - group[control]`` becomes ``GroupPatientMinusGroupControl``.
    """
    for sign, word in (("-", " minus "), ("+", " plus "), ("*", " times "), ("/", " over ")):
        contrast = contrast.replace(sign, word)
    words = re.findall(r"[A-Za-z0-9]+", contrast)
    label = "".join(word[0].upper() + word[1:] for word in words)
    # One that no file can be named after (too long, nothing of it left) is as distinct as its hash.
    return distinct_labels([label if 0 < len(label) <= LONGEST_LABEL else contrast]).popitem()[1]
