"""commissure: interhemispheric functional cooperation from resting-state fMRI."""

from commissure.compiled_code import ensure_place

ensure_place()  # before the first compiled function is defined

from commissure.measures import CFHResult, cfh  # noqa: E402
from commissure.space import Domain  # noqa: E402

__version__ = "0.1.0.dev0"
__all__ = ["CFHResult", "Domain", "__version__", "cfh"]
