"""What the sidecars of a study tell of its runs and maps, for the methods section."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast, get_args

from commissure.files.bids_names import CARRIED
from commissure.inputs.scan import ScanKind
from commissure.inputs.source_software import DPABI, dpabi_stage
from commissure.preprocessing.steps import OWN_TISSUE_TOO_SMALL
from commissure.report.methods.facts import Maps, Scans
from commissure.space.templates import TEMPLATE_SPACE, analysis_grid
from commissure.workspace.paths import STATE_FOLDER

# As their authors write them.
_PROGRAMS = {"fmriprep": "fMRIPrep", "xcp_d": "XCP-D", "dpabi": DPABI}
_OURS = "bids::"
_TOO_SMALL = OWN_TISSUE_TOO_SMALL.partition("{")[0]


@dataclass(frozen=True)
class RunSidecars:
    """The sidecars of one run.

    Attributes
    ----------
    folder : str
        Of the participant.
    clean, map : dict
        Sidecars of the clean series and of the CFH map; empty where they are not ours.
    averaged : bool
        Whether the map was averaged with those of other runs.
    """

    folder: str
    clean: dict[str, Any]
    map: dict[str, Any]
    averaged: bool = False

    @property
    def kind(self) -> ScanKind:
        """What the run was when the study began."""
        if self.clean:
            return cast("ScanKind", self.clean.get("InputKind", "raw"))
        return "clean" if self.map else "map"


def runs_of_maps(sources: Iterable[str], roots: Sequence[Path]) -> list[RunSidecars]:
    """Return the runs behind the maps of the group stage.

    Parameters
    ----------
    sources : iterable of str
        As in stats.json: BIDS URIs of the study's own files, paths of others.
    roots : sequence of Path
        Folders that a file of the study may lie in, the first that has it counts.
    """

    def read(source: str) -> dict[str, Any]:
        if not source.startswith(_OURS):
            return {}
        name = source.removeprefix(_OURS).replace(".nii.gz", ".json")
        return next((read_json(root / name) for root in roots if (root / name).is_file()), {})

    def runs(source: str, *, averaged: bool = False) -> Iterator[RunSidecars]:
        about = read(source)
        behind = about.get("Sources", [])
        if "Places" not in about and behind:
            for part in behind:
                yield from runs(part, averaged=True)
        else:
            clean = read(behind[0]) if behind else {}
            folder = source.removeprefix(_OURS).partition("/")[0] if about else source
            yield RunSidecars(folder, clean, about, averaged)

    return [run for source in sources for run in runs(source)]


def runs_in(out_dir: Path, measure: str) -> list[RunSidecars]:
    """Return the runs that an output folder has clean series or maps of a measure of."""
    maps = sorted(out_dir.glob(f"sub-*/**/func/*_stat-{measure}_*boldmap.json"))
    found = runs_of_maps((_uri(path, out_dir) for path in maps), [out_dir])
    known = {source for run in found for source in run.map.get("Sources", [])}
    cleans = sorted(out_dir.glob("sub-*/**/func/*_desc-clean_bold.json"))
    return found + [
        RunSidecars(path.relative_to(out_dir).parts[0], read_json(path), {})
        for path in cleans
        if _uri(path, out_dir) not in known
    ]


def scans_facts(
    runs: Sequence[RunSidecars], out_dir: Path, confounds: Sequence[str]
) -> tuple[Scans, ...]:
    """Return what was done to the runs of each kind.

    Parameters
    ----------
    runs : sequence of RunSidecars
    out_dir : Path
    confounds : sequence of str
        Strategy for the confounds of preprocessed runs.
    """
    kinds = {kind: [run for run in runs if run.kind == kind] for kind in get_args(ScanKind)}
    return tuple(
        _scans(kind, some, out_dir, tuple(confounds)) for kind, some in kinds.items() if some
    )


def maps_facts(
    runs: Sequence[RunSidecars], settings: Mapping[str, Any], variants: Sequence[str] = ()
) -> Maps | None:
    """Return how the maps were made; None where there is none, and where others made them."""
    maps = [run.map for run in runs if run.map]
    if not maps:
        return None
    about = maps[0]
    chosen = about.get("Settings", settings)
    places = about.get("Places", {})
    mask = chosen.get("mask")
    return Maps(
        settings=chosen,
        space=about.get("Space"),
        left=places.get("Left", 0),
        right=places.get("Right", 0),
        n_scans=len(chosen.get("scans", maps)),
        several_runs=any(run.averaged for run in runs),
        mask=Path(mask).name if mask else None,
        # Runs that came clean are not cleaned otherwise.
        variants=tuple(variants) if any(run.clean.get("Settings") for run in runs) else (),
    )


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object; empty if there is none."""
    return dict(json.loads(path.read_text(encoding="utf-8"))) if path.is_file() else {}


def versions_of(sidecars: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Return the versions of the programs in `GeneratedBy`; of several, all."""
    found: dict[str, set[str]] = {}
    for about in sidecars:
        for program in about.get("GeneratedBy", []):
            if version := program.get("Version"):
                found.setdefault(program["Name"], set()).add(version)
    return {name: " and ".join(sorted(versions)) for name, versions in found.items()}


def _is_t1w(source: str) -> bool:
    return source.endswith(("_T1w.nii.gz", "_T1w.nii"))


def _scans(
    kind: Literal["raw", "preprocessed", "clean", "map"],
    runs: list[RunSidecars],
    out_dir: Path,
    confounds: tuple[str, ...],
) -> Scans:
    cleans, abouts = [run.clean for run in runs], [run.clean or run.map for run in runs]
    recipe = cleans[0].get("Settings", {})
    discarded = [about.get("NumberOfVolumesDiscardedByUser", 0) for about in cleans]
    censored = [len(about.get("VolumesCensored", ())) for about in cleans]
    lengths = [run.map.get("NumberOfVolumes", run.clean.get("NumberOfVolumes")) for run in runs]
    acquired = [int(n) + d + c for n, d, c in zip(lengths, discarded, censored, strict=True) if n]
    space = next((run.map["Space"] for run in runs if run.map.get("Space")), None)
    pipeline, version, stage = _pipeline(out_dir) if kind != "raw" else (None, None, None)
    return Scans(
        kind=kind,
        n_participants=len({run.folder for run in runs}),
        n_runs=len(runs),
        space=TEMPLATE_SPACE if kind == "raw" else space,
        space_before=cleans[0].get("SpaceBefore"),
        n_template_t1ws=sum(map(_is_t1w, cleans[0].get("Sources", ()))),
        pipeline=pipeline,
        pipeline_version=version,
        stage=stage,
        done=frozenset(step for about in cleans for step in about.get("StepsDoneBefore", ())),
        recipe=recipe,
        confounds=confounds if kind == "preprocessed" else (),
        signals_from_data=recipe.get("signals_from") == "priors" and space == TEMPLATE_SPACE,
        n_discarded=(min(discarded), max(discarded)) if recipe else (),
        n_acquired=(min(acquired), max(acquired)) if acquired else (),
        n_censored=(min(censored), max(censored)),
        tr=tuple(
            sorted({about["RepetitionTime"] for about in abouts if about.get("RepetitionTime")})
        ),
        acquisition={
            name: abouts[0][name]
            for name in CARRIED
            if name in abouts[0] and all(about.get(name) == abouts[0][name] for about in abouts)
        },
        n_without_t1w=sum(
            not any(map(_is_t1w, about["Sources"])) for about in cleans if kind == "raw"
        ),
        n_small_tissue=sum(
            any(warning.startswith(_TOO_SMALL) for warning in about.get("Warnings", ()))
            for about in cleans
        ),
        n_undistorted=sum(about.get("ShiftsByDistortion", 0) > 0 for about in cleans),
        grid=analysis_grid(recipe["resolution_mm"])[0] if kind == "raw" else (),
        versions=versions_of(cleans),
    )


def _pipeline(out_dir: Path) -> tuple[str | None, str | None, str | None]:
    """Return the program that made the input, its version, and DPABI's stage."""
    made_by = read_json(out_dir / "dataset_description.json").get("GeneratedBy", [])[1:]
    inputs = [
        Path(name)
        for ledger in sorted((out_dir / STATE_FOLDER / "ledger").glob("*.json"))
        for name in read_json(ledger).get("inputs", {})
    ]
    stage = next((found for path in inputs if (found := dpabi_stage(path))), None)
    if made_by:
        name = made_by[0]["Name"]
        return _PROGRAMS.get(name.lower(), name), made_by[0].get("Version"), stage
    return (DPABI if stage else None), None, stage


def _uri(path: Path, out_dir: Path) -> str:
    name = path.relative_to(out_dir).as_posix().removesuffix(".json")
    return f"{_OURS}{name}.nii.gz"
