"""What a study writes beside its participants' folders: description, settings, quality."""

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from commissure.files.data_texts import read_data
from commissure.files.shared_paths import without_folders
from commissure.files.text import write_json
from commissure.inputs.source_software import made_by
from commissure.records.verdicts import Verdict, verdicts_to_json
from commissure.settings.description import tables_of_results
from commissure.settings.tables import StudySettings
from commissure.study.participant.clean_files import write_dataset_description, write_grey_mask
from commissure.study.verdict_files import (
    LEFT,
    merge_verdicts,
    read_verdicts,
    write_verdicts,
)
from commissure.workspace.keys import code_of, hash_of
from commissure.workspace.ledger import Ledger
from commissure.workspace.left import left_of, remove_left


def write_study_files(
    out_dir: Path,
    input_dir: Path,
    settings: StudySettings,
    verdicts: Sequence[Verdict],
    kinds: Collection[str],
) -> None:
    """Write the files of a study as a whole.

    Parameters
    ----------
    out_dir, input_dir : Path
    settings : StudySettings
    verdicts : sequence of Verdict
        Those on other runs that are there already stay.
    kinds : collection of str
        What kinds of scans there are.
    """
    ledger = Ledger(out_dir, "study")
    ledger.clear_staging()
    left = left_of(out_dir, LEFT)
    # Verdicts on other runs are taken from its files.
    ledger.check()
    verdicts = merge_verdicts(read_verdicts(out_dir), verdicts)
    # Where files lie is told to nobody, and changes nothing: a study may be moved.
    chosen = without_folders(tables_of_results(settings))

    def make(folder: Path) -> dict[str, Any]:
        write_dataset_description(folder, input_dir)
        (folder / ".bidsignore").write_text(read_data("files", "bidsignore.txt"), encoding="utf-8")
        (folder / "README.md").write_text(read_data("files", "study_readme.md"), encoding="utf-8")
        if "raw" in kinds:
            write_grey_mask(settings.preprocessing.resolution_mm, settings.maps.grey_matter, folder)
        write_verdicts(folder, verdicts)
        write_json(folder / "settings.json", {"hash": hash_of(chosen), "settings": chosen})
        return {}

    key = hash_of(
        code_of("study"),
        chosen,
        verdicts_to_json(verdicts),
        # What is told of the input.
        [input_dir.resolve().name, made_by(input_dir)],
        sorted(kinds),
    )
    ledger.do("study", key, make)
    remove_left(out_dir, left)
