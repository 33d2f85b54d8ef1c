"""The contrast on the means of regions that were named beforehand, and what is written of it."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from commissure.inference import PermutationResult, contrast_effect
from commissure.inputs.regions import find_region
from commissure.render.docx import table_docx
from commissure.render.numbers import fixed, interval_text, p_text
from commissure.settings.group import GroupSettings
from commissure.study.group.findings import GroupFindings, Inputs
from commissure.study.group.tables import write_table

STEM = "region_tests"
BEFOREHAND_NOTE = (
    "This holds for regions that were chosen without looking at these maps: a region that was "
    "chosen for its effect in them has too small a p and too large an effect size."
)


def region_tests(
    means: pd.DataFrame,
    result: PermutationResult,
    inputs: Inputs,
    settings: GroupSettings,
    group_sizes: Sequence[float] | None,
) -> pd.DataFrame:
    """Return the test of each region.

    Parameters
    ----------
    means : DataFrame of shape (n_scans, n_regions)
        Of each map in each region.
    result : PermutationResult
        The contrast on them, by the relabellings of the maps.
    inputs : Inputs
    settings : GroupSettings
    group_sizes : sequence of float, optional
        See `commissure.inference.hedges_g`; None where there is no g.

    Returns
    -------
    DataFrame
        A row a region; ``files/data/group_columns.json`` says what the columns are. Of an F
        contrast there is no estimate.
    """
    names = list(map(str, means))
    whole = {
        name: len(places)
        for text in settings.rois
        for name, places in find_region(text, inputs.maps.coverage.domain, inputs.atlas).items()
    }
    table = pd.DataFrame({"region": names})
    table["voxels"] = [len(inputs.rois[name]) for name in names]
    table["voxels_without_data"] = [whole[name] for name in names] - table["voxels"]
    if result.n_rows == 1:
        table["estimate"], table["t"] = result.effect, result.t
    else:
        table["F"], table["df_contrast"] = result.t, result.n_rows
    table["df"] = result.df
    table["p_uncorrected"], table["p_corr"] = result.p_uncorrected, result.p_fwe
    table["significant"] = result.p_fwe <= settings.alpha
    if group_sizes is not None:
        # Of values that do not vary there is no standard deviation.
        varies = ~result.constant
        values = means.to_numpy(float)[:, varies]
        effect = contrast_effect(values, inputs.design.matrix, inputs.contrast, group_sizes)
        for name in ("g", "g_low", "g_high"):
            table.loc[varies, name] = getattr(effect, name)
    return table


def lost_notes(table: pd.DataFrame) -> list[str]:
    """Say of which regions some places were left out."""
    columns = table[["region", "voxels", "voxels_without_data"]]
    return [
        f"The region {name} has {n + lost:,} places in the mask, and at {lost:,} of them not all "
        f"scans have data: its mean is over the other {n:,}."
        for name, n, lost in columns.to_numpy(object)
        if lost
    ]


def write_region_tests(findings: GroupFindings, folder: Path) -> None:
    """Write the table of regions named beforehand for programs and for people, if there are any."""
    table = findings.region_tests
    if table is None:
        return
    notes = region_notes(findings)
    write_table(folder, STEM, table, Notes=notes)
    statistic = "t" if "t" in table else "F"
    text = pd.DataFrame({"Region": table["region"], "Voxels": table["voxels"].map(str)})
    if "estimate" in table:
        text["Estimate"] = table["estimate"].map(lambda value: fixed(value, 3))
    text[statistic] = table[statistic].map(fixed)
    text["p"] = table["p_uncorrected"].map(p_text)
    text["p corrected"] = table["p_corr"].map(p_text)
    if "g" in table:
        text["Hedges g [95 % CI]"] = [
            f"{fixed(g)} {interval_text(low, high)}".strip()
            for g, low, high in table[["g", "g_low", "g_high"]].itertuples(index=False)
        ]
    title = "Regions named beforehand"
    (folder / f"{STEM}.docx").write_bytes(table_docx(text, title, notes))


def regions_told(findings: GroupFindings) -> str:
    """Return how many of the regions named beforehand are significant; empty without any."""
    table = findings.region_tests
    if table is None:
        return ""
    n = int(table["significant"].sum())
    of, verb = f"{n} of {len(table)} regions", "is" if n == 1 else "are"
    if len(table) == 1:
        of, verb = "The region", "is" if n else "is not"
    return f"{of} named beforehand {verb} significant: see {STEM}.tsv."


def region_notes(findings: GroupFindings) -> list[str]:
    """Return what a reader of the table must know; nothing where there is none."""
    result, settings = findings.result, findings.settings
    table = findings.region_tests
    if table is None:
        return []
    statistic, sided = ("F", "") if result.n_rows > 1 else ("|t|", ", two-sided")
    if result.n_rows == 1 and settings.tail == "one-sided-each":
        statistic, sided = "t in its direction", ", each direction for itself"
    changes = "sign flips" if result.sign_flips else f"permutations ({settings.method})"
    over = f"the {len(table)} regions" if len(table) > 1 else "the one region"
    how = (
        f"{settings.contrast}; {settings.formula}; {result.df} degrees of freedom; "
        f"{result.n_permutations:,} {changes}{sided}; p corrected over {over} by the largest "
        f"{statistic}."
    )
    n = f"n: {', '.join(f'{name} {n}' for name, n in findings.compared.items())}."
    notes = [*filter(None, [findings.caution]), how, n, BEFOREHAND_NOTE, *lost_notes(table)]
    if "g" in table and findings.spreads is not None and findings.spreads.allowed_for:
        notes.append(
            "The test lets the groups differ in variance; Hedges g is in units of the standard "
            "deviation pooled over them, and its interval takes them to have the same."
        )
    return notes
