"""Hostile worlds: what a command does with them, and what around it it may not touch.

A case is a row: a small world, a change that makes it hostile, and what is right then. Each command
runs in this process, as a user would type it; before and after, everything in the world is hashed.
"""

# Before a case takes rights away: a codec that is not found once is never found again.
import encodings.utf_8_sig  # noqa: F401
import hashlib
import io
import logging
import os
import re
import signal
import stat
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import chdir, contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from commissure.cli import main

NOBODY = 65534
# What stands for the work on raw scans, which takes minutes.
COMPUTED = "accepted: the scans would be computed now"
# Seconds of the processor that a command may take.
LONGEST = 30
# What tells a user what to do.
_REMEDY = re.compile(
    r"\b(add|allow|allowed|ask|call|check|choose|close|convert|copy|correct|declare|delete|"
    r"download|drop|export|fill|free|get|give|install|join|leave|let|list|look|make|mend|move|"
    r"must be|name|needs|open|put|remove|rename|repair|restore|run|save|say|set|should be|spell|"
    r"start|take|tell|try|use|wait|write|it has|there are|columns are|meant|resample|install|enlarge|can be named|may be|should follow|"
    r"see commissure|up to|required|reorder|skip|a mask has|a formula has)\b",
    re.IGNORECASE,
)
# What tells nothing to anybody but us.
_JARGON = re.compile(
    r"Traceback|has no attribute|NoneType|<class|Errno|object at 0x|numpy\.|np\.float|"
    r"\bWindowsPath|PosixPath|KeyError|IndexError|ValueError|TypeError|DtypeWarning"
)


class UnmetError(AssertionError):
    """What a case asks for does not hold: never raised for a mistake in the making of the case."""


@dataclass
class World:
    """A folder with everything in it that a command may read, write or harm.

    Attributes
    ----------
    root : Path
    arguments : list of str
        Of the command; words in braces are replaced: {in}, {out}, {root}.
    out : Path
        The only folder that may change.
    as_nobody : bool
        Whether the command runs as a user who owns nothing.
    """

    root: Path
    arguments: list[str]
    out: Path = Path()
    as_nobody: bool = False
    seen: dict[str, object] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.out = self.root / "out"

    def path(self, name: str | Path) -> Path:
        return self.root / name

    def write(self, name: str | Path, content: str | bytes) -> Path:
        path = self.path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def edit(self, name: str | Path, old: str, new: str) -> None:
        text = self.path(name).read_text()
        assert old in text, f"{old!r} is not in {name}"
        self.path(name).write_text(text.replace(old, new))

    def add(self, *arguments: object) -> None:
        self.arguments += [str(a) for a in arguments]

    def option(self, name: str, value: object) -> None:
        """Give an option another value, or give it."""
        if name in self.arguments:
            self.arguments[self.arguments.index(name) + 1] = str(value)
        else:
            self.add(name, value)

    def out_is(self, path: Path) -> None:
        """Name another output folder."""
        self.arguments = [str(path) if a == "{out}" else a for a in self.arguments]
        self.out = path

    @property
    def command(self) -> list[str]:
        places = {"in": self.root / "in", "out": self.out, "root": self.root}
        words = re.compile(r"\{(in|out|root)\}")
        return [words.sub(lambda m: str(places[m[1]]), a) for a in self.arguments]

    def snapshot(self) -> dict[str, tuple[object, ...]]:
        return {str(path.relative_to(self.root)): _print_of(path) for path in _walk(self.root)}


@dataclass(frozen=True)
class Said:
    """What a command said, and its exit code."""

    code: int
    err: str
    out: str
    warned: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        return " ".join(self.err.split())

    @property
    def problems(self) -> list[str]:
        return [line for line in self.err.splitlines() if re.match(r"commissure( [a-z]+)*: ", line)]


def run(world: World) -> Said:
    """Run the command of a world; whatever it raises but SystemExit is its failure."""
    out, err = io.StringIO(), io.StringIO()
    with (
        warnings.catch_warnings(record=True) as caught,
        redirect_stdout(out),
        redirect_stderr(err),
        _user(world.as_nobody),
        _soon_enough(),
        _logging_as_alone(),
        chdir(world.root),  # a command without a place for its outputs writes where it is
    ):
        warnings.simplefilter("always")
        try:
            code = main(world.command)
        except SystemExit as stop:
            code = stop.code if isinstance(stop.code, int) else 1
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt | UnmetError):
                raise
            raise UnmetError(f"{type(error).__name__} for {_shown(world)}: {error}") from error
    told = [
        f"{w.category.__name__}: {w.message}" for w in caught
        if issubclass(w.category, (RuntimeWarning, UserWarning, FutureWarning))
    ]  # fmt: skip
    demand(COMPUTED not in err.getvalue(), COMPUTED)
    return Said(code, err.getvalue(), out.getvalue(), tuple(told))


@dataclass(frozen=True)
class Case:
    """A row of a table of cases.

    Attributes
    ----------
    name : str
    world : str
        Which of `worlds.WORLDS` it begins with.
    change : callable
        Makes it hostile.
    judge : callable
        Runs the command and raises `UnmetError` if what it does is not right.
    """

    name: str
    world: str
    change: Callable[[World], None]
    judge: Callable[[World], None]


Names = Sequence[str | tuple[str, ...]]
Check = Callable[[World, Said], None]


def refused(
    name: str,
    world: str,
    change: Callable[[World], None],
    names: Names,
    says: Sequence[str],
    *,
    lines: int = 3,
    never: Sequence[str] = (),
) -> Case:
    """Return a case that must end with exit code 2 and a message, everything as it was.

    Parameters
    ----------
    names : sequence of str or tuple of str
        File, argument or setting that the message names; of a tuple, one.
    says : sequence of str
        One of these words is in the message, which is what the problem is.
    lines : int
        Most lines of the message: one mistake is not told many times.
    never : sequence of str
        What the message may not say.
    """

    def judge(world: World) -> None:
        _refused(world, names, says, lines, never)

    return Case(name, world, change, judge)


def works(name: str, world: str, change: Callable[[World], None], check: Check) -> Case:
    """Return a case that must end well, with the right values."""

    def judge(world: World) -> None:
        before = world.snapshot()
        said = run(world)
        demand(said.code == 0, f"exit code {said.code}, not 0: {said.err}")
        _untouched(world, before, world.snapshot())
        check(world, said)

    return Case(name, world, change, judge)


def told(
    name: str, world: str, change: Callable[[World], None], names: Names, says: Sequence[str],
    check: Check | None = None,
) -> Case:  # fmt: skip
    """Return a case that must be refused, or end well with these words among what is said."""

    def judge(world: World) -> None:
        before = world.snapshot()
        said = run(world)
        if said.code == 2:
            _message(said, names, says, 3, ())
            _same(before, world.snapshot())
            return
        demand(said.code == 0, f"exit code {said.code}: {said.err}")
        _untouched(world, before, world.snapshot())
        _named(said.text, names)
        demand(_any(says, said.text), f"none of {says} is told: {said.text!r}")
        if check:
            check(world, said)

    return Case(name, world, change, judge)


def survives(name: str, world: str, change: Callable[[World], None], check: Check) -> Case:
    """Return a case that may be refused, or be done rightly: both are safe."""

    def judge(world: World) -> None:
        before = world.snapshot()
        said = run(world)
        if said.code == 2:
            _message(said, (), (), 3, ())
            _same(before, world.snapshot())
            return
        demand(said.code == 0, f"exit code {said.code}: {said.err}")
        _untouched(world, before, world.snapshot())
        check(world, said)

    return Case(name, world, change, judge)


def fails(
    name: str, world: str, change: Callable[[World], None], names: Names, says: Sequence[str],
    check: Check | None = None,
) -> Case:  # fmt: skip
    """Return a case where one participant cannot be done: named with the reason, exit code 1.

    Refusing everything before is as right.
    """

    def judge(world: World) -> None:
        before = world.snapshot()
        said = run(world)
        if said.code == 2:
            _message(said, names, says, 3, ())
            _same(before, world.snapshot())
            return
        demand(said.code == 1, f"exit code {said.code}: {said.err}")
        _untouched(world, before, world.snapshot())
        _named(said.text, names)
        demand(_any(says, said.text), f"none of {says} is told: {said.text!r}")
        demand(not _JARGON.search(said.err), f"jargon: {said.err}")
        if check:
            check(world, said)

    return Case(name, world, change, judge)


def _refused(
    world: World, names: Names, says: Sequence[str], lines: int, never: Sequence[str]
) -> None:
    before = world.snapshot()
    said = run(world)
    demand(said.code == 2, f"exit code {said.code}, not 2. Said: {said.err[-1500:]!r}")
    _message(said, names, says, lines, never)
    _same(before, world.snapshot())


def _message(
    said: Said, names: Names, says: Sequence[str], lines: int, never: Sequence[str]
) -> None:
    message = "\n".join(said.problems)
    demand(bool(message), f"no line begins with 'commissure: ': {said.err!r}")
    demand(not _JARGON.search(said.err), f"jargon: {said.err!r}")
    demand(not said.warned, f"warnings: {said.warned}")
    demand(len(said.problems) <= lines, f"{len(said.problems)} messages: {message}")
    _named(message, names)
    demand(not says or _any(says, message), f"none of {says} is in {message!r}")
    by_parser = ": error: " in message  # which shows the usage
    demand(by_parser or bool(_REMEDY.search(message)), f"no remedy in {message!r}")
    wrong = [words for words in never if words.lower() in message.lower()]
    demand(not wrong, f"{wrong} is in {message!r}")


def _named(message: str, names: Names) -> None:
    for name in names:
        alternatives = (name,) if isinstance(name, str) else name
        demand(_any(alternatives, message), f"{name} is not named in {message!r}")


def _any(words: Sequence[str], text: str) -> bool:
    return any(word.lower() in text.lower() for word in words)


def _same(before: dict[str, tuple[object, ...]], after: dict[str, tuple[object, ...]]) -> None:
    changed = _differences(before, after)
    demand(not changed, f"refused, but these changed: {changed[:8]}")


def _untouched(
    world: World, before: dict[str, tuple[object, ...]], after: dict[str, tuple[object, ...]]
) -> None:
    out = os.path.relpath(world.out.resolve(), world.root.resolve())
    # Folders that hold OUT are made where there are none.
    own = {out, *map(str, Path(out).parents)} - before.keys()
    changed = [
        name
        for name in _differences(before, after)
        if name not in own and name != out and not name.startswith(out + "/")
    ]
    demand(not changed, f"outside of OUT these changed: {changed[:8]}")


def _differences(a: dict[str, tuple[object, ...]], b: dict[str, tuple[object, ...]]) -> list[str]:
    return sorted(name for name in a.keys() | b.keys() if a.get(name) != b.get(name))


def demand(met: bool, message: str) -> None:
    if not met:
        raise UnmetError(message)


def both(*changes: Callable[[World], None]) -> Callable[[World], None]:
    """Make several changes to a world, one after the other."""

    def change(world: World) -> None:
        for one in changes:
            one(world)

    return change


def _walk(folder: Path) -> Iterator[Path]:
    yield folder
    for path in sorted(folder.iterdir()):
        if path.is_dir() and not path.is_symlink():
            yield from _walk(path)
        else:
            yield path


def _print_of(path: Path) -> tuple[object, ...]:
    status = path.lstat()
    kind = stat.S_IFMT(status.st_mode)
    if path.is_symlink():
        return kind, str(path.readlink())
    if stat.S_ISREG(status.st_mode):
        with path.open("rb") as file:
            return kind, status.st_mode, hashlib.file_digest(file, "md5").hexdigest()
    return kind, status.st_mode


def _shown(world: World) -> str:
    return " ".join(world.command)


@contextmanager
def _logging_as_alone() -> Iterator[None]:
    """Let what is logged come out as it does without a test runner."""
    handlers = logging.root.handlers[:]
    logging.root.handlers = []
    try:
        yield
    finally:
        logging.root.handlers = handlers


@contextmanager
def _soon_enough() -> Iterator[None]:
    """Raise in whatever takes longer than a small world may, by the processor's time."""

    def stop(_signal: int, _frame: object) -> None:
        raise TimeoutError("no end in sight")

    before = signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, LONGEST)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


@contextmanager
def _user(as_nobody: bool) -> Iterator[None]:
    """Be somebody else for a while, whom permissions bind."""
    if not as_nobody:
        yield
        return
    groups = os.getgroups()
    os.setgroups([])
    os.setresgid(NOBODY, NOBODY, 0)
    os.setresuid(NOBODY, NOBODY, 0)
    try:
        yield
    finally:
        os.setresuid(0, 0, 0)
        os.setresgid(0, 0, 0)
        os.setgroups(groups)


def need_root() -> None:
    """Skip where users cannot be changed, or another could not read the program."""
    if sys.platform != "linux" or os.geteuid():
        pytest.skip("only root can be somebody else")
    with _user(True):
        readable = os.access(__file__, os.R_OK) and os.access(main.__code__.co_filename, os.R_OK)
    if not readable:
        pytest.skip("another user cannot read the program")
