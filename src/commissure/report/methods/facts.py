"""What a methods section tells: facts of what was run, as plain values."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from commissure.measures import Measure
from commissure.measures.names import UNKNOWN
from commissure.records.asked import Asked


@dataclass(frozen=True)
class Spread:
    """A quantity of the runs of one group.

    Attributes
    ----------
    group : str or None
        None where there are no groups: all runs.
    median, low, high : float
    """

    group: str | None
    median: float
    low: float
    high: float


@dataclass(frozen=True)
class Scans:
    """Runs of one kind, and what was done to them.

    Attributes
    ----------
    kind : {"raw", "preprocessed", "clean", "map"}
    n_participants, n_runs : int
    space : str or None
    space_before : str or None
        That from which preprocessed runs were brought to the symmetric template.
    n_template_t1ws : int
        Of how many people the T1w are that the way there was found by.
    pipeline, pipeline_version : str or None
        Program that made what is not raw.
    stage : str or None
        Of DPABI: its folder, as "FunImgARWSDCF".
    done : frozenset of str
        Steps that the program had done: "trim", "smoothing", "regression", "filter".
    recipe : mapping
        Settings of preprocessing; empty of clean series and maps.
    confounds : tuple of str
        Strategy for the confounds of preprocessed runs.
    signals_from_data : bool
        Whether tissue signals of preprocessed runs were read from the data.
    n_discarded : tuple of int
        Least and most volumes discarded of a run.
    n_acquired : tuple of int
        Least and most volumes of a run, the discarded ones included.
    n_censored : tuple of int
        Least and most volumes censored of a run.
    tr : tuple of float
        Repetition times, s; empty if not known.
    acquisition : mapping of str to object
        What the sidecars of all runs agree on, by BIDS' names.
    n_without_t1w : int
        Runs of participants without a T1w.
    n_small_tissue : int
        Runs whose eroded white matter or CSF was too small.
    n_undistorted : int
        Runs with shifts by distortion, which were corrected.
    grid : tuple of int
        Voxels of the analysis grid; empty if it is not ours.
    versions : mapping of str to str
        Of the programs and libraries that worked on them.
    """

    kind: Literal["raw", "preprocessed", "clean", "map"]
    n_participants: int
    n_runs: int
    space: str | None = None
    space_before: str | None = None
    n_template_t1ws: int = 0
    pipeline: str | None = None
    pipeline_version: str | None = None
    stage: str | None = None
    done: frozenset[str] = frozenset()
    recipe: Mapping[str, Any] = field(default_factory=dict)
    confounds: tuple[str, ...] = ()
    signals_from_data: bool = False
    n_discarded: tuple[int, ...] = ()
    n_acquired: tuple[int, ...] = ()
    n_censored: tuple[int, ...] = ()
    tr: tuple[float, ...] = ()
    acquisition: Mapping[str, Any] = field(default_factory=dict)
    n_without_t1w: int = 0
    n_small_tissue: int = 0
    n_undistorted: int = 0
    grid: tuple[int, ...] = ()
    versions: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Quality:
    """Who was included, and by which rules.

    Attributes
    ----------
    rules : mapping
        Settings of quality.
    judged : frozenset of str
        What was known of the runs: "motion", "volumes", "df", "overlap_epi_t1w",
        "overlap_epi_template", "orientation", "border".
    n_participants, n_runs : int
        Before exclusion.
    n_excluded_participants, n_excluded_runs : int
        Participants with no run left; runs.
    reasons : tuple of (tuple of str, int)
        Runs excluded for each combination of groups of reasons; see
        `commissure.records.verdicts.Reason`.
    n_moved : int
        Included runs that moved beyond the limits.
    mean_fd, df, nominal_df, mean_fd_power : tuple of Spread
        Of the included runs; empty if not known. `mean_fd` is Jenkinson's.
    """

    rules: Mapping[str, Any]
    judged: frozenset[str]
    n_participants: int
    n_runs: int
    n_excluded_participants: int
    n_excluded_runs: int
    reasons: tuple[tuple[tuple[str, ...], int], ...]
    n_moved: int
    mean_fd: tuple[Spread, ...]
    df: tuple[Spread, ...]
    nominal_df: tuple[Spread, ...] = ()
    mean_fd_power: tuple[Spread, ...] = ()


@dataclass(frozen=True)
class Maps:
    """How maps were made here.

    Attributes
    ----------
    settings : mapping
        Of the measure.
    space : str or None
    left, right : int
        Voxels of each hemisphere; 0 if not known.
    n_scans : int
        Scans over which the group's partners were found.
    several_runs : bool
        Whether maps of a participant's runs were averaged.
    mask : str or None
        Name of the mask that was given in place of the prior.
    variants : tuple of str
        What else was mapped: "the global signal left in".
    """

    settings: Mapping[str, Any]
    space: str | None
    left: int
    right: int
    n_scans: int
    several_runs: bool
    mask: str | None
    variants: tuple[str, ...] = ()


@dataclass(frozen=True)
class Group:
    """The statistics of the maps.

    Attributes
    ----------
    settings : mapping
        Of the group stage.
    measure : Measure
        What the maps are of.
    contrast : Asked
    covariates : tuple of str
        The formula's other terms.
    formula : str or None
        As it was written, where it has more than a sum of columns.
    n_scans, df : int
    threshold : float
        At which clusters form.
    n_permutations : int
    exhaustive, sign_flips : bool
    spreads : tuple of (str, float)
        Groups and the standard deviation of what the model leaves of them, median over voxels.
    spreads_allowed_for : bool
        Whether the test lets them differ.
    n_voxels, n_voxels_of_mask : int
        Analysed; of the mask.
    n_clusters : int
    effect_sizes : bool
        Whether there are Hedges' g of clusters.
    influence : bool
        Whether each scan's influence on them is known.
    atlas : str or None
    regions : tuple of str
        Given ones.
    n_significant : int
    region_tests : frozenset of str
        Columns of the tests of given regions; empty where there are none.
    rivals : tuple of str
        What else goes with the contrast beyond the limits or is not known, as clauses.
    called : str
        What significant clusters are, if they are no findings by themselves.
    secondary : tuple of Measure
        What else was compared.
    """

    settings: Mapping[str, Any]
    measure: Measure
    contrast: Asked
    covariates: tuple[str, ...]
    formula: str | None
    n_scans: int
    df: int
    threshold: float
    n_permutations: int
    exhaustive: bool
    sign_flips: bool
    spreads: tuple[tuple[str, float], ...]
    spreads_allowed_for: bool
    n_voxels: int
    n_voxels_of_mask: int
    n_clusters: int
    effect_sizes: bool
    influence: bool
    atlas: str | None
    regions: tuple[str, ...]
    n_significant: int
    region_tests: frozenset[str] = frozenset()
    rivals: tuple[str, ...] = ()
    called: str = ""
    secondary: tuple[Measure, ...] = ()


@dataclass(frozen=True)
class Correlations:
    """Partial correlations.

    Attributes
    ----------
    scores, covariates : tuple of str
    within : str or None
        The group.
    method : {"pearson", "spearman"}
    n, df : tuple of int
        Least and most; empty where nothing was correlated.
    n_tests : int
    """

    scores: tuple[str, ...]
    covariates: tuple[str, ...]
    within: str | None
    method: str
    n: tuple[int, ...]
    df: tuple[int, ...]
    n_tests: int


@dataclass(frozen=True)
class Demographics:
    """Variables of Table 1 that were summarised and tested alike.

    Attributes
    ----------
    variables : tuple of str
    shows : {"mean", "median", "counts"}
    test : str or None
        As `commissure.clinical.GroupTest` has it, empty where there was none; None where there is
        one group only.
    note : str
        How it was done.
    only : str or None
        The one group that has values, where that is why nothing was tested.
    """

    variables: tuple[str, ...]
    shows: Literal["mean", "median", "counts"]
    test: str | None
    note: str
    only: str | None


@dataclass(frozen=True)
class Done:
    """All that a methods section may tell; what was not done is None or empty.

    Attributes
    ----------
    versions : mapping of str to str
        Of commissure and the libraries it used.
    measure : Measure
        What the maps are of.
    as_published : bool
        Whether all choices were those of the reference study.
    scans : tuple of Scans
        One of each kind.
    quality : Quality or None
    maps : Maps or None
    group : Group or None
    correlations : Correlations or None
        None where no score was named.
    demographics : tuple of Demographics
    constants : mapping of str to object
        Numbers of the method that nobody can set.
    """

    versions: Mapping[str, str]
    measure: Measure = UNKNOWN
    as_published: bool = False
    scans: tuple[Scans, ...] = ()
    quality: Quality | None = None
    maps: Maps | None = None
    group: Group | None = None
    correlations: Correlations | None = None
    demographics: tuple[Demographics, ...] = ()
    constants: Mapping[str, Any] = field(default_factory=dict)
