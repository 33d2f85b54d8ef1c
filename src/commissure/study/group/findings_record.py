"""What the group stage says of itself for programs: stats.json."""

from dataclasses import asdict
from importlib import metadata
from typing import Any

import numpy as np

import commissure
from commissure.files.shared_paths import in_argument, in_sentence, shared_name, without_folders
from commissure.inference import SELECTED_PEAK_NOTE, cluster_p, smallest_of, smallest_p
from commissure.inputs.people import described
from commissure.measures.names import measure_of_files
from commissure.records.asked import asked_to_json
from commissure.records.rivals import rivals_to_json
from commissure.space import Domain
from commissure.study.group.coverage import coverage_record
from commissure.study.group.findings import GroupFindings
from commissure.study.group.region_tests import region_notes
from commissure.study.group.secondary import SECONDARY_NOTE

_LIBRARIES = ("formulaic", "nibabel", "numba", "numpy", "pandas", "scipy")


def record_of(findings: GroupFindings) -> dict[str, object]:
    """Return what stats.json says of findings: what was asked, done and found."""
    result, inputs = findings.result, findings.inputs
    return {
        "Measure": measure_of_files(inputs.maps.sources).record,
        "Settings": without_folders(asdict(findings.settings)),
        "Asked": without_folders(asked_to_json(findings.asked)),
        "Units": findings.units,
        "Meanings": inputs.people.levels.get(findings.settings.group, {}),
        "Scans": len(inputs.maps.data),
        "ScansCompared": dict(findings.compared),
        "ScansOfGroups": {name: mean.n for name, mean in findings.groups.items()},
        "DesignColumns": list(inputs.design.names),
        "Design": described(inputs.people, inputs.design.factors),
        "DegreesOfFreedom": result.df,
        "Criterion": findings.settings.criterion,
        "LeastP": _least_p(findings),
        "SmallestP": smallest_of(result, findings.settings.criterion),
        "VoxelSizeMm": _voxel_size(inputs.maps.domain),
        "ClusterFormingThreshold": result.threshold,
        "Permutations": result.n_permutations,
        "PermutationsExhaustive": result.exhaustive,
        "SignFlips": result.sign_flips,
        "Rivals": rivals_to_json(findings.rivals),
        "Spreads": _spreads(findings),
        "Seed": result.seed,
        "VoxelsOfMask": inputs.maps.coverage.domain.n_places,
        "VoxelsAnalysed": inputs.maps.domain.n_places,
        "Coverage": coverage_record(inputs.maps.coverage),
        "VoxelsWithoutVariance": int(result.constant.sum()),
        "VoxelsSignificantFWE": int((result.p_fwe <= findings.settings.alpha).sum()),
        "Clusters": _clusters(findings),
        **_secondary(findings),
        "NoteOnEffectSizes": SELECTED_PEAK_NOTE,
        "NotesOnRegionTests": region_notes(findings),
        "Atlas": None if inputs.atlas is None else in_argument(inputs.atlas.name),
        "Space": inputs.space,
        "Sources": list(map(shared_name, inputs.maps.sources)),
        "NotCorrelated": list(map(in_sentence, findings.not_correlated)),
        "Notes": list(map(in_sentence, findings.notes)),
        "GeneratedBy": [
            {"Name": "commissure", "Version": commissure.__version__},
            *({"Name": name, "Version": metadata.version(name)} for name in _LIBRARIES),
        ],
    }


def _secondary(findings: GroupFindings) -> dict[str, Any]:
    """Return what else was compared, if anything was."""
    others = [one.measure.record | {"Label": one.label} for one in findings.secondary]
    return {"Secondary": others, "NoteOnSecondary": SECONDARY_NOTE} if others else {}


def _spreads(findings: GroupFindings) -> dict[str, Any] | None:
    of = findings.spreads
    if of is None:
        return None
    sd = dict(zip(of.names, of.sd, strict=True))
    return {"AllowedFor": of.allowed_for, "ResidualSD": sd, "Ratio": of.ratio, "Note": of.note}


def _voxel_size(domain: Domain) -> float:
    """Return the edge of a cube of a voxel's volume."""
    return round(float(abs(np.linalg.det(domain.grid.affine[:3, :3])) ** (1 / 3)), 6)


def _clusters(findings: GroupFindings) -> list[dict[str, Any]]:
    result = findings.result
    return [
        {"cluster": i + 1, "sign": c.sign, "voxels": c.size, "mass": c.mass}
        | {f"p_corr_{name}": p for name, p in cluster_p(result, c).items()}
        | ({} if result.tfce is None else {"peak_tfce": float(np.abs(result.tfce[c.places]).max())})
        | {"p_from_pareto_tail": c.p_size_fitted or c.p_mass_fitted}
        | {"significant": i in findings.significant}
        for i, c in enumerate(result.clusters)
    ]


def _least_p(findings: GroupFindings) -> float:
    """Return the smallest corrected p that there could have been, whatever the maps."""
    asked, inputs = findings.settings, findings.inputs
    least, _, _ = smallest_p(
        inputs.design,
        inputs.contrast,
        asked.n_permutations,
        asked.method,
        asked.tail,
        flip_signs=findings.result.sign_flips,
    )
    return least
