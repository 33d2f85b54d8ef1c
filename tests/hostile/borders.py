"""C: what surrounds a command: environment, encodings, pipes, disks."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.hostile.harness import Case, Said, World, demand, refused, survives, works
from tests.hostile.tables import is_there

SOURCE = Path(__file__).parents[2] / "src"


def as_user(
    *arguments: str, env: dict[str, str] | None = None, into: str = "", code: int | None = 0
):
    """Run a command as a process of its own; its exit code is 0 and it shows no traceback."""

    def judge(world: World) -> None:
        before = world.snapshot()
        surrounding = {**os.environ, "PYTHONPATH": str(SOURCE), **(env or {})}
        command = [sys.executable, "-m", "commissure", *(arguments or world.command)]
        if into:
            quoted = " ".join(f"'{a}'" for a in command)
            command = ["/bin/bash", "-o", "pipefail", "-c", f"{quoted} {into}"]
        done = subprocess.run(
            command, capture_output=True, text=True, env=surrounding, cwd=world.root, check=False
        )
        demand("Traceback" not in done.stderr, done.stderr[-800:])
        demand("Exception ignored" not in done.stderr, done.stderr[-800:])
        if code is not None:
            demand(done.returncode == code, f"exit code {done.returncode}: {done.stderr[-500:]}")
        if "{out}" not in world.arguments or done.returncode == 2:
            demand(world.snapshot() == before, "something changed")

    return judge


def process(name: str, world: str, change, judge) -> Case:
    return Case(name, world, change, judge)


def nothing(world: World) -> None:
    pass


def umlaut_level(world: World) -> None:
    world.edit("in/participants.tsv", "\tpatient\t", "\tKränkér\t")
    world.option("--contrast", "group[Kränkér] - group[control]")


def full_disk(size: str):
    """OUT on a file system that is full soon."""

    def change(world: World) -> None:
        world.path("out").mkdir()
        done = subprocess.run(
            ["/usr/bin/mount", "-t", "tmpfs", "-o", f"size={size}", "none", str(world.path("out"))],
            capture_output=True, check=False,
        )  # fmt: skip
        if done.returncode:
            pytest.skip("no file system can be mounted here")
        world.seen["mounted"] = True

    return change


def unmounting(case: Case) -> Case:
    def judge(world: World) -> None:
        try:
            case.judge(world)
        finally:
            subprocess.run(["/usr/bin/umount", str(world.path("out"))], check=False)

    return Case(case.name, case.world, case.change, judge)


def surrounded(case: Case, **env: str) -> Case:
    """The same with other environment variables."""

    def judge(world: World) -> None:
        with pytest.MonkeyPatch.context() as patch:
            for name, value in env.items():
                patch.setenv(name, value)
            case.judge(world)

    return Case(case.name, case.world, case.change, judge)


def fine(world: World, said: Said) -> None:
    pass


CASES = (
    process("schema-into-head", "scan", nothing, as_user("config", "schema", into="| head -1", code=None)),
    process("show-into-closed-pipe", "scan", nothing, as_user("config", "show", into="| true", code=None)),
    process("errors-in-ascii", "maps", umlaut_level, as_user(env={"PYTHONIOENCODING": "ascii"})),
    process("bad-input-in-ascii", "maps", lambda w: (umlaut_level(w), w.option("--contrast", "group[Gräf] - group[control]")), as_user(env={"PYTHONIOENCODING": "ascii"}, code=2)),
    process("threads-are-words", "scan", nothing, as_user(env={"OMP_NUM_THREADS": "all", "NUMBA_NUM_THREADS": "2"}, code=None)),
    process("numba-threads-0", "scan", nothing, as_user(env={"NUMBA_NUM_THREADS": "0"}, code=None)),
    process("no-home", "scan", nothing, as_user(env={"HOME": "/nowhere", "MPLCONFIGDIR": "/nowhere/x"})),
    surrounded(works("backend-nonsense", "scan", nothing, fine), MPLBACKEND="agg", COLUMNS="0", TERM="dumb"),
    surrounded(works("locale-nonsense", "maps", nothing, is_there), LC_ALL="xx_YY.UTF-99", LANG="tlh"),
    unmounting(refused("disk-is-full-stats", "maps", full_disk("16k"), ["out"], ("space", "full", "write"))),
    unmounting(refused("disk-is-full-cfh", "scan", full_disk("16k"), ["out"], ("space", "full", "write"))),
    unmounting(survives("disk-is-nearly-full", "maps", full_disk("100k"), is_there)),
)  # fmt: skip
