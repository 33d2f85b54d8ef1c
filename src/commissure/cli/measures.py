"""`commissure measures`: what can be mapped, and what each says."""

import argparse
from typing import Any

from rich.console import Console

import commissure.measures as room


def add_parser(commands: Any, what: str) -> None:
    """Add this command to the subparsers of the main parser."""
    parser = commands.add_parser(
        "measures",
        help=what,
        description="List what can be mapped, by the name that --measure takes, and what it says.",
    )
    parser.set_defaults(run=_run)


def _run(_options: argparse.Namespace) -> None:
    console = Console(highlight=False, emoji=False, soft_wrap=True)
    for measure in room.MEASURES:
        if measure.is_ours:
            console.print(f"{measure.stat} - {measure.name}, {measure.unit}", markup=False)
            console.print(f"  {measure.meaning}\n  {measure.high}".rstrip(), markup=False)
