"""Clinical results as tables: one for programs (.tsv) and one for people (.docx) of each."""

from collections.abc import Mapping

import pandas as pd

from commissure.clinical import PartialCorrelations, Table1, Table1Row
from commissure.render.numbers import (
    fixed,
    interval_text,
    mean_sd_text,
    median_range_text,
    p_text,
    with_unit,
)

_SUMMARY = {"mean": "mean (SD)", "median": "median (min-max)", "counts": "n"}


def table1_frame(table: Table1) -> pd.DataFrame:
    """Return Table 1 for a .tsv file: summaries as printed, tests in full precision.

    Returns
    -------
    DataFrame
        ``variable, shows, summary_<group>`` for each group, ``n_<group>`` for each, ``test,
        statistic, df, p, choice, missing``.
    """
    columns = ["variable", "shows", *(f"summary_{group}" for group in table.groups)]
    columns += [*(f"n_{group}" for group in table.groups), "test", "statistic", "df", "p"]
    columns += ["choice", "missing"]
    return pd.DataFrame(
        [
            {"variable": row.variable, "shows": _what(row)}
            | {
                f"summary_{group}": cell
                for group, cell in zip(table.groups, _cells(row), strict=True)
            }
            | {f"n_{group}": n for group, n in zip(table.groups, row.n, strict=True)}
            | {
                "test": row.test.name,
                "statistic": row.test.statistic,
                "df": ", ".join(f"{df:g}" for df in row.test.df),
                "p": row.test.p,
                "choice": _choice(row),
                "missing": " ".join(row.missing),
            }
            for row in table.rows
        ],
        columns=columns,
    )


def table1_text(table: Table1, units: Mapping[str, str] = {}) -> tuple[pd.DataFrame, list[str]]:
    """Return Table 1 as the paper prints it, and the notes under it.

    Parameters
    ----------
    table : Table1
    units : mapping of str to str
        Of variables.

    Returns
    -------
    DataFrame of str
        The variable, the groups with their n, and p.
    list of str
        The choices made, each with its variables; who has no value.
    """
    heads = [f"{group}\n(n = {n})" for group, n in zip(table.groups, table.n, strict=True)]
    cells = [
        [
            f"{with_unit(row.variable, units)}, {_what(row)}",
            *(c or "-" for c in (*_cells(row), p_text(row.test.p))),
        ]
        for row in table.rows
    ]
    choices: dict[str, list[str]] = {}
    for row in table.rows:
        choices.setdefault(_choice(row), []).append(row.variable)
    notes = [f"{', '.join(variables)}: {choice}." for choice, variables in choices.items()]
    notes += [
        f"{row.variable}: no value for {', '.join(row.missing)}."
        for row in table.rows
        if row.missing
    ]
    return pd.DataFrame(cells, columns=["Variable", *heads, "p"]), notes


def correlations_text(
    result: PartialCorrelations, units: Mapping[str, str] = {}
) -> tuple[pd.DataFrame, list[str]]:
    """Return partial correlations as print has them, and the notes under them."""
    table = result.table
    text = pd.DataFrame(
        {
            "Region": table["roi"],
            "Score": [with_unit(score, units) for score in table["score"]],
            "r": table["r"].map(fixed).replace("", "-"),
            "95 % CI": [
                interval_text(*ends) or "-"
                for ends in zip(table["ci_low"], table["ci_high"], strict=True)
            ],
            "p": table["p"].map(p_text).replace("", "-"),
            "q": table["q"].map(p_text).replace("", "-"),
            "n": table["n"].map(str),
            "df": table["df"].map(str),
        }
    )
    kind = "Spearman (ranks of all variables)" if result.method == "spearman" else "Pearson"
    given = ", ".join(result.covariates) or "nothing"
    n_tests = int(table["p"].notna().sum())
    method = f"{kind} partial correlations controlling {given}; 95 % CI by Fisher's z"
    notes = [f"{method}; q: false discovery rate (Benjamini-Hochberg) over {n_tests} tests."]
    for column, what in (("dropped", "incomplete data, left out: "), ("note", "")):
        for words, rows in table[table[column] != ""].groupby(column, sort=False):
            pairs = ", ".join(f"{row.roi} with {row.score}" for row in rows.itertuples())
            notes.append(f"{pairs}: {what}{words}.")
    return text, notes


def _what(row: Table1Row) -> str:
    """Return what a row's cells show."""
    return "/".join(row.levels) if row.kind == "counts" else _SUMMARY[row.kind]


def _cells(row: Table1Row) -> list[str]:
    """Return a row's summaries as text, empty where a group has no value."""
    return [_summary_text(row.kind, summary) if summary else "" for summary in row.summaries]


def _summary_text(kind: str, summary: tuple[float, ...]) -> str:
    if kind == "mean":
        return mean_sd_text(*summary)
    if kind == "median":
        return median_range_text(*summary)
    return "/".join(f"{count:.0f}" for count in summary)


def _choice(row: Table1Row) -> str:
    """Return the choice made for a row, and why."""
    test, summary = row.test, _SUMMARY[row.kind]
    how = f"{test.name} ({test.note})" if test.name and test.note else test.name or test.note
    return f"{summary}, {how}; {row.because}" if row.kind != "counts" else f"{summary}, {how}"
