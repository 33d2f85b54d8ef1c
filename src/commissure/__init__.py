"""commissure: interhemispheric functional cooperation from resting-state fMRI."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from commissure.measures import CFHResult, cfh
    from commissure.space import Domain

try:
    from commissure._version import __version__
except ImportError:  # a folder of sources that was never installed
    __version__ = "0.0.dev0"

__all__ = ["CFHResult", "Domain", "__version__", "cfh"]

_PLACES = {
    "CFHResult": "commissure.measures",
    "Domain": "commissure.space",
    "cfh": "commissure.measures",
}


def __getattr__(name: str) -> Any:
    # Loaded when they are asked for: `commissure --help` needs none of it.
    if name not in _PLACES:
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    return getattr(import_module(_PLACES[name]), name)
