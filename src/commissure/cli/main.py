"""The front door: `commissure COMMAND ...`."""

import argparse
import errno
import os
import select
import sys
import traceback
from collections.abc import Sequence
from importlib import import_module

import commissure
from commissure.cli.arguments import Parser, check_text, in_flags
from commissure.problems import InputError, once_each

FAILED = 1
BAD_INPUT = 2
DEFECT = 70
INTERRUPTED = 130
NOBODY_READS = 141
# So many problems that differ only in whose they are have a line each.
_ALL_SHOWN = 3

# Each is a module of its own, which is loaded when the command is called.
COMMANDS = {
    "init": "a settings file for a study, from its folder and a few questions",
    "check": "what would stop a study, in seconds, before anything is computed",
    "run": "a whole study, from its folder to its findings",
    "demo": "the whole story on a small simulated study, in minutes",
    "cfh": "CFH maps of clean scans",
    "map": "maps of clean scans, of any measure",
    "measures": "what can be mapped, and what each says",
    "stats": "from maps to findings: group comparison and clinical statistics",
    "preprocess": "raw BIDS runs to clean series in template space",
    "simulate": "a BIDS study whose truth is known",
    "power": "how large a planned study must be",
    "config": "settings: what they are, what a file may hold",
    "report": "the pages that people look at, of a study that is finished or not",
    "export": "findings in the form that others take: a folder for NeuroVault",
    "forget": "remove all that was written of a person, as when consent is withdrawn",
}

# What is wrong with the machine, not with us, when no file is named.
_OF_THE_MACHINE = {
    errno.ENOSPC: "Make room on the disk",
    errno.EDQUOT: "Make room on the disk",
    errno.EROFS: "Give a folder that may be written to",
    errno.EMFILE: "Allow more open files (ulimit -n), or take fewer processes",
    errno.ENOMEM: "Allow more memory, or take fewer processes and threads",
    errno.EAGAIN: "Allow more processes (ulimit -u), or take fewer of them",
    errno.ENOENT: "Check that the folder for temporary files (TMPDIR) and this folder exist",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; return the exit code.

    0 if all went well, 1 if something of a study failed, 2 for an input that cannot be used, 70 for
    a defect of commissure, 130 if it was stopped, 141 if what it prints is not read any more.
    """
    _mend_streams()
    # Figures go to files. What a notebook or a desktop left there may not even be installed.
    os.environ["MPLBACKEND"] = "agg"
    options = argparse.Namespace()
    try:
        code = _run(sys.argv[1:] if arguments is None else list(arguments), options)
    except InputError as error:
        for problem in once_each(error.problems, _ALL_SHOWN):
            _say(in_flags(problem, _flags(options)))
        return BAD_INPUT
    except KeyboardInterrupt:
        _say("stopped. What was finished is kept; nothing is half written.")
        return INTERRUPTED
    except MemoryError:
        _say("the memory is not enough. Allow more, or take fewer processes or a coarser grid.")
        return FAILED
    except OSError as error:
        return _after_os_error(error)
    except Exception:
        return _after_defect()
    return code


def _run(arguments: Sequence[str], options: argparse.Namespace) -> int:
    check_text(arguments)
    parser = Parser(
        prog="commissure",
        description="Interhemispheric functional cooperation from resting-state fMRI.",
        epilog="commissure COMMAND --help tells more of each command.",
    )
    version = f"commissure {commissure.__version__}"
    parser.add_argument("--version", action="version", version=version)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    called = next((a for a in arguments if not a.startswith("-")), None)
    for name, what in COMMANDS.items():
        if name == called:
            import_module(f"commissure.cli.{name}").add_parser(commands, what)
        else:
            commands.add_parser(name, help=what)
    try:
        parser.parse_args(arguments, options)
        code: int = options.run(options) or 0
    finally:
        sys.stdout.flush()  # here, where a reader who has gone is met
    return code


def _flags(options: argparse.Namespace) -> dict[str, str]:
    if not hasattr(options, "flags"):
        return {}
    # Here, as it reads all that settings know: --help and --version do not need it.
    return import_module("commissure.cli.options").flags_of(options)  # type: ignore[no-any-return]


def _after_os_error(error: OSError) -> int:
    if isinstance(error, BrokenPipeError) and _nobody_reads():
        return NOBODY_READS
    if error.filename is None and error.errno not in _OF_THE_MACHINE:
        return _after_defect()
    where = "" if error.filename is None else f"{error.filename}: "
    what = _OF_THE_MACHINE.get(error.errno or 0, "Check that it is there and may be used")
    _say(f"{where}{error.strerror or error}. {what}.")
    return BAD_INPUT


def _after_defect() -> int:
    _say(
        "this is a defect of commissure, not of your input. What was finished is kept. Please "
        "report it to the developers, with all that stands below."
    )
    traceback.print_exc()
    return DEFECT


def _nobody_reads() -> bool:
    """Tell whether the reader of what is printed has gone; if so, print to nobody from now on."""
    gone = False
    for stream in (sys.stdout, sys.stderr):
        poll = select.poll()
        poll.register(stream.fileno(), select.POLLOUT)
        if any(event & (select.POLLERR | select.POLLHUP) for _, event in poll.poll(0)):
            gone = True
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
    return gone


def _mend_streams() -> None:
    """Let everything be printed: closed streams lead nowhere, unknown characters are escaped."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: PTH123, SIM115
        elif hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def _say(text: str) -> None:
    print(f"commissure: {text}", file=sys.stderr)  # noqa: T201
