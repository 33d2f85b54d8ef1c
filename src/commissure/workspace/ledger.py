"""What has been done for a participant, so that the next run goes on from there."""

import hashlib
import json
import logging
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Self

from filelock import FileLock, Timeout

from commissure.files.shared_paths import in_sentence, recorded_name
from commissure.files.text import read_json
from commissure.problems import InputError
from commissure.workspace.paths import (
    STATE_FOLDER,
    file_name,
    inside,
    label_of,
    make_folder,
    remove_folder,
    state_path,
    staying,
)
from commissure.workspace.staging import replace_file, staged, unfinished
from commissure.workspace.step_name import StepName
from commissure.workspace.written import Written, written_in

log = logging.getLogger(__name__)

# Writes the files of a step to a folder, and returns what it found out.
Make = Callable[[Path], dict[str, Any]]

_CHANGED = (
    "{} was changed after commissure wrote it. Put back the one that it was, or move it away to "
    "have it made again."
)


@dataclass(frozen=True)
class _Entry:
    """A step: its key (None while its files are being replaced), files and findings.

    Each file is one of those that it may be: of a step that is done there is only one. Findings
    are written with their hash: a step whose findings somebody changed is as good as lost. Files
    that were not kept are no outputs any more: the step is done without them.
    """

    key: str | None = None
    outputs: Mapping[str, tuple[Written, ...]] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)
    not_kept: tuple[str, ...] = ()

    @classmethod
    def parsed(cls, content: Any, stays: Callable[[str], bool]) -> Self | None:
        """Return what was written of a step; None if it is something else, or leads elsewhere."""
        if not isinstance(content, dict):
            return None
        key, files, facts = (content.get(name) for name in ("key", "outputs", "facts"))
        if not isinstance(files, dict) or not isinstance(facts, dict):
            return None
        if not (key is None or isinstance(key, str)) or content.get("sha256") != _hash_of(facts):
            return None
        outputs = {}
        for name, versions in files.items():
            known = [Written.parsed(one) for one in versions] if isinstance(versions, list) else []
            written = tuple(one for one in known if one is not None)
            if not written or len(written) < len(known) or (key and len(written) != 1):
                return None
            if not stays(name):
                return None
            outputs[name] = written
        gone = content.get("not kept", [])
        return cls(key, outputs, facts, tuple(map(str, gone)) if isinstance(gone, list) else ())


class Ledger:
    """The steps done for one participant (or the group), in a file that is replaced whole.

    A step is done if it was finished with the same key (a hash of all that it depends on) and its
    files are still there, as they were written. Killed at any moment, a step is either not in the
    ledger or all its files are in place. A file that somebody changed is neither used nor replaced.

    Parameters
    ----------
    out_dir : Path
        The study's output folder.
    name : str
        "sub-01", or "group".

    Raises
    ------
    InputError
        If the ledger may not be read. One that is damaged is empty: what it said is done again.
    """

    def __init__(self, out_dir: Path, name: str) -> None:
        self.out_dir, self.name = out_dir, name
        self.path = _file_of(out_dir, name)
        self._staging = state_path(out_dir, "staging", file_name(name))
        self._folders: set[Path] = set()
        self.read()

    def read(self) -> None:
        """Take what another process may have written meanwhile."""
        content: dict[str, Any] = {}
        # Whether files may be ours of which nothing is known.
        self._lost = False
        if self.path.exists():
            try:
                content = read_json(self.path)
            except InputError as error:
                if isinstance(error.__cause__, OSError):
                    raise
                self._lost = True
        steps, stamps, failures = (
            found if isinstance(found := content.get(name, {}), dict) else {}
            for name in ("steps", "inputs", "failures")
        )
        stays = staying(self.out_dir)
        entries = {step: _Entry.parsed(entry, stays) for step, entry in steps.items()}
        known = {name: Written.parsed(stamp) for name, stamp in stamps.items()}
        self._steps = {step: entry for step, entry in entries.items() if entry is not None}
        self._lost |= len(self._steps) < len(entries) or not isinstance(
            content.get("steps", {}), dict
        )
        self._stamps = {name: stamp for name, stamp in known.items() if stamp is not None}
        self.failures: dict[StepName, list[str]] = {
            StepName(step): list(map(str, said))
            for step, said in failures.items()
            if isinstance(said, list)
        }
        self._as_read = dict(self._steps), dict(self._stamps)

    @property
    def facts(self) -> dict[StepName, dict[str, Any]]:
        """What each step found out, also of one whose files are being replaced (nothing)."""
        return {StepName(step): dict(entry.facts) for step, entry in self._steps.items()}

    @property
    def inputs(self) -> dict[str, str]:
        """Hash of each file that was read, by what `recorded_name` calls it."""
        return {name: stamp.sha256 for name, stamp in self._stamps.items()}

    @property
    def written(self) -> dict[str, Written]:
        """Each file of the steps that are done, by its path in the output folder."""
        done = (entry for entry in self._steps.values() if entry.key is not None)
        return {name: file for entry in done for name, (file,) in entry.outputs.items()}

    def stamp(self, path: Path) -> str:
        """Return a hash of a file's content, read again only if size or time changed.

        Raises
        ------
        InputError
            If it cannot be read.
        """
        name = recorded_name(path)
        self._folders.add(path.absolute().parent)
        try:
            known = self._stamps.get(name)
            now = (known and known.again(path)) or Written.of(path)
        except OSError as error:
            msg = f"{path} cannot be read ({error.strerror}). Check that it is there, and readable."
            raise InputError(msg) from error
        self._stamps[name] = now
        return now.sha256

    def done(self, step: str, key: str) -> dict[str, Any] | None:
        """Return what a step found out if it is done, else None.

        Raises
        ------
        InputError
            If somebody changed a file of the step.
        """
        entry = self._steps.get(step)
        if entry is None or entry.key != key or not self._is_whole(step, entry):
            return None
        return dict(entry.facts)

    def outputs(self, step: str) -> list[Path]:
        """Return the files of a step, relative to the output folder."""
        return [Path(name) for name in self._steps.get(step, _Entry()).outputs]

    def verify(self, files: Iterable[Path]) -> None:
        """Raise if the content of files that are about to be read is not what was written.

        Parameters
        ----------
        files : iterable of Path
            They are read whole; those that no step wrote are left.

        Raises
        ------
        InputError
            With every file.
        """
        problems = []
        for file in files:
            ours = file.is_relative_to(self.out_dir)
            name = file.relative_to(self.out_dir).as_posix() if ours else ""
            known = [one for e in self._steps.values() for one in e.outputs.get(name, ())]
            if known and Written.of(file).sha256 not in {one.sha256 for one in known}:
                problems.append(_CHANGED.format(file))
        if problems:
            raise InputError(problems)

    def check(self) -> None:
        """Raise `InputError` if somebody changed a file of any step."""
        problems: list[str] = []
        for step, entry in list(self._steps.items()):
            try:
                self._is_whole(step, entry)
            except InputError as error:
                problems += error.problems
        if problems:
            raise InputError(problems)

    def do(self, step: str, key: str, make: Make) -> dict[str, Any]:
        """Return what a step found out, and do it if it is not done.

        Parameters
        ----------
        step, key : str
        make : callable
            Writes the step's files to the folder it is given, as they are to lie in the output
            folder, and returns what it found out (plain values).

        Raises
        ------
        InputError
            If somebody changed a file of the step, or has put one where the step has to write.
        """
        return self.do_all({step: (key, make)})[step]

    def do_all(self, steps: Mapping[str, tuple[str, Make]]) -> dict[str, dict[str, Any]]:
        """Return what some steps found out; see `do`.

        Those that are not done are put in place together, all or none: so the ledger is written
        twice, and not twice a step.

        Parameters
        ----------
        steps : mapping of str to tuple of str and callable
            Key and maker of each.
        """
        found = {step: self.done(step, key) for step, (key, _) in steps.items()}
        facts = {step: one for step, one in found.items() if one is not None}
        forgiven = [step for step in map(StepName, facts) if step in self.failures]
        for step in forgiven:
            del self.failures[step]
        if forgiven:
            self.write()
        left = {step: todo for step, todo in steps.items() if step not in facts}
        return facts | self._make(left) if left else facts

    def _make(self, steps: Mapping[str, tuple[str, Make]]) -> dict[str, dict[str, Any]]:
        """Make the files of some steps and put them in place; return what they found out."""
        for step in steps:
            self._is_whole(step, self._steps.get(step, _Entry()))
        old = {name for step in steps for name in self.outputs(step)}
        new: dict[str, dict[str, Written]] = {}
        facts: dict[str, dict[str, Any]] = {}
        seen: dict[str, Written] = {}
        self._make_staging()
        with staged(self.out_dir, self._staging, before=lambda: self._open(new)) as folder:
            for step, (_, make) in steps.items():
                # As it will be read again from the ledger.
                facts[step] = json.loads(json.dumps(make(folder)))
                new[step] = written_in(folder, besides=seen)
                seen |= new[step]
        for name in old - set(map(Path, seen)):
            self._remove(name)
        for step, (key, _) in steps.items():
            files = {name: (file,) for name, file in new[step].items()}
            self._steps[step] = _Entry(key, files, facts[step])
            self.failures.pop(StepName(step), None)
        self.write()
        return {step: dict(one) for step, one in facts.items()}

    def _open(self, new: Mapping[str, Mapping[str, Written]]) -> None:
        """Take note that files of steps are about to be written: for a while they are a mixture.

        Raises
        ------
        InputError
            If somebody changed a file of a step, or has put one where a step has to write.
        """
        for step in new:
            self._is_whole(step, self._steps.get(step, _Entry()))
        self._refuse_foreign({name: file for files in new.values() for name, file in files.items()})
        for step, files in new.items():
            old = self._steps.get(step, _Entry()).outputs
            outputs = {name: [*old.get(name, ())] for name in sorted(old.keys() | files.keys())}
            for name, file in files.items():
                outputs[name].append(file)
            self._steps[step] = _Entry(
                None, {name: tuple(dict.fromkeys(some)) for name, some in outputs.items()}
            )
        self.write()

    def fail(self, step: str, problems: Collection[str]) -> None:
        """Note why a step could not be done, without the folders that a problem names."""
        folders = {self.out_dir, *self._folders}
        self.failures[StepName(step)] = [in_sentence(problem, *folders) for problem in problems]
        self.write()

    def keep_only(self, steps: Collection[str]) -> None:
        """Forget all steps but these, and remove what they wrote; what was changed is left."""
        gone = [step for step in self._steps if step not in steps]
        for step in gone:
            for name, versions in self._steps[step].outputs.items():
                if self._found(name, versions) is not None:
                    self._remove(name)
                elif (self.out_dir / name).exists() and not self._is_of_another(name):
                    log.warning("%s was changed, and is left where it is.", self.out_dir / name)
            del self._steps[step]
        stale = [step for step in self.failures if step not in steps]
        for step in stale:
            del self.failures[step]
        if gone or stale:
            self.write()

    def let_go(self, step: str, wanted: Callable[[str], bool]) -> None:
        """Remove files of a step that is done, and stays so; see `not_kept`.

        Parameters
        ----------
        step : str
        wanted : callable
            Tells by its name whether a file stays.
        """
        entry = self._steps.get(step, _Entry())
        gone = [name for name in entry.outputs if not wanted(name)]
        if gone:
            # Killed in between, files lie about that are replaced when they are made again.
            outputs = {name: files for name, files in entry.outputs.items() if name not in gone}
            not_kept = (*entry.not_kept, *gone)
            self._steps[step] = replace(entry, outputs=outputs, not_kept=not_kept)
            self.write()
        for name in gone:
            self._remove(name)

    def not_kept(self, step: str) -> tuple[str, ...]:
        """Return the files of a step that were removed to save room."""
        return self._steps.get(step, _Entry()).not_kept

    def want_again(self, step: str) -> None:
        """Have a step done again when it is asked for, whatever its key."""
        self._steps[step] = replace(self._steps.get(step, _Entry()), key="")

    def clear_staging(self) -> None:
        """Remove what a killed run left half done; to be called under the lock only."""
        remove_folder(self._staging)

    def keep_times(self) -> None:
        """Keep what was learnt of files whose times changed, as of copied ones, if nobody works."""
        if (self._steps, self._stamps) == self._as_read:
            return
        lock = lock_of(self.out_dir, self.name)
        try:
            with lock.acquire(timeout=0):
                if not self.path.exists():
                    return
                now = Ledger(self.out_dir, self.name)
                before = now._content()
                for step, entry in self._steps.items():
                    if step in now._steps and now._steps[step].key == entry.key:
                        now._take_times(step, entry)
                for name, stamp in self._stamps.items():
                    if name in now._stamps and now._stamps[name].sha256 == stamp.sha256:
                        now._stamps[name] = stamp
                if now._content() != before:
                    now.write()
        except Timeout:
            pass

    def write(self) -> None:
        """Write the ledger."""
        replace_file(self.path, self._content())

    def remove(self) -> None:
        """Remove all files of all steps, then the ledger; to be called under the lock only."""
        for entry in self._steps.values():
            for name in entry.outputs:
                self._remove(name)
        self.clear_staging()
        for path in (unfinished(self.path), self.path):
            path.unlink(missing_ok=True)
        self.read()

    def _content(self) -> str:
        steps = {
            step: {
                "key": entry.key,
                "outputs": {
                    name: [asdict(one) for one in versions]
                    for name, versions in sorted(entry.outputs.items())
                },
                "facts": entry.facts,
                "sha256": _hash_of(entry.facts),
            }
            | ({"not kept": list(entry.not_kept)} if entry.not_kept else {})
            for step, entry in sorted(self._steps.items())
        }
        content = {
            "steps": steps,
            "inputs": {name: asdict(stamp) for name, stamp in sorted(self._stamps.items())},
            "failures": dict(sorted(self.failures.items())),
        }
        return json.dumps(content, indent=1, ensure_ascii=False) + "\n"

    def _is_whole(self, step: str, entry: _Entry) -> bool:
        """Tell whether all files of a step are there; raise if somebody changed one."""
        missing, changed, now = False, [], {}
        for name, versions in entry.outputs.items():
            found = self._found(name, versions)
            if found is not None:
                now[name] = (found,) if len(versions) == 1 else versions
                continue
            path = self.out_dir / name
            if path.exists() and not self._is_of_another(name):
                changed.append(_CHANGED.format(path))
            missing = True
        if changed:
            raise InputError(changed)
        if not missing:
            self._steps[step] = replace(entry, outputs=now)
        return not missing

    def _found(self, name: str, versions: Iterable[Written]) -> Written | None:
        """Return the one of the versions that a file is now; None if it is none of them.

        Raises
        ------
        InputError
            If it cannot be read.
        """
        path = self.out_dir / name
        try:
            if not path.is_file():
                return None
            now = (version.again(path) for version in versions)
            return next((one for one in now if one is not None), None)
        except OSError as error:
            msg = f"{path} cannot be read ({error.strerror}). Allow reading it."
            raise InputError(msg) from error

    def _is_of_another(self, name: str) -> bool:
        """Tell whether another ledger of the study knows a file as it is now."""
        return any(
            name in entry.outputs and self._found(name, entry.outputs[name]) is not None
            for other in ledger_names(self.out_dir)
            if other != self.name
            for entry in Ledger(self.out_dir, other)._steps.values()
        )

    def _refuse_foreign(self, new: Mapping[str, Written]) -> None:
        """Raise if files that are not ours lie where a step's are to be."""
        if self._lost:
            return
        known = self._steps.values()
        ours = {name for entry in known for name in (*entry.outputs, *entry.not_kept)}
        foreign = [
            self.out_dir / name
            for name, written in new.items()
            if name not in ours
            and (self.out_dir / name).exists()
            and self._found(name, [written]) is None
            and not self._is_of_another(name)
        ]
        if foreign:
            raise InputError(
                f"{path} is not commissure's, and lies where it has to write. Move it away, or "
                "give another output folder."
                for path in foreign
            )

    def _take_times(self, step: str, entry: _Entry) -> None:
        mine = self._steps[step]
        outputs = {
            name: entry.outputs[name]
            if [one.sha256 for one in entry.outputs.get(name, ())] == [v.sha256 for v in versions]
            else versions
            for name, versions in mine.outputs.items()
        }
        self._steps[step] = replace(mine, outputs=outputs)

    def _remove(self, name: str | Path) -> None:
        path = inside(self.out_dir, name)
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            msg = f"{path} cannot be removed ({error.strerror}). Remove it, or allow it."
            raise InputError(msg) from error

    def _make_staging(self) -> None:
        try:
            make_folder(self._staging)
        except OSError as error:
            msg = (
                f"Cannot write to {self.out_dir} ({error.strerror}). Choose another output folder."
            )
            raise InputError(msg) from error


def _hash_of(facts: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def ledger_names(out_dir: Path) -> list[str]:
    """Return who has a ledger in an output folder, sorted."""
    files = (out_dir / STATE_FOLDER / "ledger").glob("*.json")
    return sorted(label_of(path.stem) for path in files if not path.name.startswith("."))


def check_unchanged(out_dir: Path, names: Iterable[str]) -> None:
    """Raise if somebody changed files of some ledgers; those that are being worked on are left.

    Raises
    ------
    InputError
        With every file.
    """
    problems: list[str] = []
    for name in names:
        if not _file_of(out_dir, name).exists():
            continue  # nor is a lock made of what there is nothing of
        try:
            lock_of(out_dir, name)
            Ledger(out_dir, name).check()
        except InputError:
            # Or another run is at it right now, and the ledger is older than the files.
            try:
                with lock_of(out_dir, name).acquire(timeout=0):
                    Ledger(out_dir, name).check()
            except Timeout:
                pass
            except InputError as error:
                problems += error.problems
    if problems:
        raise InputError(problems)


def _file_of(out_dir: Path, name: str) -> Path:
    return state_path(out_dir, "ledger", f"{file_name(name)}.json")


def lock_of(out_dir: Path, name: str) -> FileLock:
    """Return the lock of a participant (or "group"): held by who works on it, freed with its end.

    However it ends: the lock is the process's own.

    Raises
    ------
    InputError
        If it cannot be made.
    """
    path = state_path(out_dir, "locks", f"{file_name(name)}.lock")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_dir():
            msg = f"{path} is a folder, where commissure keeps a file. Remove it."
            raise InputError(msg)
        path.touch()
    except OSError as error:
        msg = f"Cannot write to {out_dir} ({error.strerror}). Choose another output folder."
        raise InputError(msg) from error
    return FileLock(path)
