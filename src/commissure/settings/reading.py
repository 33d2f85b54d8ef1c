"""All that may be chosen for a study: one frozen object, checked once, written with the results."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from functools import cache
from inspect import cleandoc
from pathlib import Path
from typing import Annotated, Any, Literal

from annotated_types import Ge, Le, Lt, MinLen
from pydantic import TypeAdapter

from commissure.files.data_texts import read_data
from commissure.inference.grammar import read_formula
from commissure.inputs import InputKind, strategy_problems
from commissure.measures.cfh import Partner
from commissure.preprocessing.recipe import Recipe
from commissure.problems import InputError
from commissure.settings.checks import meant, read_table
from commissure.settings.quality import QualityRules
from commissure.settings.stats import Seed, StatsSettings, option_problems

Preset = Literal["recommended", "liu2025"]
PRESETS: tuple[Preset, ...] = ("recommended", "liu2025")


@dataclass(frozen=True)
class InputSettings:
    """What is taken of the input folder; all by default.

    Attributes
    ----------
    kind : {"auto", "bids", "fmriprep", "dpabi", "table"}
        What kind of input it is; by default told from what lies there.
    task : str, optional
        Label of the task; of several, by default the one that begins with "rest".
    sessions, runs : tuple of str, optional
        Labels of the sessions and runs.
    echo : str, optional
        Of multi-echo runs, the one to take.
    acquisition : str, optional
        Label after "acq-", where runs were acquired in several ways.
    entities : dict
        Labels of other BIDS entities that runs differ in, such as {dir = "AP"}. Several labels
        (dir = ["AP", "PA"]) say that these runs are alike; "" is runs without the entity.
    space : str, optional
        Space of already preprocessed runs, where there are several or none is named.
    desc : str, optional
        Of derivatives, the label after "desc-" to take.
    folder, measure : str, optional
        Of DPABI, the folder to take, or the measure whose maps in `Results` are compared.
    tr : float, optional
        Repetition time of DPABI's images and of tables, s.
    confounds : tuple of str
        Strategy for fMRIPrep's confounds: "friston24", or the names of nilearn's `load_confounds`.
    """

    kind: InputKind = "auto"
    task: str | None = None
    sessions: Annotated[tuple[str, ...], MinLen(1)] | None = None
    runs: Annotated[tuple[str, ...], MinLen(1)] | None = None
    echo: str | None = None
    acquisition: str | None = None
    entities: dict[str, str | tuple[str, ...]] = field(default_factory=dict)
    space: str | None = None
    desc: str | None = None
    folder: str | None = None
    measure: str | None = None
    tr: Annotated[float, Ge(0.02), Le(30)] | None = None
    confounds: tuple[str, ...] = ("friston24", "wm_csf", "global_signal")


@dataclass(frozen=True)
class MapSettings:
    """How CFH maps are made; see `commissure.cfh`.

    Attributes
    ----------
    midline_mm : float
        Places with |x| up to it belong to neither hemisphere, mm.
    grey_matter : float
        CFH is searched and mapped where the prior probability of grey matter exceeds it.
    mask : str, optional
        Image to take in place of the prior.
    partner : {"scan", "group"}
        Whether partners are found within each scan, or once for all the scans of the group stage.
    noise_floor : int
        Surrogates without coupling between the hemispheres, of whose CFH a map is made; 0: none.
    noise_floor_seed : int
        Of their phases.
    without_global_signal : bool
        Whether runs that are cleaned here are also cleaned and mapped with the global signal left
        in (where it is regressed out, and partners are found within the scan), so that the finding
        is shown both ways.
    dtype : {"float32", "float64"}
        Precision of the search.
    """

    midline_mm: Annotated[float, Ge(0), Le(30)] = 3.0
    grey_matter: Annotated[float, Ge(0), Lt(1)] = 0.2
    mask: str | None = None
    partner: Partner = "scan"
    noise_floor: Annotated[int, Ge(0), Le(1000)] = 0
    noise_floor_seed: Seed = 0
    without_global_signal: bool = False
    dtype: Literal["float32", "float64"] = "float32"


@dataclass(frozen=True)
class GroupSettings(StatsSettings):
    """What is asked of the maps; see `StatsSettings`.

    Attributes
    ----------
    mean_fd_covariate : bool
        Whether each participant's mean framewise displacement (Jenkinson) joins the formula.
    subset : dict of str to tuple of str
        To whom the comparison is limited, by levels of columns: ``{site = ["A"]}``.
    """

    mean_fd_covariate: bool = False
    subset: dict[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class Execution:
    """How the work runs; results do not depend on it.

    Attributes
    ----------
    n_procs : int, optional
        Participants worked on at the same time; by default as many as cores and memory allow.
    n_threads : int, optional
        Threads of each; by default the cores are divided among them, and 1 with Dask.
    mem_gb : float, optional
        Memory that may be used; by default what there is.
    executor : {"local", "dask"}
        Processes of this machine, or workers of a Dask cluster.
    scheduler : str, optional
        Address of a running Dask scheduler, such as "tcp://10.0.0.1:8786".
    dask : dict
        A cluster for `dask_jobqueue` to start: "cluster" ("SLURM", "PBS", "SGE"), "jobs", and
        what its class takes.
    """

    n_procs: Annotated[int, Ge(1), Le(4096)] | None = None
    n_threads: Annotated[int, Ge(1), Le(4096)] | None = None
    mem_gb: Annotated[float, Ge(0.1), Le(1_000_000)] | None = None
    executor: Literal["local", "dask"] = "local"
    scheduler: str | None = None
    dask: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class StudySettings:
    """The settings of a study, a table a stage; `read_settings` makes them.

    Attributes
    ----------
    preset : {"recommended", "liu2025"}
        Whose choices the others start from.
    """

    preset: Preset
    input: InputSettings
    preprocessing: Recipe
    quality: QualityRules
    cfh: MapSettings
    group: GroupSettings
    execution: Execution


TABLES: tuple[str, ...] = tuple(f.name for f in fields(StudySettings) if f.name != "preset")
_ADAPTER = TypeAdapter(StudySettings)
_LARGEST_FILE = 1_000_000


def read_settings(
    preset: str | None = None,
    file: Path | None = None,
    changes: Mapping[str, Mapping[str, Any]] | None = None,
) -> StudySettings:
    """Make the settings of a preset, what a file changes in it, and what is changed beside.

    Parameters
    ----------
    preset : str, optional
        By default the file's, else "recommended".
    file : Path, optional
        TOML: `preset`, and tables of the names that `StudySettings` has.
    changes : mapping of str to mapping, optional
        Table to name to value; they come last.

    Raises
    ------
    InputError
        With all that is wrong.
    """
    written = {} if file is None else _read_toml(file)
    preset = preset or written.pop("preset", "recommended")
    written.pop("preset", None)
    if preset not in PRESETS:
        msg = f"There is no preset {preset!r}. There are {' and '.join(PRESETS)}."
        raise InputError(msg)
    problems: list[str] = []
    chosen = {name: dict(table) for name, table in preset_choices(preset).items()}
    sources: dict[str, dict[str, str]] = {table: {} for table in TABLES}
    for source, tables in ((str(file), written), ("", dict(changes or {}))):
        problems += _unknown(source, tables)
        for table, values in _known(tables).items():
            before = chosen.setdefault(table, {})
            for name, value in values.items():
                both = isinstance(value, Mapping) and isinstance(before.get(name), Mapping)
                before[name] = {**before[name], **value} if both else value
                sources[table][name] = source
    made: dict[str, Any] = {}
    for table, cls in table_classes().items():
        try:
            made[table] = read_table(table, cls, chosen.get(table, {}), sources[table])
        except InputError as error:
            problems += error.problems
    if len(made) < len(TABLES):
        raise InputError([*problems, *_formula_problems(chosen["group"])])
    settings = StudySettings(preset, **made)
    problems += _contradictions(settings)
    if problems:
        raise InputError(problems)
    return settings


def caution(group: StatsSettings) -> str | None:
    """Say what of the settings of the group stage is allowed, but cannot lead to a finding."""
    if group.n_permutations * group.alpha > 1 or group.pareto_tail:
        return None
    return (
        f"[group] n_permutations = {group.n_permutations}: the smallest p there can be is "
        f"1/{group.n_permutations}, which is not below alpha ({group.alpha:g}): nothing can be "
        f"significant. Take more than {1 / group.alpha:,.0f}."
    )


@cache
def preset_choices(preset: str) -> Mapping[str, Mapping[str, Any]]:
    """Return what a preset chooses: table to name to value."""
    return {
        table: {name: choice[preset] for name, choice in names.items() if preset in choice}
        for table, names in preset_file().items()
    }


@cache
def preset_file() -> Mapping[str, Mapping[str, Mapping[str, Any]]]:
    """Return the file of the presets: table to name to each preset's value and the reason."""
    return tomllib.loads(read_data("settings", "presets.toml"))


def as_tables(settings: StudySettings) -> dict[str, dict[str, Any]]:
    """Return the settings as plain tables, as they are written with the results."""
    tables: dict[str, dict[str, Any]] = _ADAPTER.dump_python(settings, mode="json")
    return tables


def tables_of_results(settings: StudySettings) -> dict[str, dict[str, Any]]:
    """Return the settings that results depend on: how the work runs is none of them."""
    tables = as_tables(settings)
    del tables["execution"]
    return tables


def json_schema() -> dict[str, Any]:
    """Return the JSON schema of a settings file; nothing in it is required."""
    schema = _ADAPTER.json_schema()
    schema.pop("required", None)
    schema["$defs"]["GroupSettings"].pop("required", None)
    for definition in schema["$defs"].values():
        definition["additionalProperties"] = False
    for table, cls in table_classes().items():
        described = descriptions(cls)
        definition = schema["$defs"][cls.__name__]
        definition["description"] = (cls.__doc__ or table).partition("\n")[0]
        for name, value in definition["properties"].items():
            value["description"] = described[name]
    return schema


def table_classes() -> dict[str, type]:
    """Return the class of each table."""
    return {f.name: f.type for f in fields(StudySettings) if isinstance(f.type, type)}


def descriptions(cls: type) -> dict[str, str]:
    """Return what the docstrings of a class of settings say of each attribute, in one line."""
    found: dict[str, str] = {}
    for parent in reversed(cls.__mro__):
        names: list[str] = []
        # Python 3.13 takes the indentation away itself.
        lines = cleandoc(parent.__doc__ or "").partition("Attributes\n")[2].splitlines()
        for line in lines[1:]:
            if line.startswith(" " * 4) and names:
                text = line.strip()
                found |= {name: f"{found.get(name, '')} {text}".strip() for name in names}
            elif " : " in line:
                names = line.partition(" : ")[0].replace(" ", "").split(",")
                found |= dict.fromkeys(names, "")
            elif line.strip():
                names = line.replace(" ", "").split(",")
                found |= dict.fromkeys(names, "")
    return found


def _read_toml(file: Path) -> dict[str, Any]:
    try:
        if file.is_file() and file.stat().st_size > _LARGEST_FILE:
            msg = f"{file} is too large for a file of settings (over {_LARGEST_FILE:,} bytes). "
            msg += "Check the path."
            raise InputError(msg)
        if file.exists() and not file.is_file():
            msg = f"{file} cannot be read as a file of settings. Check the path."
            raise InputError(msg)
        return tomllib.loads(file.read_text(encoding="utf-8-sig"))
    except OSError as error:
        msg = f"{file} cannot be read ({error.strerror}). Check that it is a file you may read."
        raise InputError(msg) from error
    except UnicodeDecodeError as error:
        msg = f"{file} is not valid TOML (it is not UTF-8: {error.reason}). Save it as UTF-8."
        raise InputError(msg) from error
    except RecursionError as error:
        msg = f"{file} is not valid TOML (its brackets are nested too deeply). Correct it."
        raise InputError(msg) from error
    except InputError:
        raise
    except ValueError as error:  # TOMLDecodeError, and numbers of thousands of digits
        msg = f"{file} is not valid TOML ({error}). Correct it."
        raise InputError(msg) from error


def _known(tables: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return of some tables what are settings; [dask] is part of [execution]."""
    execution, dask = tables.get("execution", {}), tables.get("dask")
    if dask is not None and isinstance(execution, Mapping):
        tables = {**tables, "execution": {**execution, "dask": dask}}
    names = _names()
    return {
        table: {name: value for name, value in values.items() if name in names[table]}
        for table, values in tables.items()
        if table in TABLES and isinstance(values, Mapping)
    }


def _unknown(source: str, tables: Mapping[str, Any]) -> list[str]:
    """Say which tables and names there are not, and what may have been meant."""
    problems = []
    names = _names()
    for table, values in tables.items():
        if table not in (*TABLES, "dask"):
            problems.append(f"there is no table [{table}].{_place(table) or meant(table, TABLES)}")
        elif not isinstance(values, Mapping):
            problems.append(f"{table} is a table. Write [{table}] and below it name = value.")
        elif table != "dask":
            problems += [
                f"[{table}] has no setting {name!r}.{_place(name) or meant(name, names[table])}"
                for name in values
                if name not in names[table]
            ]
        elif "dask" in tables.get("execution", {}):
            problems.append("[dask] and [execution] dask are the same. Keep one of them.")
    return [f"{source}: {problem}" if source else problem for problem in problems]


def _names() -> dict[str, list[str]]:
    return {table: [f.name for f in fields(cls)] for table, cls in table_classes().items()}


def _place(name: str) -> str:
    """Return the tables that have a setting of this name, as a sentence; "" if none has."""
    places = [f"[{table}] {name}" for table, names in _names().items() if name in names]
    return f" Is {' or '.join(places)} meant?" if places else ""


def _contradictions(settings: StudySettings) -> list[str]:
    """Say which settings are fine alone but not together."""
    problems = []
    recipe, group, execution = settings.preprocessing, settings.group, settings.execution
    if recipe.low >= recipe.high:
        problems.append(
            f"[preprocessing] low ({recipe.low:g} Hz) must be below high ({recipe.high:g} Hz)."
        )
    if settings.cfh.noise_floor == 1:
        problems.append("[cfh] noise_floor = 1: give 2 or more surrogates, or 0 for no floor.")
    problems += [f"[input] confounds: {p}" for p in strategy_problems(settings.input.confounds, {})]
    problems += [f"[group] {p.removeprefix('[group] ')}" for p in option_problems(group)]
    problems += _formula_problems(vars(group))
    if execution.executor == "dask" and not execution.scheduler and not execution.dask:
        problems.append(
            '[execution] executor = "dask" needs a scheduler (tcp://...), or a table [dask].'
        )
    return problems


def _formula_problems(group: Mapping[str, Any]) -> list[str]:
    if not group.get("formula"):
        return []
    try:
        read_formula(str(group["formula"]))
    except InputError as error:
        return [f"[group] formula: {problem}" for problem in error.problems]
    return []
