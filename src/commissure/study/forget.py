"""Everything of a person taken out of a study, as when consent is withdrawn."""

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import Timeout

from commissure.files.labels import RESERVED, label_problem
from commissure.inputs.selection import alike_labels, bare, listed
from commissure.problems import InputError
from commissure.records.verdicts import verdicts_from_json, verdicts_to_json
from commissure.report.files import write_report
from commissure.report.reading import page_name
from commissure.study.group.steps import PARTNERS_FOLDER
from commissure.study.identity import forget_people, people_of
from commissure.study.participant.anatomy_cache import SHARED, anatomy_files
from commissure.study.participant.clean_files import own_folder_of
from commissure.study.provenance import held
from commissure.study.verdict_files import FILES, LEFT, read_verdicts, write_verdicts
from commissure.workspace.keys import hash_of
from commissure.workspace.ledger import Ledger, ledger_names, lock_of
from commissure.workspace.left import left_of, remove_left
from commissure.workspace.paths import GROUP_FOLDER, STATE_FOLDER, remove_folder, state_path

_GONE = "(forgotten)"
_LABELS = ("--participant-label", "--participant_label")
_TEXTS = (".json", ".tsv", ".csv", ".txt", ".md", ".html", ".svg", ".bib", ".log")
# Bytes; no text of ours is longer.
_LONGEST_TEXT = 50_000_000
_PATIENCE_S = 10


@dataclass(frozen=True)
class Forgotten:
    """What became of it.

    Attributes
    ----------
    ids : tuple of str
        Who is gone.
    unknown : tuple of str
        Labels that the study has nothing of.
    left : tuple of Path
        Files that are not commissure's and still name them.
    """

    ids: tuple[str, ...]
    unknown: tuple[str, ...]
    left: tuple[Path, ...]


def forget(out_dir: Path, labels: Sequence[str], work_dir: Path | None = None) -> Forgotten:
    """Remove all that commissure wrote of people, and what the group stage made with them.

    Stopped at any moment, it is finished by calling it again.

    Parameters
    ----------
    out_dir : Path
        Of a study.
    labels : sequence of str
        With or without "sub-".
    work_dir : Path, optional
        If the study had one of its own.

    Raises
    ------
    InputError
        If it is no study, a label can be nobody's or differs from somebody's in zeros or case only,
        another run works on it, or something cannot be removed.
    """
    known = people_of(out_dir) | (set(ledger_names(out_dir)) - RESERVED) | _judged(out_dir)
    wanted = {bare("sub", label) for label in labels}
    ids = tuple(sorted(who for who in known if bare("sub", who) in wanted))
    unknown = tuple(sorted(wanted - {bare("sub", who) for who in ids}))
    _check_labels(unknown, known, out_dir)
    work = work_dir or state_path(out_dir, "work")
    for who in ids:
        with _alone(out_dir, who):
            _forget_files(out_dir, who, work)
    if ids:
        _forget_group(out_dir, work)
        _forget_pages(out_dir, ids)
        _forget_records(out_dir, ids)
        # Last: whoever is named there is known when this is called again.
        forget_people(out_dir, set(ids))
        for who in ids:
            Path(lock_of(out_dir, who).lock_file).unlink(missing_ok=True)
        if people_of(out_dir):
            write_report(out_dir)
    named = _names_of({*ids, *(f"sub-{label}" for label in unknown)})
    return Forgotten(ids, unknown, tuple(_naming(out_dir, named)))


def gone_from_input(out_dir: Path, ids: Iterable[str]) -> str | None:
    """Say who is in a study and not in its input any more; None if nobody."""
    gone = sorted(people_of(out_dir) - set(ids))
    if not gone:
        return None
    labels = " ".join(bare("sub", who) for who in gone)
    is_are, their = ("is", "their") if len(gone) == 1 else ("are", "their")
    return (
        f"{listed(gone)} {is_are} in {out_dir} and not in the input: {their} files, rows of "
        f"quality.tsv and pages stay. To remove them: commissure forget {out_dir} "
        f"--participant-label {labels}"
    )


def _check_labels(unknown: Iterable[str], known: Iterable[str], out_dir: Path) -> None:
    """Raise if labels of whom nothing is there are no names, or somebody's but for a slip."""
    problems = []
    for label in unknown:
        if problem := label_problem("--participant-label", label):
            problems.append(f"{problem} Nothing was removed.")
        elif alike := alike_labels(label, sorted(known)):
            problems.append(
                f"{out_dir} holds nothing of sub-{label}. Is {' or '.join(alike)} meant? Labels "
                "are compared with their zeros and case. Nothing was removed."
            )
    if problems:
        raise InputError(problems)


@contextmanager
def _alone(out_dir: Path, name: str) -> Iterator[None]:
    try:
        with lock_of(out_dir, name).acquire(timeout=_PATIENCE_S):
            yield
    except Timeout as error:
        msg = f"Another run works on {name} in {out_dir}. Wait for its end, or stop it."
        raise InputError(msg) from error


def _judged(out_dir: Path) -> set[str]:
    """Return on whom there is a verdict."""
    return {verdict.measured.of.participant_id for verdict in read_verdicts(out_dir)}


def _forget_files(out_dir: Path, who: str, work: Path) -> None:
    ledger = Ledger(out_dir, who)
    folders = {out_dir / own_folder_of(who)}
    ledger.remove()
    # And the mean of heads that theirs may be one of.
    for path in [*anatomy_files(work, who), *anatomy_files(work, SHARED)]:
        path.unlink(missing_ok=True)
    _remove_empty(folders)


def _forget_group(out_dir: Path, work: Path) -> None:
    with _alone(out_dir, GROUP_FOLDER):
        Ledger(out_dir, GROUP_FOLDER).remove()
        remove_folder(work / PARTNERS_FOLDER)
        remove_folder(state_path(out_dir, "permutations"))
        _remove_empty([out_dir / GROUP_FOLDER, *out_dir.glob("sub-*")])


def _forget_pages(out_dir: Path, ids: Sequence[str]) -> None:
    """Remove people's own pages, and the one and the figures that show everyone."""
    with _alone(out_dir, "report"):
        ledger = Ledger(out_dir, "report")
        ledger.clear_staging()
        stale = {"figures", "study", *(f"page {page_name(who)}" for who in ids)}
        ledger.keep_only([step for step in ledger.facts if step not in stale])


def _forget_records(out_dir: Path, ids: Sequence[str]) -> None:
    """Take people out of quality.tsv and what lies beside it, and out of provenance.json."""
    named = _names_of(ids)
    with _alone(out_dir, "study"):
        ledger = Ledger(out_dir, "study")
        ledger.clear_staging()
        texts = {
            name.as_posix(): (out_dir / name).read_text("utf-8")
            for name in ledger.outputs("study")
            if name.suffix in _TEXTS and (out_dir / name).is_file()
        }
        for name in FILES:
            texts.pop(name, None)
        kept = {name: named.sub(_GONE, text) for name, text in texts.items()}
        in_verdicts, verdicts = left_of(out_dir, LEFT), read_verdicts(out_dir)
        others = [v for v in verdicts if v.measured.of.participant_id not in ids]
        said = json.dumps(verdicts_to_json(others), ensure_ascii=False)
        left = verdicts_from_json(json.loads(named.sub(_GONE, said)))
        files = [file for file in ledger.outputs("study") if file.as_posix() not in {*kept, *FILES}]

        def make(folder: Path) -> dict[str, Any]:
            for file in files:
                if (out_dir / file).is_file():
                    (folder / file).write_bytes((out_dir / file).read_bytes())
            for name, text in kept.items():
                (folder / name).write_text(text, encoding="utf-8")
            write_verdicts(folder, left)
            return {}

        if (kept, left) != (texts, verdicts):
            ledger.do("study", hash_of(_GONE, kept, said), make)
        remove_left(out_dir, in_verdicts)
    with held(out_dir) as content:
        for run in content["Runs"]:
            if isinstance(run.get("Command"), list):
                run["Command"] = list(_without_labels(run["Command"], ids))
        content |= json.loads(named.sub(_GONE, json.dumps(content, ensure_ascii=False)))
        for table in ("Inputs", "Outputs"):
            entries = content.get(table, {})
            content[table] = {name: value for name, value in entries.items() if _GONE not in name}


def _without_labels(command: Iterable[Any], ids: Sequence[str]) -> Iterator[str]:
    """Give the arguments of a command without the labels of people."""
    labels = {bare("sub", who) for who in ids}
    of_people = False
    for argument in map(str, command):
        option, _, value = argument.partition("=")
        if argument.startswith("-"):
            of_people = option in _LABELS
        gone = of_people and bare("sub", value or argument) in labels
        yield (f"{option}={_GONE}" if value else _GONE) if gone else argument


def _names_of(ids: Iterable[str]) -> re.Pattern[str]:
    """Return what finds people in texts and paths; not a bare number, which is anything."""
    names = {own_folder_of(who) for who in ids} | {who for who in ids if not who.isdigit()}
    every = "|".join(map(re.escape, sorted(names, key=len, reverse=True)))
    return re.compile(f"(?<![A-Za-z0-9])(?:{every})(?![A-Za-z0-9])")


def _naming(out_dir: Path, named: re.Pattern[str]) -> Iterator[Path]:
    """Give the files that still name people: others put them there."""
    for path in sorted(out_dir.rglob("*")):
        if not path.is_file():
            continue
        said = path.relative_to(out_dir).as_posix(), _text_of(path)
        if any(map(named.search, said)):
            yield path


def _text_of(path: Path) -> str:
    """Return what a file says; nothing if it is no text."""
    if path.suffix not in _TEXTS or path.stat().st_size > _LONGEST_TEXT:
        return ""
    return path.read_text("utf-8", errors="replace")


def _remove_empty(folders: Iterable[Path]) -> None:
    """Remove folders in which no file is left."""
    for folder in folders:
        if folder.is_symlink() or not folder.is_dir() or STATE_FOLDER in folder.parts:
            continue
        inner = sorted((path for path in folder.rglob("*") if path.is_dir()), reverse=True)
        for path in (*inner, folder):
            if not path.is_symlink() and not any(path.iterdir()):
                path.rmdir()
