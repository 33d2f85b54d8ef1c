"""Which study an output folder belongs to."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from commissure.inputs import Scan
from commissure.problems import InputError
from commissure.workspace.ledger import STATE_FOLDER
from commissure.workspace.staging import replace_file


def claim(out_dir: Path, input_dir: Path, scans: Sequence[Scan]) -> None:
    """Make an output folder that of a study.

    Parameters
    ----------
    out_dir, input_dir : Path
    scans : sequence of Scan
        Which tell the study when its input has moved.

    Raises
    ------
    InputError
        If it cannot be, or is another's.
    """
    out, source = out_dir.absolute(), input_dir.absolute()
    if out == source or out in source.parents:
        msg = f"{out_dir} holds the input. Give an output folder of its own."
        raise InputError(msg)
    identity = out / STATE_FOLDER / "study.json"
    if identity.is_file():
        known = json.loads(identity.read_text(encoding="utf-8"))
        if known["input"] != str(source) and not _same_data(scans, known):
            msg = (
                f"{out_dir} holds the study of {known['input']}, not of {source}. Give "
                "another output folder."
            )
            raise InputError(msg)
    elif (out / "dataset_description.json").exists():
        msg = f"{out_dir} is a dataset that no study of commissure wrote. Give a new output folder."
        raise InputError(msg)
    runs = {
        scan.name: {"participant_id": scan.participant_id, "size": scan.bold.stat().st_size}
        for scan in scans
    }
    content: dict[str, Any] = {"input": str(source), "runs": runs}
    if identity.is_file():
        content["runs"] = known["runs"] | runs
    content["runs"] = dict(sorted(content["runs"].items()))
    if identity.is_file() and known == content:
        return
    replace_file(identity, json.dumps(content, indent=1) + "\n")


def _same_data(scans: Sequence[Scan], known: dict[str, Any]) -> bool:
    """Tell whether the input has only moved: the same files of the same size."""
    seen = [scan for scan in scans if scan.name in known["runs"]]
    return bool(seen) and all(
        known["runs"][scan.name]["size"] == scan.bold.stat().st_size for scan in seen
    )
