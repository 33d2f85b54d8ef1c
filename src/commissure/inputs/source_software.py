"""Which program made the data that a study starts from."""

import re
from pathlib import Path
from typing import Any

from commissure.files.text import read_json
from commissure.problems import InputError

DPABI = "DPABI"
# Behind the name of the dataset, in that of what we make of it.
OF_COMMISSURE = " (commissure: clean resting-state series)"
_STAGE = re.compile(r"(?:S\d+_)?(FunImg[A-Z]\w*)")


def made_by(input_dir: Path) -> list[dict[str, Any]]:
    """Return the programs that a dataset says it was made by, the last one first.

    Parameters
    ----------
    input_dir : Path
        Of a BIDS dataset, raw or derived, of DPABI, or a table of files.

    Returns
    -------
    list of dict
        With "Name" and, if it is known, "Version", as in BIDS' `GeneratedBy`.
    """
    file = input_dir / "dataset_description.json"
    if not file.is_file():
        folders = input_dir.iterdir() if input_dir.is_dir() else ()
        return [{"Name": DPABI}] if any(map(dpabi_stage, folders)) else []
    try:
        description = read_json(file)
    except InputError:
        return []
    # The second as drafts of BIDS had it, and fMRIPrep up to version 20.
    programs = description.get("GeneratedBy") or [description.get("PipelineDescription")]
    return [
        {key: str(program[key]) for key in ("Name", "Version") if program.get(key)}
        for program in programs
        if isinstance(program, dict) and program.get("Name")
    ]


def dataset_name(input_dir: Path) -> str:
    """Return what a dataset calls itself; empty where it does not say."""
    try:
        name = read_json(input_dir / "dataset_description.json").get("Name")
    except InputError:
        return ""
    return " ".join(name.split()) if isinstance(name, str) else ""


def dpabi_stage(path: Path) -> str | None:
    """Return the folder of DPABI that a file lies in, as "FunImgARWSDCF"; None of other files."""
    found = (_STAGE.fullmatch(part) for part in path.parts)
    return next((match[1] for match in found if match), None)
