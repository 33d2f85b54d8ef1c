"""commissure: interhemispheric functional cooperation from resting-state fMRI."""

from commissure.measures import CFHResult, cfh
from commissure.space import Domain

__version__ = "0.1.0.dev0"
__all__ = ["CFHResult", "Domain", "__version__", "cfh"]
