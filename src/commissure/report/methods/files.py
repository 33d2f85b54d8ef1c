"""The methods section of a study, written from what its files say was done."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from commissure.clinical.table1 import ALPHA_NORMALITY
from commissure.measures.names import measure_called, measure_of_record
from commissure.preprocessing.anatomy import ERODED_MM, SURE
from commissure.preprocessing.recipe import PRIORS
from commissure.records.runs import KEYS
from commissure.records.verdicts import VERDICTS, verdicts_from_json
from commissure.report.methods.docx import methods_docx
from commissure.report.methods.facts import Done
from commissure.report.methods.group import (
    correlations_facts,
    demographics_facts,
    group_facts,
    read_table,
)
from commissure.report.methods.quality import quality_facts
from commissure.report.methods.scans import (
    maps_facts,
    read_json,
    runs_in,
    runs_of_maps,
    scans_facts,
    versions_of,
)
from commissure.report.methods.text import Methods, methods_text
from commissure.settings.reading import preset_choices
from commissure.settings.tables import MEASURE

_CONSTANTS = {
    "sure": SURE,
    "eroded_mm": ERODED_MM,
    "priors": PRIORS,
    "alpha_normality": ALPHA_NORMALITY,
}
# By which a study is told to have followed the paper; names of columns and levels are its own.
_AS_PUBLISHED = {
    "preprocessing": None,
    "quality": ("exclude_motion",),
    MEASURE.stat: None,
    "group": ("mean_fd_covariate", "method", "tail", "n_permutations", "cluster_forming_p"),
}


def write_methods(out_dir: Path, folder: Path, group: Path | None = None) -> None:
    """Write the methods section: methods.md, .txt, .docx, .bib, and .pandoc.md to go with it.

    Parameters
    ----------
    out_dir : Path
        The study's output folder.
    folder : Path
        Where they are written.
    group : Path, optional
        Where the group stage's files are, if there are any; by default `folder`. It may still be in
        a staging folder, beside what else that stage has written.
    """
    methods = methods_of(out_dir, group or folder)
    (folder / "methods.md").write_text(methods.markdown, encoding="utf-8")
    (folder / "methods.pandoc.md").write_text(methods.pandoc, encoding="utf-8")
    (folder / "methods.txt").write_text(methods.text, encoding="utf-8")
    (folder / "methods.bib").write_text(methods.bibtex, encoding="utf-8")
    (folder / "methods.docx").write_bytes(methods_docx(methods))


def methods_of(out_dir: Path, group: Path) -> Methods:
    """Return the methods section of what has been done; see `write_methods`."""
    return methods_text(what_was_done(out_dir, group))


def what_was_done(out_dir: Path, group: Path) -> Done:
    """Read what has been done from the files of a study; see `write_methods`."""
    settings = read_json(out_dir / "settings.json").get("settings", {})
    measure = str(settings.get("measures", {}).get("main", MEASURE.stat))
    stats = read_json(group / "stats.json")
    people = read_table(group / "participants.tsv", text=["session_id"])
    taken = read_table(group / "included.tsv", text=KEYS)
    excluded = read_table(group / "excluded.tsv", text=KEYS)
    table1 = read_table(group / "table1.tsv")
    clusters = read_table(group / "clusters.tsv")
    named = read_table(group / "region_tests.tsv")
    roots = [group.parent, out_dir]
    runs = runs_of_maps(stats["Sources"], roots) if stats else runs_in(out_dir, measure)
    asked = stats.get("Settings", {})
    statistics = None if clusters is None else group_facts(stats, clusters, named)
    verdicts = verdicts_from_json(read_json(out_dir / VERDICTS))
    confounds = settings.get("input", {}).get("confounds", ())
    return Done(
        versions=versions_of([stats]) or versions_of(run.clean or run.map for run in runs),
        measure=measure_of_record(stats) if stats else measure_called(measure),
        as_published=all(run.kind == "raw" for run in runs) and _as_published(settings),
        scans=scans_facts(runs, out_dir, confounds),
        quality=None
        if not verdicts or not settings
        else quality_facts(
            verdicts,
            settings["quality"],
            people,
            taken,
            excluded,
            asked.get("group"),
            () if statistics is None else statistics.contrast.levels,
        ),
        maps=maps_facts(
            runs,
            settings.get(measure, {}),
            [about["name"] for about in settings.get("variants", {}).values()],
        ),
        group=statistics,
        correlations=correlations_facts(asked, read_table(group / "partial_correlations.tsv"))
        if asked
        else None,
        demographics=() if table1 is None else demographics_facts(table1),
        constants=_CONSTANTS,
    )


def _as_published(settings: Mapping[str, Any]) -> bool:
    """Tell whether nothing that the paper states was chosen otherwise."""
    published = preset_choices("liu2025")
    return _AS_PUBLISHED.keys() <= settings.keys() and all(
        settings[table].get(name, value) == value
        for table, names in _AS_PUBLISHED.items()
        for name, value in published[table].items()
        if names is None or name in names
    )
