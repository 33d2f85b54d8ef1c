"""The criterion of significance in the words of the report."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from commissure.report.contents import Findings


@dataclass(frozen=True)
class CriterionWords:
    """What is said of a criterion.

    Attributes
    ----------
    what : str
        That is significant or not.
    column : str
        Of null_distributions.tsv, without its direction.
    largest : str
        What is compared with it: "largest cluster".
    unit : str
    as_large : str
        Of chance: "one as large".
    p : str
        What the p is called in a few words.
    """

    what: str
    column: str
    largest: str
    unit: str
    as_large: str
    p: str

    @property
    def is_of_clusters(self) -> bool:
        """Whether clusters are tested, not voxels that form clusters then."""
        return self.what == "cluster"


def criterion_words(findings: Findings) -> CriterionWords:
    """Return the words for what makes findings significant."""
    t = findings.statistic
    of_voxels = "voxel-wise corrected p"
    return {
        "size": CriterionWords(
            "cluster", "max_cluster_size", "largest cluster", "voxels", "one as large",
            "cluster-corrected p",
        ),
        "mass": CriterionWords(
            "cluster", "max_cluster_mass", "largest cluster of most mass", "mass",
            "one of as much mass", "cluster-corrected p",
        ),
        "tfce": CriterionWords(
            "voxel", "max_tfce", "largest TFCE value", "TFCE", "a TFCE value as large", of_voxels
        ),
        "voxel": CriterionWords("voxel", "max_t", f"largest {t}", t, f"a {t} as large", of_voxels),
    }[findings.criterion]  # fmt: skip


def value_of(row: Mapping[str, Any], findings: Findings) -> float:
    """Return what the criterion compares of a cluster: its size, mass, or largest value."""
    recorded = {str(c["cluster"]): c for c in findings.record.get("Clusters", [])}
    if findings.criterion == "size":
        return float(row["voxels"])
    if findings.criterion == "voxel":
        return abs(float(row[f"peak_{findings.statistic}"]))
    key = {"mass": "mass", "tfce": "peak_tfce"}[findings.criterion]
    return float(recorded[str(row["cluster"])][key])
