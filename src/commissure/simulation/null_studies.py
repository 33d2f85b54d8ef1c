"""Studies without a difference of coupling."""

from dataclasses import dataclass

from commissure.inference import PermutationResult
from commissure.simulation.comparison import ALPHA, compare_groups
from commissure.simulation.effects import Effects
from commissure.simulation.maps import simulate_maps

STATISTICS = ("size", "mass", "tfce")


@dataclass(frozen=True)
class NullStudy:
    """What a null study finds.

    Attributes
    ----------
    found : dict of str to bool
        For each statistic of `STATISTICS`, whether anything is significant, corrected.
    mean_z_difference : float
        Patients minus controls, mean over all places.
    """

    found: dict[str, bool]
    mean_z_difference: float


def null_study(
    seed: int,
    *,
    n_patients: int = 30,
    n_controls: int = 30,
    resolution_mm: int = 8,
    n_permutations: int = 999,
    n_threads: int | None = None,
) -> NullStudy:
    """Take groups that do not differ in coupling from clean series to what is found.

    Parameters
    ----------
    seed, n_patients, n_controls, resolution_mm, n_permutations : int
    n_threads : int, optional
    """
    study = simulate_maps(
        seed,
        n_patients,
        n_controls,
        Effects(0.0),
        resolution_mm=resolution_mm,
        n_threads=n_threads,
    )
    result = compare_groups(
        study,
        n_permutations=n_permutations,
        statistics=STATISTICS,
        seed=seed,
        n_threads=n_threads,
    )
    patient = (study.participants["group"] == "patient").to_numpy()
    mean_z = study.maps.mean(axis=1, dtype="float64")
    return NullStudy(
        found_anything(result), float(mean_z[patient].mean() - mean_z[~patient].mean())
    )


def found_anything(result: PermutationResult) -> dict[str, bool]:
    """Say for each statistic whether anything is significant, corrected."""
    p: dict[str, list[float | None]] = {
        "size": [cluster.p_size for cluster in result.clusters],
        "mass": [cluster.p_mass for cluster in result.clusters],
        "tfce": [] if result.p_tfce is None else [float(result.p_tfce.min())],
    }
    return {name: any(q is not None and q <= ALPHA for q in p[name]) for name in STATISTICS}
