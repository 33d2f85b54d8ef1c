"""People like those of the reference study."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

# Table 1 of Liu et al. (2025), doi 10.3389/fneur.2025.1660039: mean and SD.
_MOMENTS = {
    "patient": {
        "age": (51.07, 6.46),
        "education": (9.40, 3.62),
        "SDS": (44.97, 6.45),
        "SAS": (43.33, 6.73),
    },
    "control": {
        "age": (49.93, 5.99),
        "education": (9.97, 3.96),
        "SDS": (38.40, 5.26),
        "SAS": (36.67, 5.44),
    },
}
# Lowest and highest value: adults; the scales' index scores lie in 25-100.
_RANGES = {"age": (18, 85), "education": (0, 22), "SDS": (25, 100), "SAS": (25, 100)}
_SHARE_OF_MEN = 12 / 30
_DURATION_MONTHS = (12.33, 4.9)
# Chosen to give the medians 1 (severity), 2 (frequency) and 3 (total) with range 1-3.
_SEVERITY = (0.60, 0.30, 0.10)
_FREQUENCY = (0.30, 0.50, 0.20)

NOT_APPLICABLE = "n/a"

COLUMNS: dict[str, dict[str, Any]] = {
    "group": {
        "Description": "Diagnostic group",
        "Levels": {"patient": "blepharospasm", "control": "healthy"},
    },
    "age": {"Description": "Age", "Units": "year"},
    "sex": {"Description": "Sex", "Levels": {"M": "male", "F": "female"}},
    "education": {"Description": "Years of education", "Units": "year"},
    "SDS": {"Description": "Zung self-rating depression scale"},
    "SAS": {"Description": "Zung self-rating anxiety scale"},
    "illness_duration": {"Description": "Time since onset; patients only", "Units": "month"},
    "JRS_severity": {"Description": "Jankovic rating scale, severity; patients only"},
    "JRS_frequency": {"Description": "Jankovic rating scale, frequency; patients only"},
    "JRS_total": {"Description": "Severity plus frequency; patients only"},
}


def simulate_participants(
    rng: np.random.Generator,
    n_patients: int,
    n_controls: int,
    *,
    age_gap: float = 0.0,
    related: Mapping[str, tuple[float, NDArray[np.float64]]] | None = None,
) -> list[dict[str, Any]]:
    """Draw participants, patients first, distributed as in the reference study's Table 1.

    Parameters
    ----------
    rng : numpy.random.Generator
    n_patients, n_controls : int
    age_gap : float
        Years added to the patients' ages.
    related : mapping of str to (float, ndarray of shape (n_patients,)), optional
        For a score of patients, its correlation with values of mean 0 and variance 1, and these.
        Rounding to the score's few values makes it somewhat smaller.

    Returns
    -------
    list of dict
        One for each participant: `participant_id` and the keys of `COLUMNS`; "n/a" where a
        score does not apply.
    """
    n_digits = max(2, len(str(n_patients + n_controls)))
    rows: list[dict[str, Any]] = []
    for group, n in (("patient", n_patients), ("control", n_controls)):
        scores = {
            name: _integers(rng.normal(size=n), *moments, *_RANGES[name])
            for name, moments in _moments(group, age_gap).items()
        }
        # The share is exact, who it is is not: the groups of the study are matched.
        sex = rng.permutation(np.arange(n) < round(_SHARE_OF_MEN * n))
        normal = {
            name: rng.normal(size=n)
            for name in ("illness_duration", "JRS_severity", "JRS_frequency")
        }
        if group == "patient":
            for name, (r, values) in (related or {}).items():
                normal[name] = r * values + np.sqrt(1 - r**2) * normal[name]
        duration = _integers(normal["illness_duration"], *_DURATION_MONTHS, 1, 60)
        severity = _levels(normal["JRS_severity"], _SEVERITY)
        frequency = _levels(normal["JRS_frequency"], _FREQUENCY)
        for i in range(n):
            clinical = {
                "illness_duration": int(duration[i]),
                "JRS_severity": int(severity[i]),
                "JRS_frequency": int(frequency[i]),
                "JRS_total": int(severity[i] + frequency[i]),
            }
            if group == "control":
                clinical = dict.fromkeys(clinical, NOT_APPLICABLE)  # type: ignore[arg-type]
            row = {
                "participant_id": f"sub-{len(rows) + 1:0{n_digits}d}",
                "group": group,
                "sex": "M" if sex[i] else "F",
                **{name: int(values[i]) for name, values in scores.items()},
                **clinical,
            }
            rows.append({name: row[name] for name in ("participant_id", *COLUMNS)})
    return rows


def _moments(group: str, age_gap: float) -> dict[str, tuple[float, float]]:
    moments = dict(_MOMENTS[group])
    if group == "patient":
        mean, sd = moments["age"]
        moments["age"] = (mean + age_gap, sd)
    return moments


def _integers(
    normal: NDArray[np.float64], mean: float, sd: float, low: float, high: float
) -> NDArray[np.float64]:
    return np.rint(mean + sd * normal).clip(low, high)


def _levels(normal: NDArray[np.float64], shares: tuple[float, ...]) -> NDArray[np.intp]:
    """Cut normal values into the levels 1, 2, ... of these shares."""
    return 1 + np.searchsorted(stats.norm.ppf(np.cumsum(shares[:-1])), normal)
