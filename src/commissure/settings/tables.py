"""The tables of settings: one frozen class each, with limits and defaults."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Annotated, Any, Literal

from annotated_types import Ge, Le, MinLen

from commissure.files.image_timing import LONGEST_TR
from commissure.inputs import InputKind
from commissure.measures import MEASURES, Measure
from commissure.measures.measure import MapSettings
from commissure.preprocessing.recipe import Recipe
from commissure.settings.group import GroupSettings
from commissure.settings.quality import QualityRules

Preset = Literal["recommended", "liu2025"]
PRESETS: tuple[Preset, ...] = ("recommended", "liu2025")
# What a file of settings chooses outside its tables.
CHOICES = ("preset",)
# What is mapped unless something else is asked for.
MEASURE: Measure = MEASURES[0]


@dataclass(frozen=True)
class MeasuresSettings:
    """What is mapped: labels that `commissure measures` lists.

    Attributes
    ----------
    use : tuple of str
        Measures whose maps are made of each run.
    main : str, optional
        The one that the findings are of, by default the first; the same comparison of the others is
        secondary.
    """

    use: Annotated[tuple[str, ...], MinLen(1)] = (MEASURE.stat,)
    main: str | None = None


@dataclass(frozen=True)
class InputSettings:
    """What is taken of the input folder; all by default.

    Attributes
    ----------
    kind : {"auto", "bids", "fmriprep", "dpabi", "table"}
        What kind of input it is; by default told from what lies there.
    task : str, optional
        Label of the task; of several, by default the one that begins with "rest".
    sessions : tuple of str, optional
        Labels of the sessions.
    runs : tuple of str, optional
        Labels of the runs.
    echo : str, optional
        Of multi-echo runs, the one to take.
    acquisition : str, optional
        Label after "acq-", where runs were acquired in several ways.
    entities : dict
        Labels of other BIDS entities that runs differ in, such as {dir = "AP"}. Several labels
        (dir = ["AP", "PA"]) say that these runs are alike; "" is runs without the entity.
    t1w : str, optional
        What the name of a raw run's T1w has, where there are several: "acq-mprage", "run-2". By
        default the one with the finest voxels is taken.
    space : str, optional
        Space of already preprocessed runs, where there are several or none is named.
    desc : str, optional
        Of derivatives, the label after "desc-" to take.
    folder, measure : str, optional
        Of DPABI, the folder to take, or the measure whose maps in `Results` are compared.
    tr : float, optional
        Repetition time of all runs, s, whatever sidecars and headers say.
    to_template : bool
        Whether preprocessed runs in another template's space (MNI152NLin2009cAsym, fMRIPrep's
        own choice) are brought to the symmetric MNI152NLin2009aSym, by a warp that is found once
        for the study from the mean of T1w images in that space. Measures that compare mirror
        positions need it.
    confounds : tuple of str
        Strategy for fMRIPrep's confounds: "friston24" or "motion6" (6 regressors of motion), and
        the names of nilearn's `load_confounds`.
    """

    kind: InputKind = "auto"
    task: str | None = None
    sessions: Annotated[tuple[str, ...], MinLen(1)] | None = None
    runs: Annotated[tuple[str, ...], MinLen(1)] | None = None
    echo: str | None = None
    acquisition: str | None = None
    entities: dict[str, str | tuple[str, ...]] = field(default_factory=dict)
    t1w: str | None = None
    space: str | None = None
    desc: str | None = None
    folder: str | None = None
    measure: str | None = None
    tr: Annotated[float, Ge(0.02), Le(LONGEST_TR)] | None = None
    to_template: bool = False
    confounds: tuple[str, ...] = ("friston24", "wm_csf", "global_signal")


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
    keep : {"all", "maps", "none"}
        What is kept of participants whose maps are made: all; no clean series, which are nearly
        all of an output folder; and no anatomies in the work folder either. What is needed again
        is made again.
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
    keep: Literal["all", "maps", "none"] = "all"
    executor: Literal["local", "dask"] = "local"
    scheduler: str | None = None
    dask: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Variant:
    """Changed settings under which the same is asked again, beside the study's own.

    Attributes
    ----------
    label : str
        Letters and digits, in names of files: ``desc-cleanNoGSR`` for "noGSR".
    preprocessing : Recipe
    maps : MapSettings
    name : str
        In words: "the global signal left in".
    why : str
        Sentences that the report has before it.
    """

    label: str
    preprocessing: Recipe
    maps: MapSettings
    name: str
    why: str = ""


@dataclass(frozen=True)
class StudySettings:
    """The settings of a study, a table a stage; `read_settings` makes them.

    Attributes
    ----------
    preset : {"recommended", "liu2025"}
        Whose choices the others start from.
    measures : MeasuresSettings
        With all that is used, the main one first.
    maps : MapSettings
        The main measure's own settings; in files, the table of its label.
    beside : mapping of str to MapSettings
        Those of the other measures, by their labels.
    variants : tuple of Variant
        What is cleaned and mapped beside; in files, a table for each: ``[variants.noGSR]``.
    """

    preset: Preset
    measures: MeasuresSettings
    input: InputSettings
    preprocessing: Recipe
    quality: QualityRules
    maps: MapSettings
    group: GroupSettings
    execution: Execution
    variants: tuple[Variant, ...] = ()
    beside: Mapping[str, MapSettings] = field(default_factory=dict)

    @property
    def measure(self) -> str:
        """Label of the main measure."""
        return self.measures.use[0]

    @property
    def of_measures(self) -> dict[str, MapSettings]:
        """Settings of each measure that is used, the main one first."""
        return {self.measure: self.maps, **self.beside}


def table_classes(used: Sequence[Measure] = (MEASURE,)) -> dict[str, type]:
    """Return the class of each table of a file of settings, by its name there.

    Parameters
    ----------
    used : sequence of Measure
        Each has a table of its own.
    """
    classes: dict[str, type] = {}
    for one in fields(StudySettings):
        if one.name == "maps":
            classes |= {measure.stat: measure.settings for measure in used}
        elif isinstance(one.type, type):
            classes[one.name] = one.type
    return classes
