"""The front door: `commissure COMMAND ...`."""

import argparse
import sys
from collections.abc import Sequence

import commissure
from commissure.cli import (
    cfh,
    config,
    demo,
    forget,
    power,
    preprocess,
    report,
    run,
    simulate,
    stats,
)
from commissure.problems import InputError

BAD_INPUT = 2
INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; return the exit code.

    0 if all went well, 1 if something of a study failed, 2 for an input that cannot be used, 130 if
    it was stopped.
    """
    parser = argparse.ArgumentParser(
        prog="commissure",
        description="Interhemispheric functional cooperation from resting-state fMRI.",
        epilog="commissure COMMAND --help tells more of each command.",
    )
    version = f"commissure {commissure.__version__}"
    parser.add_argument("--version", action="version", version=version)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    run.add_parser(commands)
    demo.add_parser(commands)
    cfh.add_parser(commands)
    stats.add_parser(commands)
    preprocess.add_parser(commands)
    simulate.add_parser(commands)
    power.add_parser(commands)
    config.add_parser(commands)
    report.add_parser(commands)
    forget.add_parser(commands)
    options = parser.parse_args(arguments)
    try:
        code: int | None = options.run(options)
    except InputError as error:
        for problem in error.problems:
            _say(problem)
        return BAD_INPUT
    except KeyboardInterrupt:
        _say("stopped. What was finished is kept; nothing is half written.")
        return INTERRUPTED
    return code or 0


def _say(text: str) -> None:
    print(f"commissure: {text}", file=sys.stderr)  # noqa: T201
