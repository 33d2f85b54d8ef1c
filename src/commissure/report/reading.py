"""Reading an output folder for its report: whatever is there, finished or not."""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from io import StringIO
from pathlib import Path
from typing import Any, TypeVar

import pandas as pd

import commissure
from commissure.files.bids_names import bare, entity
from commissure.files.text import as_meant
from commissure.inputs.people import EFFECTIVE_DF, MEAN_FD
from commissure.inputs.source_software import OF_COMMISSURE
from commissure.measures import Measure
from commissure.measures.names import UNKNOWN, measure_called
from commissure.problems import InputError
from commissure.records.runs import KEYS, Measured, measured_from_json
from commissure.records.verdicts import VERDICTS, Verdict, verdicts_from_json
from commissure.report.contents import Findings, Participant, Run, State, Study
from commissure.settings.tables import MEASURE
from commissure.workspace.paths import GROUP_FOLDER, STATE_FOLDER, label_of
from commissure.workspace.places import is_of_commands, is_study
from commissure.workspace.step_name import StepName

T = TypeVar("T")

# The folders of an absolute path, in a text or in JSON; no part of an address of the web.
_FOLDERS = re.compile(r"(?<![\w.:/~-])/(?:[^/\s\"',;:<>|]+/)+(?=[^/\s\"',;:<>|])")
# What has a ledger and is nobody.
_NO_PARTICIPANTS = {GROUP_FOLDER, "study", "report"}
_TEXT = dict.fromkeys([*KEYS, "session_id", "reasons", "region", "roi"], str)


@dataclass(frozen=True)
class _Recorded:
    """What a ledger says: what each step found out, and why steps failed."""

    facts: Mapping[StepName, Mapping[str, Any]] = field(default_factory=dict)
    failures: Mapping[StepName, list[str]] = field(default_factory=dict)

    @property
    def steps(self) -> list[StepName]:
        """Those that were done, and those that failed."""
        return [*self.facts, *self.failures]


@dataclass
class _Reader:
    """Reads files of a folder, and gathers what could not be read."""

    out_dir: Path
    problems: list[str] = field(default_factory=list)
    roots: tuple[str, ...] = ()

    def read(self, path: Path, parse: Callable[[str], T], default: T) -> T:
        try:
            return parse(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return default
        except (OSError, ValueError) as error:
            name = path.relative_to(self.out_dir)
            self.problems.append(f"{name} cannot be read ({error}), so what it says is not shown.")
            return default

    def bare(self, text: str) -> str:
        """Return a text with files named from the study's own folders on, others by themselves.

        Where folders of this machine lie is nobody's business who is sent a report.
        """
        return without_folders(text, self.roots)

    def mapping(self, name: str) -> Mapping[str, Any]:
        return self.read(self.out_dir / name, lambda text: _parse_mapping(self.bare(text)), {})

    def text(self, name: str) -> str:
        return self.read(self.out_dir / name, self.bare, "")

    def table(self, path: Path) -> pd.DataFrame:
        def parse(text: str) -> pd.DataFrame:
            content = StringIO(self.bare(text))
            return as_meant(pd.read_csv(content, sep="\t", dtype=_TEXT, na_values=["n/a"]))

        return self.read(path, parse, pd.DataFrame())

    def verdicts(self) -> tuple[Verdict, ...]:
        if (self.out_dir / "quality.tsv").exists() and not (self.out_dir / VERDICTS).exists():
            self.problems.append(
                f"{VERDICTS} is not there, so who is included is not shown. Run commissure again."
            )
        return self.read(
            self.out_dir / VERDICTS,
            lambda text: verdicts_from_json(_parse_mapping(self.bare(text))),
            (),
        )


def read_study(out_dir: Path) -> Study:
    """Read all that an output folder tells of its study.

    Raises
    ------
    InputError
        If it is not the output folder of a study.
    """
    reader = _Reader(out_dir)
    identity: Mapping[str, Any] = reader.read(
        out_dir / STATE_FOLDER / "study.json", _parse_mapping, {}
    )
    source = str(identity.get("input") or "")
    reader.roots = tuple(filter(None, (source, str(out_dir.absolute()))))
    verdicts = reader.verdicts()
    findings = _findings(reader)
    ledgers = {
        label_of(path.stem): _recorded(reader.mapping(f"{STATE_FOLDER}/ledger/{path.name}"))
        for path in sorted((out_dir / STATE_FOLDER / "ledger").glob("*.json"))
    }
    participants = _participants(identity, verdicts, ledgers, _groups(findings))
    ours = is_study(out_dir) or is_of_commands(out_dir)
    if not ours or (not participants and findings is None):
        msg = (
            f"{out_dir} holds no study that commissure has begun. Name the output folder of "
            "`commissure run`."
        )
        raise InputError(msg)
    record = findings.record if findings else {}
    chosen = reader.mapping("settings.json").get("settings", {})
    description = reader.mapping("dataset_description.json")
    versions = {
        str(made["Name"]): str(made["Version"])
        for made in [*description.get("GeneratedBy", []), *record.get("GeneratedBy", [])]
        if isinstance(made, Mapping) and {"Name", "Version"} <= made.keys()
    }
    return Study(
        name=_name(description, out_dir),
        participants=participants,
        findings=findings,
        group_failures=tuple(
            problem
            for said in ledgers.get(GROUP_FOLDER, _Recorded()).failures.values()
            for problem in said
        ),
        settings=chosen,
        source=Path(source).name if source else None,
        versions=versions or {"commissure": commissure.__version__},
        changed=_changed(out_dir),
        methods=reader.text(f"{GROUP_FOLDER}/methods.txt"),
        references=reader.text(f"{GROUP_FOLDER}/methods.bib"),
        problems=tuple(reader.problems),
        planned=_planned(chosen, ledgers),
        made_here=_made_here(chosen, ledgers),
        stale=() if findings is None else _stale(findings, chosen),
        notes=_notes(reader.mapping("provenance.json").get("Runs")),
    )


def _name(description: Mapping[str, Any], out_dir: Path) -> str:
    """Return what the dataset calls itself, else the name of the output folder."""
    name, ours, _ = str(description.get("Name", "")).partition(OF_COMMISSURE)
    return name if name and ours else out_dir.absolute().name


def _notes(runs: Any) -> tuple[str, ...]:
    """Return what was told of the input when the study was last run."""
    last = runs[-1] if isinstance(runs, list) and runs else {}
    notes = last.get("Notes") if isinstance(last, dict) else ()
    return tuple(map(str, notes)) if isinstance(notes, list) else ()


def _planned(chosen: Mapping[str, Any], ledgers: Mapping[str, _Recorded]) -> Measure:
    """Return what the maps will be of: what is asked of DPABI, CFH where series are worked on."""
    asked = chosen.get("input", {}).get("measure")
    if asked:
        return measure_called(str(asked))
    made = _made_here(chosen, ledgers)
    main = chosen.get("measures", {}).get("main", MEASURE.stat)
    return measure_called(str(main)) if made else UNKNOWN


def _made_here(chosen: Mapping[str, Any], ledgers: Mapping[str, _Recorded]) -> bool:
    """Tell whether series are worked on, and not only maps compared that others made."""
    of_people = [ledgers[name] for name in ledgers.keys() - _NO_PARTICIPANTS]
    return not chosen.get("input", {}).get("measure") and any(
        step.kind in ("clean", "maps", "anatomy") for ledger in of_people for step in ledger.steps
    )


def _stale(findings: Findings, chosen: Mapping[str, Any]) -> tuple[str, ...]:
    """Return which settings of the group stage are others now than they were for the findings."""
    now, then = dict(chosen.get("group", {})), findings.settings
    joined = [MEAN_FD] if now.get("mean_fd_covariate") else []
    if now.get("effective_df_covariate") and EFFECTIVE_DF in findings.table("participants"):
        joined.append(EFFECTIVE_DF)
    if "formula" in now:
        now["formula"] = " + ".join([now["formula"], *joined])
    return tuple(
        f"[group] {name} was {json.dumps(then[name])}, it is {json.dumps(value)} now"
        for name, value in now.items()
        if name in then and then[name] != value
    )


def without_folders(text: str, roots: Iterable[str] = ()) -> str:
    """Return a text whose files are named from some folders on, others by themselves."""
    for root in roots:
        text = text.replace(f"{root}/", "")
    return _FOLDERS.sub("", text)


def page_name(participant_id: str) -> str:
    """Return the file name of a participant's page: letters, digits, "-" and "_" only."""
    safe = re.sub("[^A-Za-z0-9_-]", "", participant_id)
    if safe != participant_id:
        # Different names stay different.
        safe += "-" + "".join(f"{ord(c):x}" for c in participant_id if c not in safe)[:40]
    return f"{safe if safe.startswith('sub-') else f'sub-{safe}'}.html"


def _findings(reader: _Reader) -> Findings | None:
    folder = reader.out_dir / GROUP_FOLDER
    record = reader.mapping(f"{GROUP_FOLDER}/stats.json")
    if not record:
        return None
    tables = {path.stem: reader.table(path) for path in sorted(folder.glob("*.tsv"))}
    return Findings(record, {name: table for name, table in tables.items() if len(table.columns)})


def _groups(findings: Findings | None) -> dict[str, str]:
    """Return the group of everyone of whom it is known."""
    if findings is None:
        return {}
    column = str(findings.settings.get("group", "group"))
    groups: dict[str, str] = {}
    for name in ("excluded", "participants"):
        table = findings.table(name)
        if {"participant_id", column} <= set(table):
            known = table.dropna(subset=[column])
            pairs = zip(known["participant_id"].map(bare), known[column], strict=True)
            groups |= {who: _level(level) for who, level in pairs}
    return groups


def _level(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _recorded(content: Mapping[str, Any]) -> _Recorded:
    """Return of a ledger what has the right shape."""
    steps, failures = (
        found if isinstance(found := content.get(name), dict) else {}
        for name in ("steps", "failures")
    )
    return _Recorded(
        {
            StepName(step): entry["facts"]
            for step, entry in steps.items()
            if isinstance(entry, dict) and isinstance(entry.get("facts"), dict)
        },
        {
            StepName(step): list(map(str, said))
            for step, said in failures.items()
            if isinstance(said, list)
        },
    )


def _participants(
    identity: Mapping[str, Any],
    verdicts: Iterable[Verdict],
    ledgers: Mapping[str, _Recorded],
    groups: Mapping[str, str],
) -> tuple[Participant, ...]:
    """Return everyone of whom there is a trace, with what is known of each run."""
    judged: dict[str, list[Verdict]] = {}
    for verdict in verdicts:
        judged.setdefault(verdict.measured.of.participant_id, []).append(verdict)
    runs: dict[str, list[str]] = {}
    known_runs = identity.get("runs", {})
    for name, run in known_runs.items() if isinstance(known_runs, dict) else ():
        if isinstance(run, Mapping) and "participant_id" in run:
            runs.setdefault(str(run["participant_id"]), []).append(name)
    others = ledgers.keys() - _NO_PARTICIPANTS
    everyone = sorted(judged.keys() | runs.keys() | others)
    return tuple(
        Participant(
            who,
            page_name(who),
            groups.get(bare(who)),
            _runs(judged.get(who, []), runs.get(who, []), ledgers.get(who)),
        )
        for who in everyone
    )


def _runs(
    verdicts: Iterable[Verdict], files: list[str], ledger: _Recorded | None
) -> tuple[Run, ...]:
    """Put together what the ledger knows of each run (the newest) and what was judged."""
    judged = {verdict.measured.of.label: verdict for verdict in verdicts}
    if ledger is None:
        # Not the work of a study, but of `commissure preprocess`: what is judged is done.
        return tuple(_run(name, one, "done") for name, one in judged.items()) or tuple(
            Run(_name_of_file(file), "waiting") for file in files
        )
    failures = ledger.failures.items()
    shared = [problem for step, said in failures if step.kind == "anatomy" for problem in said]
    seen = [step.of for step in ledger.steps if step.kind in ("clean", "maps")]
    found = []
    for file in dict.fromkeys([*files, *seen]):
        measured = _measured(ledger.facts.get(StepName.named("clean", file)))
        name = measured.of.label if measured else _name_of_file(file)
        verdict = judged.pop(name, None)
        own = [problem for step, said in failures if step.of == file for problem in said]
        state: State = "waiting"
        if own or shared:
            state = "failed"
        elif measured is not None and (verdict or StepName.named("maps", file) in ledger.facts):
            state = "done"
        elif ledger.facts:
            state = "started"
        if measured and measured.known and verdict and not verdict.measured.known:
            # Judged before it was done: that is out of date.
            verdict = None
        found.append(_run(name, verdict, state, measured, (*own, *shared)))
    found += [_run(name, one, "done") for name, one in judged.items()]
    return tuple(found)


def _measured(facts: object) -> Measured | None:
    """Return what a ledger says was measured of a run; None if it says nothing of it."""
    try:
        return measured_from_json(facts)
    except ValueError:
        return None


def _run(
    name: str,
    verdict: Verdict | None,
    state: State,
    measured: Measured | None = None,
    failures: tuple[str, ...] = (),
) -> Run:
    if verdict is None:
        return Run(name, state, measured=measured, failures=failures)
    decided = None if state in ("waiting", "started") else verdict.included
    known = verdict.measured if verdict.measured.known else measured
    return Run(name, state, decided, verdict.reasons, known, failures)


def _name_of_file(file: str) -> str:
    keys = ("ses", "task", "run")
    labels = {key: entity(Path(file), key) for key in keys}
    return "_".join(f"{key}-{label}" for key, label in labels.items() if label)


def _changed(out_dir: Path) -> str:
    """Return when the last step was finished."""
    ledgers = (out_dir / STATE_FOLDER / "ledger").glob("*.json")
    times = [path.stat().st_mtime for path in ledgers if path.stem != "report"]
    if not times and (out_dir / "quality.tsv").exists():
        times = [(out_dir / "quality.tsv").stat().st_mtime]
    if not times:
        return ""
    return datetime.fromtimestamp(max(times)).astimezone().strftime("%d %B %Y, %H:%M")


def _parse_mapping(text: str) -> Mapping[str, Any]:
    content = json.loads(text)
    if not isinstance(content, dict):
        msg = "it is no JSON object"
        raise ValueError(msg)
    return content
