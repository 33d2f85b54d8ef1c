"""What has been done for a participant, so that the next run goes on from there."""

import hashlib
import json
import shutil
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

from filelock import FileLock

from commissure.problems import InputError
from commissure.workspace.staging import replace_file, staged

# Everything that is only for resuming; no other file of an output folder begins with a dot.
STATE_FOLDER = ".commissure"


class Ledger:
    """The steps done for one participant (or the group), in a file that is replaced whole.

    A step is done if it was finished with the same key (a hash of all that it depends on) and its
    files are still there. Killed at any moment, a step is either not in the ledger or all its
    files are in place.

    Parameters
    ----------
    out_dir : Path
        The study's output folder.
    name : str
        "sub-01", or "group".
    """

    def __init__(self, out_dir: Path, name: str) -> None:
        self.out_dir, self.name = out_dir, name
        self._path = out_dir / STATE_FOLDER / "ledger" / f"{name}.json"
        self._staging = out_dir / STATE_FOLDER / "staging" / name
        self.read()

    def read(self) -> None:
        """Take what another process may have written meanwhile."""
        content: dict[str, Any] = {}
        try:
            content = json.loads(self._path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            pass
        except ValueError:
            # Not ours, or of a disk that lost it: what it said is done again.
            content = {}
        self._steps: dict[str, dict[str, Any]] = content.get("steps", {})
        self._stamps: dict[str, dict[str, Any]] = content.get("inputs", {})
        self.failures: dict[str, list[str]] = content.get("failures", {})

    def stamp(self, path: Path) -> str:
        """Return a hash of a file's content, read again only if size or time changed.

        Raises
        ------
        InputError
            If it cannot be read.
        """
        try:
            status = path.stat()
            name = str(path.absolute())
            known = self._stamps.get(name)
            same = {"size": status.st_size, "mtime_ns": status.st_mtime_ns}
            if known is None or {key: known[key] for key in same} != same:
                with path.open("rb") as file:
                    digest = hashlib.file_digest(file, "sha256").hexdigest()
                self._stamps[name] = same | {"sha256": digest}
        except OSError as error:
            msg = f"{path} cannot be read ({error.strerror})."
            raise InputError(msg) from error
        return str(self._stamps[name]["sha256"])

    def done(self, step: str, key: str) -> dict[str, Any] | None:
        """Return what a step found out if it is done, else None."""
        entry = self._steps.get(step)
        if entry is None or entry["key"] != key:
            return None
        for name, size in entry["outputs"].items():
            file = self.out_dir / name
            if not file.is_file() or file.stat().st_size != size:
                return None
        return dict(entry["facts"])

    def outputs(self, step: str) -> list[Path]:
        """Return the files of a step, relative to the output folder."""
        return [Path(name) for name in self._steps.get(step, {}).get("outputs", {})]

    def do(self, step: str, key: str, make: Callable[[Path], dict[str, Any]]) -> dict[str, Any]:
        """Return what a step found out, and do it if it is not done.

        Parameters
        ----------
        step, key : str
        make : callable
            Writes the step's files to the folder it is given, as they are to lie in the output
            folder, and returns what it found out (plain values).
        """
        facts = self.done(step, key)
        if facts is not None:
            if self.failures.pop(step, None) is not None:
                self.write()
            return facts
        old = set(self.outputs(step))
        written: dict[str, int] = {}
        with staged(
            self.out_dir, self._staging, before=lambda: self._open(step, old, written)
        ) as folder:
            # As it will be read again from the ledger.
            facts = json.loads(json.dumps(make(folder)))
            for file in sorted(folder.rglob("*")):
                if file.is_file():
                    written[file.relative_to(folder).as_posix()] = file.stat().st_size
        for name in old - set(map(Path, written)):
            (self.out_dir / name).unlink(missing_ok=True)
        self._steps[step] = {"key": key, "outputs": written, "facts": facts}
        self.failures.pop(step, None)
        self.write()
        return dict(facts)

    def fail(self, step: str, problems: Collection[str]) -> None:
        """Note why a step could not be done."""
        self.failures[step] = list(problems)
        self.write()

    def keep_only(self, steps: Collection[str]) -> None:
        """Forget all steps but these, and remove what they wrote."""
        gone = [step for step in self._steps if step not in steps]
        for step in gone:
            for file in self.outputs(step):
                (self.out_dir / file).unlink(missing_ok=True)
            del self._steps[step]
        stale = [step for step in self.failures if step not in steps]
        for step in stale:
            del self.failures[step]
        if gone or stale:
            self.write()

    def clear_staging(self) -> None:
        """Remove what a killed run left half done; to be called under the lock only."""
        shutil.rmtree(self._staging, ignore_errors=True)

    def write(self) -> None:
        """Write the ledger."""
        content = {
            "steps": dict(sorted(self._steps.items())),
            "inputs": dict(sorted(self._stamps.items())),
            "failures": dict(sorted(self.failures.items())),
        }
        replace_file(self._path, json.dumps(content, indent=1, ensure_ascii=False) + "\n")

    def _open(self, step: str, old: Collection[Path], new: Mapping[str, int]) -> None:
        """Take note that a step's files are about to change: for a while they are a mixture."""
        names = {name.as_posix() for name in old} | set(new)
        self._steps[step] = {"key": None, "outputs": dict.fromkeys(sorted(names), -1), "facts": {}}
        self.write()


def lock_of(out_dir: Path, name: str) -> FileLock:
    """Return the lock of a participant (or "group"): held by who works on it, freed with its end.

    However it ends: the lock is the process's own.
    """
    path = out_dir / STATE_FOLDER / "locks" / f"{name}.lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    return FileLock(path)
