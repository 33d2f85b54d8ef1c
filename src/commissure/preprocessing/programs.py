"""Running the programs that registration and bias correction are left to.

Both come as wheels from PyPI: greedy (Apache-2.0, https://github.com/pyushkevich/greedy) as a
Python extension, niimath (BSD-2-Clause, https://github.com/rordenlab/niimath) as an executable.
Each runs in a process of its own, so that a crash is an error message and its memory is given back.
"""

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from commissure.problems import MORE_MEMORY, killed_by
from commissure.threads import resolve_threads

_GREEDY = "import sys; from picsl_greedy import GreedyFloat3D as G; G().execute(sys.argv[1])"


class ProgramError(RuntimeError):
    """A program ended with an error; the message has the end of what it wrote."""


def run_greedy(arguments: list[str], directory: Path, n_threads: int | None = None) -> None:
    """Run greedy in a directory, where its file names are looked up.

    Its random numbers are seeded: without a seed two runs differ by millimetres.

    Parameters
    ----------
    arguments : list of str
        As on greedy's command line; none may contain a space.
    directory : Path
    n_threads : int, optional
        By default all cores this process may use.

    Raises
    ------
    ProgramError
        If greedy fails.
    """
    command = ["-threads", str(resolve_threads(n_threads)), "-seed", "1", "-V", "0", *arguments]
    _run("greedy", [sys.executable, "-c", _GREEDY, " ".join(command)], directory, n_threads)


def run_niimath(arguments: list[str], directory: Path, n_threads: int | None = None) -> None:
    """Run niimath in a directory, where its file names are looked up.

    Raises
    ------
    ProgramError
        If niimath fails.
    """
    spec = find_spec("niimath")
    if spec is None or spec.origin is None:
        msg = "niimath is not installed; install it with: pip install niimath"
        raise ProgramError(msg)
    name = "niimath.exe" if os.name == "nt" else "niimath"
    program = Path(spec.origin).parent / "bin" / name
    _run("niimath", [str(program), *arguments], directory, n_threads)


def _run(name: str, command: list[str], directory: Path, n_threads: int | None) -> None:
    threads = str(resolve_threads(n_threads))
    environment = os.environ | {
        "OMP_NUM_THREADS": threads,
        "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS": threads,
        "FSLOUTPUTTYPE": "NIFTI",  # niimath: no compression
    }
    done = subprocess.run(
        command,
        cwd=directory,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode:
        if done.returncode < 0:
            msg = f"{name} {killed_by(-done.returncode)}. {MORE_MEMORY}"
            raise ProgramError(msg)
        tail = "\n".join((done.stdout + done.stderr).strip().splitlines()[-10:])
        msg = f"{name} failed (exit code {done.returncode}): {tail}"
        raise ProgramError(msg)
