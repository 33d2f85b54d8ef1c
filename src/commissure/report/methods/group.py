"""What the files of the group stage tell of its statistics, for the methods section."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from commissure.files.text import as_meant
from commissure.inference.grammar import read_formula
from commissure.measures.names import measure_of_record
from commissure.records.asked import asked_in
from commissure.records.rivals import rivals_in
from commissure.report.methods.facts import Correlations, Demographics, Group
from commissure.report.rivals import called, clause

# A sum of columns, with or without C() around them.
_SUM = re.compile(r"[\w\s+()]*")
_SHOWS: dict[str, Literal["mean", "median"]] = {"mean (SD)": "mean", "median (min-max)": "median"}


def group_facts(
    stats: Mapping[str, Any], clusters: pd.DataFrame, region_tests: pd.DataFrame | None = None
) -> Group:
    """Return the statistics of the maps.

    Parameters
    ----------
    stats : mapping
        stats.json.
    clusters : DataFrame
        clusters.tsv.
    region_tests : DataFrame, optional
        region_tests.tsv, if there is one.
    """
    asked = stats["Settings"]
    contrast, rivals = asked_in(stats), rivals_in(stats)
    formula = asked["formula"].partition("~")[2].strip() or asked["formula"].strip()
    names = read_formula(asked["formula"]).names
    is_sum = _SUM.fullmatch(formula.replace("C(", "(")) is not None and "0" not in formula.split()
    return Group(
        settings=asked,
        measure=measure_of_record(stats),
        contrast=contrast,
        covariates=tuple(name for name in names if name not in contrast.columns),
        formula=None if is_sum else formula,
        n_scans=stats["Scans"],
        df=stats["DegreesOfFreedom"],
        threshold=stats["ClusterFormingThreshold"],
        n_permutations=stats["Permutations"],
        exhaustive=stats["PermutationsExhaustive"],
        sign_flips=stats["SignFlips"],
        spreads=tuple(((stats.get("Spreads") or {}).get("ResidualSD") or {}).items()),
        spreads_allowed_for=bool((stats.get("Spreads") or {}).get("AllowedFor")),
        n_voxels=stats["VoxelsAnalysed"],
        n_voxels_of_mask=stats["VoxelsOfMask"],
        n_clusters=len(stats["Clusters"]),
        effect_sizes="g" in clusters,
        influence="most_influential" in clusters,
        atlas=stats["Atlas"],
        regions=tuple(region.partition("=")[0] for region in asked["rois"]),
        n_significant=sum(cluster["significant"] for cluster in stats["Clusters"]),
        region_tests=frozenset() if region_tests is None else frozenset(map(str, region_tests)),
        rivals=tuple(clause(r, contrast) for r in rivals if r.may_explain or r.is_beyond),
        called=called(rivals, contrast),
        secondary=tuple(measure_of_record({"Measure": one}) for one in stats.get("Secondary", ())),
    )


def correlations_facts(asked: Mapping[str, Any], table: pd.DataFrame | None) -> Correlations | None:
    """Return how regions were correlated with scores; None where no score was named.

    Parameters
    ----------
    asked : mapping
        Settings of the group stage.
    table : DataFrame, optional
        partial_correlations.tsv, if it could be made.
    """
    if not asked["clinical"]:
        return None
    covariates = asked["clinical_covariates"]
    if covariates is None:
        names = read_formula(asked["formula"]).names
        covariates = [name for name in names if name != asked["group"]]
    tested = None if table is None else table[table["p"].notna()]
    return Correlations(
        scores=tuple(asked["clinical"]),
        covariates=tuple(covariates),
        within=asked["within"],
        method=asked["correlation"],
        n=_span(tested, "n"),
        df=_span(tested, "df"),
        n_tests=0 if tested is None else len(tested),
    )


def demographics_facts(table: pd.DataFrame) -> tuple[Demographics, ...]:
    """Return how the variables of Table 1 were summarised and tested, those alike together.

    Parameters
    ----------
    table : DataFrame
        table1.tsv.
    """
    groups = [str(name).removeprefix("n_") for name in table if str(name).startswith("n_")]
    alike: dict[tuple[Any, ...], list[str]] = {}
    for row in table.to_dict("records"):
        shows = _SHOWS.get(str(row["shows"]), "counts")
        test = str(row["test"]) if pd.notna(row["test"]) else ""
        note = re.search(rf"{re.escape(test)} \(([^()]*)\)", str(row["choice"])) if test else None
        there = [name for name in groups if row[f"n_{name}"] > 0]
        only = there[0] if len(there) == 1 else None
        key = (shows, test if len(groups) > 1 else None, note[1] if note else "", only)
        alike.setdefault(key, []).append(str(row["variable"]))
    return tuple(
        Demographics(tuple(variables), shows, test, note, only if test == "" else None)
        for (shows, test, note, only), variables in alike.items()
    )


def read_table(path: Path, *, text: Sequence[str] = ()) -> pd.DataFrame | None:
    """Read a table that a study wrote; None if there is none."""
    if not path.is_file():
        return None
    types = dict.fromkeys(("participant_id", *text), str)
    return as_meant(pd.read_csv(path, sep="\t", dtype=types, na_values=["n/a"]))


def _span(table: pd.DataFrame | None, column: str) -> tuple[int, ...]:
    if table is None or table.empty:
        return ()
    return int(table[column].min()), int(table[column].max())
