"""The group stage of a study: who is included, their maps, what is found."""

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from commissure.files.bids_names import bare, of_variant
from commissure.files.images import sample_file
from commissure.files.text import write_json, write_tsv
from commissure.inference import NullMaker
from commissure.inputs.people import MEAN_FD, Participants, understood
from commissure.inputs.regions import files_named
from commissure.measures.names import measure_of_files, measure_to_make
from commissure.problems import InputError
from commissure.records.runs import KEYS, Measured
from commissure.records.verdicts import Reason, Verdict, verdicts_to_json
from commissure.report.methods.files import write_methods
from commissure.settings.description import tables_of_results
from commissure.settings.tables import GroupSettings, StudySettings, Variant
from commissure.space import Domain
from commissure.study.group.findings_files import write_findings
from commissure.study.group.inputs import check_inputs, named_columns
from commissure.study.group.maps import mean_of_runs, read_map_files, sample_map
from commissure.study.group.people import in_subset, rows_of, subset_text, with_motion
from commissure.study.group.region_tests import regions_told
from commissure.study.group.statistics import find
from commissure.study.judging import judge, left_out
from commissure.study.participant.clean_files import own_folder
from commissure.study.participant.domain import study_domain
from commissure.study.participant.steps import RunResult, clean_series, map_name, write_study_maps
from commissure.study.quality import key_of
from commissure.workspace.keys import code_of, hash_of
from commissure.workspace.ledger import Ledger
from commissure.workspace.paths import GROUP_FOLDER, make_folder
from commissure.workspace.written import Written

# In the work folder: series of everyone, for as long as partners are searched.
PARTNERS_FOLDER = "partners"
_PARTNERS, FINDINGS, _METHODS = "partners of the group", "findings", "methods"


@dataclass(frozen=True)
class Judged:
    """A run and whether it is included.

    Attributes
    ----------
    result : RunResult
    verdict : Verdict
        Without measurements where the run could not be made clean.
    """

    result: RunResult
    verdict: Verdict


@dataclass(frozen=True)
class GroupOutcome:
    """What the group stage did.

    Attributes
    ----------
    n_scans : int
    n_clusters, n_significant : int
    regions_told : str
        How many of the regions named beforehand are significant; empty without any.
    notes : tuple of str
    """

    n_scans: int
    n_clusters: int
    n_significant: int
    regions_told: str
    notes: tuple[str, ...]


def judged_runs(results: Sequence[RunResult], settings: StudySettings) -> list[Judged]:
    """Judge the runs that are clean; those that are not are left out, with the reason."""
    judged = []
    for one in results:
        decided = left_out(one.scan, settings.quality)
        # What went wrong with somebody who is left out stops nobody.
        result = one if decided is None else replace(one, problems=())
        measured = result.measured or Measured(key_of(result.scan))
        verdict = judge(measured, settings.quality)
        if decided is not None:
            verdict = Verdict(measured, (Reason("left_out", said=decided),))
        elif result.problems:
            verdict = Verdict(measured, (Reason("failed", said=" ".join(result.problems)),))
        elif not result.is_done:
            verdict = Verdict(measured, (Reason("undone"),))
        judged.append(Judged(result, verdict))
    return judged


def asked_of_group(settings: StudySettings) -> GroupSettings:
    """Return what is asked of the maps, with mean framewise displacement in the formula."""
    group = settings.group
    if group.mean_fd_covariate:
        group = replace(group, formula=f"{group.formula} + {MEAN_FD}")
    return group


def run_group(
    judged: Sequence[Judged],
    people: Participants,
    out_dir: Path,
    settings: StudySettings,
    *,
    n_threads: int | None = None,
    max_memory: int | None = None,
    progress: Callable[[str, float], None] | None = None,
    null_by: NullMaker | None = None,
) -> GroupOutcome:
    """Compare those who are included; nothing is done again that is done already.

    Parameters
    ----------
    judged : sequence of Judged
        All runs of the study.
    people : Participants
    out_dir : Path
    settings : StudySettings
    n_threads, max_memory : int, optional
    progress : callable, optional
        Called with what is being done and the share that is done.
    null_by : callable, optional
        See `commissure.inference.permutation_test`.

    Raises
    ------
    InputError
        With every problem that was found.
    """
    ledger = Ledger(out_dir, GROUP_FOLDER)
    ledger.clear_staging()
    included = [j for j in judged if j.verdict.included]
    if not included:
        msg = "Nobody is included in the group stage; see quality.tsv for the reasons."
        raise InputError(msg)
    asked = asked_of_group(settings)
    n_included, included = len(included), _of_subset(included, people, asked)
    if settings.maps.of_group:
        included = _partners_of_group(included, ledger, out_dir, settings, n_threads, max_memory)
    scans = _scans(included, asked)
    excluded = _excluded(judged, people, asked.group)
    if asked.subset:
        ours = people.table["participant_id"][in_subset(people, asked.subset)].map(bare)
        excluded = excluded[excluded["participant_id"].map(bare).isin(ours)]
    people = rows_of([key for key, _ in scans], people)
    motion = [[run.verdict.measured.mean_fd_jenkinson for run in runs] for _, runs in scans]
    people = with_motion(understood(people, named_columns(settings.group)), motion, asked)
    if asked.subset:
        note = f"{subset_text(asked.subset)} are compared: {len(included)} of {n_included} runs."
        people = replace(people, notes={**people.notes, "participant_id": note})
    key = hash_of(
        code_of("findings"),
        asdict(asked),
        [Written.of(file).sha256 for file in files_named(asked.rois, asked.atlas)],
        people.table.to_csv(),
        people.categorical,
        [[run.result.key for run in runs] for _, runs in scans],
        [variant.label for variant in settings.variants],
        excluded.to_csv(),
    )

    def make(folder: Path) -> dict[str, Any]:
        group_folder = folder / GROUP_FOLDER
        group_folder.mkdir()
        first = scans[0][1][0].result
        space = first.scan.clean_space
        mask = study_domain(_maps(scans[0][1])[0], space, settings.maps, settings.measure)
        _verify([run for _, runs in scans for run in runs], settings.variants)
        files = [_map_of(runs, mask, folder, out_dir) for _, runs in scans]
        inputs = check_inputs(
            lambda: people,
            lambda: mask,
            lambda table, domain: read_map_files(files, table, domain),
            asked,
        )
        names = [_name(file, folder, out_dir) for file in files]
        inputs = replace(
            inputs,
            maps=replace(inputs.maps, sources=tuple(names)),
            space=space,
            variants=_maps_of_variants(
                [runs for _, runs in scans], inputs.maps.domain, settings.variants
            ),
        )
        findings = find(
            inputs,
            asked,
            n_threads=n_threads,
            max_memory=max_memory,
            progress=progress,
            null_by=null_by,
        )
        write_findings(findings, group_folder)
        write_tsv(group_folder / "participants.tsv", people.table.assign(map=names))
        runs = [asdict(run.verdict.measured.of) for _, of in scans for run in of]
        write_tsv(group_folder / "included.tsv", pd.DataFrame(runs, columns=KEYS))
        write_tsv(group_folder / "excluded.tsv", excluded)
        return {
            "n_scans": len(files),
            "n_clusters": len(findings.result.clusters),
            "n_significant": len(findings.significant),
            "regions_told": regions_told(findings),
            "notes": list(findings.notes),
        }

    def tell(folder: Path) -> dict[str, Any]:
        (folder / GROUP_FOLDER).mkdir()
        write_methods(out_dir, folder / GROUP_FOLDER, out_dir / GROUP_FOLDER)
        return {}

    facts = ledger.do(FINDINGS, key, make)
    # Limits that exclude nobody change the text, not the findings.
    verdicts = verdicts_to_json(run.verdict for run in judged)
    chosen = tables_of_results(settings)
    ledger.do(_METHODS, hash_of(key, code_of("methods"), chosen, verdicts), tell)
    partners = [_PARTNERS] if settings.maps.of_group else []
    ledger.keep_only([FINDINGS, _METHODS, *partners])
    return GroupOutcome(**facts | {"notes": tuple(facts["notes"])})


def _verify(runs: Sequence[Judged], variants: Sequence[Variant]) -> None:
    """Raise if a map that is about to be read is not the one that was written."""
    problems: list[str] = []
    for run in runs:
        job = run.result.job
        maps = _maps([run])
        others = {of_variant(path, variant.label) for path in maps for variant in variants}
        try:
            files = [*maps, *(path for path in sorted(others - set(maps)) if path.is_file())]
            Ledger(job.out_dir, job.participant_id).verify(files)
        except InputError as error:
            problems += error.problems
    if problems:
        raise InputError(problems)


def _of_subset(
    included: Sequence[Judged], people: Participants, asked: GroupSettings
) -> list[Judged]:
    """Return the runs of those to whom the study is limited."""
    if not asked.subset:
        return list(included)
    scans = [run.result.scan for run in included]
    keys = sorted({(scan.participant_id, scan.session or "") for scan in scans})
    rows = rows_of([(who, session or None) for who, session in keys], people)
    kept = {key for key, inside in zip(keys, in_subset(rows, asked.subset), strict=True) if inside}
    return [
        run
        for run, scan in zip(included, scans, strict=True)
        if (scan.participant_id, scan.session or "") in kept
    ]


def _scans(
    included: Sequence[Judged], asked: GroupSettings
) -> list[tuple[tuple[str, str | None], list[Judged]]]:
    """Gather the runs of each participant and session.

    Raises
    ------
    InputError
        If participants have several sessions and these are not blocks.
    """
    scans: dict[tuple[str, str | None], list[Judged]] = {}
    for run in included:
        scan = run.result.scan
        scans.setdefault((scan.participant_id, scan.session), []).append(run)
    ids = [who for who, _ in scans]
    twice = sorted({who for who in ids if ids.count(who) > 1})
    if twice and asked.blocks is None:
        msg = (
            f"{', '.join(twice)} have several sessions. Choose one ([input] sessions), or say "
            'that sessions of a participant belong together: [group] blocks = "participant_id".'
        )
        raise InputError(msg)
    return sorted(scans.items(), key=lambda item: (item[0][0], item[0][1] or ""))


def _partners_of_group(
    included: Sequence[Judged],
    ledger: Ledger,
    out_dir: Path,
    settings: StudySettings,
    n_threads: int | None,
    max_memory: int | None,
) -> list[Judged]:
    """Map everyone at the partners of all who are included."""
    key = hash_of(code_of("maps"), asdict(settings.maps), [run.result.key for run in included])
    measure = measure_to_make(settings.measure)
    cleans = [clean_series(run.result.job, run.result.scan) for run in included]

    def make(folder: Path) -> dict[str, Any]:
        domain = study_domain(cleans[0].path, cleans[0].space, settings.maps, measure.stat)
        work_dir = make_folder(included[0].result.job.work_dir / PARTNERS_FOLDER)
        with tempfile.TemporaryDirectory(dir=work_dir) as spool:
            series = []
            for number, clean in enumerate(cleans):
                path = Path(spool) / f"{number}.npy"
                np.save(path, sample_file(clean.path, domain).astype(np.float32))
                series.append(np.load(path, mmap_mode="r"))
            assert measure.of_group is not None  # noqa: S101 - see `MapSettings.of_group`
            results = measure.of_group(series, domain, settings.maps, n_threads, max_memory)
        about = asdict(settings.maps) | {"scans": [clean.source for clean in cleans]}
        for run, clean, maps in zip(included, cleans, results, strict=True):
            write_study_maps(measure, run.result.scan, clean, maps, domain, about, folder)
        return {}

    ledger.do(_PARTNERS, key, make)
    return [
        replace(
            run,
            result=replace(
                run.result,
                map=out_dir / map_name(run.result.job, run.result.scan),
                key=hash_of(key, clean.source),
            ),
        )
        for run, clean in zip(included, cleans, strict=True)
    ]


def _maps(runs: Sequence[Judged]) -> list[Path]:
    return [run.result.map for run in runs if run.result.map is not None]


def _map_of(runs: Sequence[Judged], mask: Domain, folder: Path, out_dir: Path) -> Path:
    """Return the map of a participant: of the one run, or the mean of several, then written."""
    maps = _maps(runs)
    if len(maps) == 1:
        return maps[0]
    of = measure_of_files(path.name for path in maps)
    mean = mean_of_runs(np.stack([sample_map(path, mask) for path in maps]))
    stem = "_".join(p for p in maps[0].name.split("_") if not p.startswith("run-"))
    stem = stem.replace("_boldmap.nii.gz", "").replace("_desc-clean", "")
    where = folder / own_folder(runs[0].result.scan) / "func"
    where.mkdir(parents=True, exist_ok=True)
    path = where / f"{stem}_desc-meanOfRuns_boldmap.nii.gz"
    nib.save(mask.to_image(mean.astype(np.float32)), path)
    about = {
        "Description": f"Mean of the {of.maps} of a session's runs.",
        "Sources": [_name(file, folder, out_dir) for file in maps],
        "Mask": mask.name,
        "Notes": [
            (
                "A place has a mean where every run has a value (finite and not 0), so that all "
                "means are of as many runs. In the mask, other places are NaN; outside it, 0."
            )
        ],
    }
    write_json(path.with_name(path.name.replace(".nii.gz", ".json")), about)
    return path


def _maps_of_variants(
    scans: Sequence[Sequence[Judged]], domain: Domain, variants: Sequence[Variant]
) -> dict[str, NDArray[np.float64]]:
    """Return the maps that variants made (n_scans, n_places), of those where everyone has one."""
    found = {}
    for variant in variants:
        files = [[of_variant(path, variant.label) for path in _maps(runs)] for runs in scans]
        own = {path for runs in scans for path in _maps(runs)}
        if all(path.is_file() and path not in own for paths in files for path in paths):
            found[variant.label] = np.stack(
                [mean_of_runs(np.stack([sample_map(p, domain) for p in paths])) for paths in files]
            )
    return found


def _name(file: Path, folder: Path, out_dir: Path) -> str:
    """Return what a map is called in tables: a BIDS URI where it is part of the study."""
    for root in (folder, out_dir):
        if file.is_relative_to(root):
            return f"bids::{file.relative_to(root).as_posix()}"
    return str(file)


def _excluded(judged: Sequence[Judged], people: Participants, group: str) -> pd.DataFrame:
    """Return who is left out, of which group, and why."""
    verdicts = [run.verdict for run in judged if not run.verdict.included]
    table = pd.DataFrame(
        [{**asdict(verdict.measured.of), "reasons": verdict.text} for verdict in verdicts],
        columns=[*KEYS, "reasons"],
    )
    if group in people.table:
        names = people.table["participant_id"].map(bare)
        levels = dict(zip(names, people.table[group], strict=True))
        table.insert(1, group, table["participant_id"].map(bare).map(levels))
    return table
