"""The versions of what a study is made with."""

from importlib import metadata

import commissure

# Distributions whose name is not that of the program.
_DISTRIBUTIONS = {"greedy": "picsl_greedy"}


def generated_by(*programs: str) -> list[dict[str, str]]:
    """Return commissure and programs with their versions, as BIDS' `GeneratedBy` has them."""
    return [
        {"Name": "commissure", "Version": commissure.__version__},
        *(
            {"Name": name, "Version": metadata.version(_DISTRIBUTIONS.get(name, name))}
            for name in programs
        ),
    ]
