"""What is asked of the maps, and how."""

from dataclasses import dataclass, field
from typing import Annotated, Literal

from annotated_types import Ge, Le, Lt, MinLen

from commissure import inference
from commissure.files.labels import label_problem

Seed = Annotated[int, Ge(0), Le(2**63 - 1)]


@dataclass(frozen=True)
class GroupSettings:
    """What is asked of the maps, and how; see `commissure.inference.permutation_test`.

    Attributes
    ----------
    formula : str
        What explains the maps: "group + age + sex", of columns of participants.tsv.
    contrast : str
        What is asked of the formula: "group[patient] - group[control]", or a column, for its slope.
    group : str
        Column of the groups.
    blocks : str, optional
        Column of the exchangeability blocks.
    categorical : tuple of str
        Columns of numbers that are factors, beside those of participants.json.
    numeric : tuple of str
        Columns that have numbers although few of their whole numbers are different, or one of them
        looks like a code of a missing value.
    clinical : tuple of str
        Scores to correlate with the regions.
    within : str, optional
        Level of the group column within which they are.
    clinical_covariates : tuple of str, optional
        What is controlled then; by default the formula's terms but the group.
    correlation : {"pearson", "spearman"}
        Of the partial correlations.
    table1 : tuple of str, optional
        Columns of Table 1; by default those of the formula, then the scores.
    welch : bool
        Whether Table 1 does without equal variances.
    rois : tuple of str
        Regions named beforehand, each tested by itself and correlated with the scores:
        NAME=mask.nii.gz, NAME=sphere:x,y,z,radius (mm) or NAME=label:region of
        the atlas.
    atlas : str, optional
        ``harvard-oxford``, ``none``, or the paths of an image and its labels with a comma between;
        by default the first where it is installed.
    loss_share : float
        Share of the places with data that a scan alone may cost before it is named: with 5 %, a
        slice or two that a field of view cuts off are left to the count of all.
    mean_fd_covariate : bool
        Whether each participant's mean framewise displacement (Jenkinson) joins the formula.
    effective_df_covariate : bool
        Whether the effective degrees of freedom of the series join the formula where those of white
        noise differ, as after censoring or in runs of other lengths: a maximum of correlations is
        the higher the fewer there are.
    subset : dict of str to tuple of str
        To whom the comparison is limited, by levels of columns: ``{site = ["A"]}``.
    laterality : {"none", "symmetric", "any-space"}
        Whether maps less their mirror images are compared, too, as secondary: is what is found on
        one side less on the other? In the space of a symmetric template, or in any: there the
        counterpart of a place lies some millimetres beside its mirror position.
    alpha : float
        Corrected p below which a cluster is significant.
    criterion : {"size", "mass", "tfce", "voxel"}
        By which corrected p: of clusters by their size or mass, or of voxels, after TFCE or as they
        are. It is chosen before the maps are seen; the others are shown beside it.
    space : str, optional
        Space of the maps; by default what their names say.
    n_permutations : int
        The observed labelling among them.
    cluster_forming_p : float
        One-sided p at which places form clusters.
    connectivity : {6, 18, 26}
        Neighbours of a place.
    method : {"freedman-lane", "draper-stoneman"}
        How scans are relabelled; SnPM13 does it by draper-stoneman.
    variance_groups : str
        Whose spread may differ: "auto" (the groups', where the formula has them, each has scans
        enough, and the method is freedman-lane), a column, or "none".
    tail : {"two-sided", "one-sided-each"}
        Whether alpha is for both directions together, or for each.
    statistics : tuple of {"size", "mass", "tfce"}
        What is corrected for beside the largest t.
    pareto_tail : bool
        Whether small p come from a generalised Pareto fitted to the tail of the null.
    dtype : {"float32", "float64"}
        Precision of the permuted maps.
    seed : int
        Of the relabellings.
    """

    formula: str = ""
    contrast: str = ""
    group: str = "group"
    blocks: str | None = None
    categorical: tuple[str, ...] = ()
    numeric: tuple[str, ...] = ()
    clinical: tuple[str, ...] = ()
    within: str | None = None
    clinical_covariates: tuple[str, ...] | None = None
    correlation: Literal["pearson", "spearman"] = "pearson"
    table1: Annotated[tuple[str, ...], MinLen(1)] | None = None
    welch: bool = True
    rois: tuple[str, ...] = ()
    atlas: str | None = None
    loss_share: Annotated[float, Ge(0), Le(1)] = 0.05
    mean_fd_covariate: bool = True
    effective_df_covariate: bool = True
    subset: dict[str, tuple[str, ...]] = field(default_factory=dict)
    laterality: Literal["none", "symmetric", "any-space"] = "none"
    alpha: Annotated[float, Ge(1e-6), Lt(1)] = 0.05
    criterion: inference.Criterion = "size"
    space: str | None = None
    n_permutations: Annotated[int, Ge(2), Le(1_000_000)] = 5000
    cluster_forming_p: Annotated[float, Ge(1e-8), Lt(0.5)] = 0.001
    connectivity: Literal[6, 18, 26] = 18
    method: Literal["freedman-lane", "draper-stoneman"] = "freedman-lane"
    variance_groups: Annotated[str, MinLen(1)] = "auto"
    tail: Literal["two-sided", "one-sided-each"] = "two-sided"
    statistics: tuple[Literal["size", "mass", "tfce"], ...] = ("size", "mass", "tfce")
    pareto_tail: bool = False
    dtype: Literal["float32", "float64"] = "float64"
    seed: Seed = 0


def option_problems(settings: GroupSettings) -> list[str]:
    """Say what is wrong with the settings themselves."""
    problems = inference.option_problems(
        settings.n_permutations,
        settings.cluster_forming_p,
        settings.method,
        settings.tail,
        settings.statistics,
        settings.dtype,
    )
    if settings.criterion not in (*settings.statistics, "voxel"):
        problems.append(
            f"[group] criterion: findings are judged by {settings.criterion}, "
            f"which is not among the statistics ({', '.join(settings.statistics) or 'none'}). Add "
            "it to [group] statistics."
        )
    if settings.space is not None:
        wrong = label_problem("[group] space", settings.space, bids=True)
        problems += [wrong] if wrong else []
    if not 0 < settings.alpha < 1:
        problems.append(f"alpha must be between 0 and 1; it is {settings.alpha}.")
    return problems
