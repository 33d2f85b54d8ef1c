"""The command line: one module a command."""

from commissure.cli.main import main

__all__ = ["main"]
