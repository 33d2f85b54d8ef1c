"""The front door: `commissure COMMAND ...`."""

import argparse
import sys
from collections.abc import Sequence

import commissure
from commissure.cli import cfh, config, preprocess, simulate, stats
from commissure.problems import InputError

BAD_INPUT = 2
INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; return the exit code: 0, 2 for an input that cannot be used, 130 stopped."""
    parser = argparse.ArgumentParser(
        prog="commissure",
        description="Interhemispheric functional cooperation from resting-state fMRI.",
        epilog="commissure COMMAND --help tells more of each command.",
    )
    version = f"commissure {commissure.__version__}"
    parser.add_argument("--version", action="version", version=version)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    cfh.add_parser(commands)
    stats.add_parser(commands)
    preprocess.add_parser(commands)
    simulate.add_parser(commands)
    config.add_parser(commands)
    options = parser.parse_args(arguments)
    try:
        options.run(options)
    except InputError as error:
        for problem in error.problems:
            print(f"commissure: {problem}", file=sys.stderr)  # noqa: T201
        return BAD_INPUT
    except KeyboardInterrupt:
        print("commissure: stopped; nothing was written.", file=sys.stderr)  # noqa: T201
        return INTERRUPTED
    return 0
