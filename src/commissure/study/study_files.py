"""What a study writes beside its participants' folders: description, settings, quality."""

import json
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from commissure.files.data_texts import read_data
from commissure.files.shared_paths import without_folders
from commissure.files.text import write_json, write_tsv
from commissure.settings.description import tables_of_results
from commissure.settings.tables import StudySettings
from commissure.study.participant.clean_files import write_dataset_description, write_grey_mask
from commissure.study.quality import merge_quality
from commissure.workspace.keys import code_of, hash_of
from commissure.workspace.ledger import Ledger


def write_study_files(
    out_dir: Path,
    input_dir: Path,
    settings: StudySettings,
    rows: Sequence[dict[str, Any]],
    kinds: Collection[str],
) -> None:
    """Write the files of a study as a whole.

    Parameters
    ----------
    out_dir, input_dir : Path
    settings : StudySettings
    rows : sequence of dict
        Of quality.tsv; the rows of other runs that are in it stay.
    kinds : collection of str
        What kinds of scans there are.
    """
    ledger = Ledger(out_dir, "study")
    # Rows of other runs are taken from it.
    ledger.check()
    table = merge_quality(out_dir / "quality.tsv", list(rows))
    chosen = tables_of_results(settings)
    shared = without_folders(chosen)
    described = json.loads(read_data("files", "quality_columns.json"))

    def make(folder: Path) -> dict[str, Any]:
        write_dataset_description(folder, input_dir)
        (folder / ".bidsignore").write_text(read_data("files", "bidsignore.txt"), encoding="utf-8")
        (folder / "README.md").write_text(read_data("files", "study_readme.md"), encoding="utf-8")
        if "raw" in kinds:
            write_grey_mask(settings.preprocessing.resolution_mm, settings.maps.grey_matter, folder)
        write_tsv(folder / "quality.tsv", table)
        write_json(folder / "quality.json", {str(name): described[name] for name in table})
        write_json(folder / "settings.json", {"hash": hash_of(chosen), "settings": shared})
        return {}

    text = table.to_csv(sep="\t", na_rep="n/a")
    key = hash_of(code_of("study"), chosen, text, str(input_dir.absolute()), sorted(kinds))
    ledger.do("study", key, make)
