"""The steps of the group stage, in their order: partners of all, findings, the methods text."""

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from commissure.files.images import sample_file
from commissure.inference import NullMaker
from commissure.inputs.people import Participants
from commissure.inputs.regions import files_named
from commissure.measures.measure import MapSettings
from commissure.measures.names import measure_to_make
from commissure.records.runs import KEYS
from commissure.records.verdicts import verdicts_to_json
from commissure.report.methods.files import write_methods
from commissure.settings.description import tables_of_results
from commissure.settings.group import GroupSettings
from commissure.settings.tables import StudySettings
from commissure.study.group.compared import Judged, ScanRuns, asked_of_group
from commissure.study.group.findings_files import write_findings
from commissure.study.group.inputs import check_inputs
from commissure.study.group.maps import read_map_files
from commissure.study.group.region_tests import regions_told
from commissure.study.group.run_maps import (
    map_of_scan,
    maps_beside,
    maps_of,
    maps_of_variants,
    name_of,
    partner_distance,
    partners_reader,
    qualities_of,
    verify_maps,
)
from commissure.study.group.statistics import find
from commissure.study.group.tables import write_table
from commissure.study.participant.domain import mask_given, study_domain
from commissure.study.participant.job import map_name, named_after
from commissure.study.participant.map_files import CleanSeries
from commissure.study.participant.steps import clean_series, write_study_maps
from commissure.study.step import Stamp, Step
from commissure.workspace.keys import hash_of
from commissure.workspace.paths import GROUP_FOLDER, make_folder
from commissure.workspace.written import Written

# In the work folder: series of everyone, for as long as partners are searched.
PARTNERS_FOLDER = "partners"


@dataclass(frozen=True, eq=False)
class GroupWork:
    """Those who are compared.

    Attributes
    ----------
    judged : sequence of Judged
        All runs of the study.
    scans : list of ScanRuns
        The runs that are compared, by participant and session.
    people : Participants
        A row a scan.
    excluded : DataFrame
        Who is left out, and why.
    out_dir : Path
    n_threads, max_memory : int, optional
    progress : callable, optional
        Called with what is being done and the share that is done.
    null_by : callable, optional
        See `commissure.inference.permutation_test`.
    """

    judged: Sequence[Judged]
    scans: list[ScanRuns]
    people: Participants
    excluded: pd.DataFrame
    out_dir: Path
    n_threads: int | None = None
    max_memory: int | None = None
    progress: Callable[[str, float], None] | None = None
    null_by: NullMaker | None = None

    @property
    def runs(self) -> list[Judged]:
        """The runs that are compared."""
        return [run for _, runs in self.scans for run in runs]

    @property
    def cleans(self) -> list[CleanSeries]:
        """Their clean series."""
        return [
            clean_series(result.scan, named_after(result.job, result.scan), self.out_dir)
            for result in (run.result for run in self.runs)
        ]

    def mapped(self, key: str) -> "GroupWork":
        """Return it with maps at the partners of all, which a step with this key made."""

        def one(run: Judged) -> Judged:
            job, scan = run.result.job, run.result.scan
            source = clean_series(scan, named_after(job, scan), self.out_dir).source
            mapped = self.out_dir / map_name(job, scan)
            return replace(run, result=replace(run.result, map=mapped, key=hash_of(key, source)))

        scans = [(who, [one(run) for run in runs]) for who, runs in self.scans]
        return replace(self, scans=scans)


@dataclass(frozen=True)
class PartnersSlice:
    """What maps at the partners of all depend on: the measure's label and settings."""

    measure: str
    maps: MapSettings


@dataclass(frozen=True)
class FindingsSlice:
    """What findings depend on: what is asked, where maps are made, variants, other measures."""

    asked: GroupSettings
    measure: str
    maps: MapSettings
    variants: tuple[str, ...]
    beside: tuple[tuple[str, MapSettings], ...]


def _partners_slice(settings: StudySettings, _work: GroupWork) -> PartnersSlice:
    return PartnersSlice(settings.measure, settings.maps)


def _partners_given(work: GroupWork, chosen: PartnersSlice, stamp: Stamp) -> list[Any]:
    return [[run.result.key for run in work.runs], *mask_given(chosen.maps, stamp)]


def _make_partners(work: GroupWork, chosen: PartnersSlice, folder: Path) -> dict[str, Any]:
    """Map everyone at the partners of all who are compared."""
    cleans, measure = work.cleans, measure_to_make(chosen.measure)
    domain = study_domain(cleans[0].path, cleans[0].space, chosen.maps, measure.stat)
    work_dir = make_folder(work.runs[0].result.job.work_dir / PARTNERS_FOLDER)
    with tempfile.TemporaryDirectory(dir=work_dir) as spool:
        series = []
        for number, clean in enumerate(cleans):
            path = Path(spool) / f"{number}.npy"
            np.save(path, sample_file(clean.path, domain).astype(np.float32))
            series.append(np.load(path, mmap_mode="r"))
        assert measure.of_group is not None  # noqa: S101 - see `MapSettings.of_group`
        found = measure.of_group(series, domain, chosen.maps, work.n_threads, work.max_memory)
    about = asdict(chosen.maps) | {"scans": [clean.source for clean in cleans]}
    for run, clean, maps in zip(work.runs, cleans, found, strict=True):
        write_study_maps(measure, run.result.scan, clean, maps, domain, about, folder)
    return {}


def _findings_slice(settings: StudySettings, work: GroupWork) -> FindingsSlice:
    labels = tuple(variant.label for variant in settings.variants)
    return FindingsSlice(
        asked_of_group(settings, work.people),
        settings.measure,
        settings.maps,
        labels,
        tuple(settings.beside.items()),
    )


def _findings_given(work: GroupWork, chosen: FindingsSlice, stamp: Stamp) -> list[Any]:
    asked = chosen.asked
    return [
        [Written.of(file).sha256 for file in files_named(asked.rois, asked.atlas)],
        work.people.table.to_csv(),
        work.people.categorical,
        [[run.result.key for run in runs] for _, runs in work.scans],
        work.excluded.to_csv(),
        # Maps that others made do not depend on it, and their comparison does.
        mask_given(chosen.maps, stamp),
        [mask_given(maps, stamp) for _, maps in chosen.beside],
    ]


def _make_findings(work: GroupWork, chosen: FindingsSlice, folder: Path) -> dict[str, Any]:
    """Compare the maps, and write what is found."""
    group_folder = make_folder(folder / GROUP_FOLDER)
    verify_maps(work.runs, chosen.variants, chosen.measure, [label for label, _ in chosen.beside])
    space = work.runs[0].result.scan.clean_space
    mask = study_domain(maps_of(work.runs)[0], space, chosen.maps, chosen.measure)
    files = [map_of_scan(runs, mask, folder, work.out_dir) for _, runs in work.scans]
    names = [name_of(file, folder, work.out_dir) for file in files]
    inputs = check_inputs(
        lambda: work.people,
        lambda: mask,
        lambda table, domain: read_map_files(files, table, domain),
        chosen.asked,
    )
    scans = [runs for _, runs in work.scans]
    inputs = replace(
        inputs,
        maps=replace(inputs.maps, sources=tuple(names)),
        space=space,
        variants=maps_of_variants(scans, inputs.maps.domain, chosen.variants),
        qualities=qualities_of(scans, inputs.maps.domain, chosen.measure),
        distance=partner_distance(scans, inputs.maps.domain, chosen.measure),
        matched_df=chosen.maps.matched_df,
        beside={
            label: partial(maps_beside, scans, inputs.people.table, chosen.measure, label, maps)
            for label, maps in chosen.beside
        },
        partners_at=partners_reader(scans, inputs.maps.domain, chosen.measure),
    )
    findings = find(
        inputs,
        chosen.asked,
        n_threads=work.n_threads,
        max_memory=work.max_memory,
        progress=work.progress,
        null_by=work.null_by,
    )
    write_findings(findings, group_folder)
    write_table(group_folder, "participants", work.people.table.assign(map=names))
    keys = [asdict(run.verdict.measured.of) for run in work.runs]
    write_table(group_folder, "included", pd.DataFrame(keys, columns=KEYS))
    write_table(group_folder, "excluded", work.excluded)
    return {
        "n_scans": len(files),
        "n_clusters": len(findings.result.clusters),
        "n_significant": len(findings.significant),
        "regions_told": regions_told(findings),
        "notes": list(findings.notes),
        "caution": findings.caution,
    }


def _methods_given(work: GroupWork, _chosen: dict[str, Any], _stamp: Stamp) -> list[Any]:
    # Limits that exclude nobody change the text, not the findings.
    return [verdicts_to_json(run.verdict for run in work.judged)]


def _make_methods(work: GroupWork, _chosen: dict[str, Any], folder: Path) -> dict[str, Any]:
    (folder / GROUP_FOLDER).mkdir()
    write_methods(work.out_dir, folder / GROUP_FOLDER, work.out_dir / GROUP_FOLDER)
    return {}


def _about_all(work: GroupWork) -> tuple[str, Path]:
    return "", work.out_dir


PARTNERS = Step("partners", _about_all, _partners_slice, _partners_given, _make_partners)
FINDINGS = Step("findings", _about_all, _findings_slice, _findings_given, _make_findings)
METHODS = Step(
    "methods",
    _about_all,
    lambda settings, _: tables_of_results(settings),
    _methods_given,
    _make_methods,
)

# Partners are searched here only where the scans have them in common.
GROUP: tuple[Step[GroupWork, Any], ...] = (PARTNERS, FINDINGS, METHODS)
