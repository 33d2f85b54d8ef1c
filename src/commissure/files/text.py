"""Tables and JSON as a study writes them."""

import json
from pathlib import Path
from typing import Any

import pandas as pd


def write_tsv(path: Path, table: pd.DataFrame, float_format: str | None = None) -> None:
    """Write a table, tab-separated, with n/a for what is missing (BIDS)."""
    table.to_csv(
        path, sep="\t", index=False, na_rep="n/a", lineterminator="\n", float_format=float_format
    )


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Write a sidecar, or another record."""
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
