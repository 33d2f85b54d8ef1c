"""The options that choose runs by what their BIDS names say."""

import argparse
from typing import Any

from commissure.problems import InputError


def add_entity_options(parser: Any) -> None:
    """Add the options to a parser or a group of one."""
    parser.add_argument("--acquisition", metavar="LABEL", help="after acq-")
    parser.add_argument(
        "--entity",
        nargs="+",
        action="extend",
        metavar="NAME=LABEL",
        help="other entities of the names, such as dir=AP; dir= is names without",
    )


def entities_of(options: argparse.Namespace) -> dict[str, tuple[str, ...]] | None:
    """Return what --entity says, None without it; a name may be given several labels.

    Raises
    ------
    InputError
        If it is not NAME=LABEL.
    """
    if options.entity is None:
        return None
    entities: dict[str, tuple[str, ...]] = {}
    for given in options.entity:
        name, equals, label = given.partition("=")
        if not equals or not name.isalnum():
            msg = f"--entity {given} is not NAME=LABEL. Write it as in --entity dir=AP."
            raise InputError(msg)
        entities[name] = (*entities.get(name, ()), label)
    return entities
