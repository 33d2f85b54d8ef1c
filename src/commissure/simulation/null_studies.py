"""How often is something found where there is nothing, with motion alike or unlike in the groups?"""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from commissure.inference import PermutationResult
from commissure.measures import cfh
from commissure.preprocessing import (
    apply_operator,
    cleaning_operator,
    effective_degrees_of_freedom,
    framewise_displacement_jenkinson,
    friston24,
    kept_volumes,
    motion_parameters,
)
from commissure.simulation.acquisition import Acquisition
from commissure.simulation.clean import N_TRIM, pass_band_waves
from commissure.simulation.comparison import ALPHA, compare_groups
from commissure.simulation.effects import Effects
from commissure.simulation.forward import Forward, forward_model
from commissure.simulation.maps import MapStudy, participants_table
from commissure.simulation.motion import draw_severity, motion_matrices
from commissure.simulation.people import Person, draw_people
from commissure.simulation.sources import NEURAL_BAND_HZ

# As the rules of quality have it.
LEAST_VOLUMES = 100
STATISTICS = ("size", "mass", "tfce")
# Of the sphere that framewise displacement is measured on.
_SHAPE, _AFFINE = (64, 64, 36), np.diag([3.75, 3.75, 4.0, 1.0])


@dataclass(frozen=True)
class MotionDesign:
    """How motion acts on a null study.

    Attributes
    ----------
    patients_move : float
        How much more patients move than controls.
    censor_mm : float, optional
        Volumes with a larger framewise displacement (Jenkinson) are left out.
    artefact : float
        Standard deviation that a displacement of 1 mm adds to the noise of its volume, in units of
        that noise.
    matched : bool
        Whether all scans keep as few volumes as the one that keeps fewest.
    covariate : bool
        Whether mean framewise displacement is a covariate.
    """

    patients_move: float = 1.0
    censor_mm: float | None = None
    artefact: float = 0.0
    matched: bool = False
    covariate: bool = False


@dataclass(frozen=True)
class NullStudy:
    """What a null study finds.

    Attributes
    ----------
    found : dict of str to bool
        For each statistic of `STATISTICS`, whether anything is significant, corrected.
    mean_z_difference : float
        Patients minus controls, mean over all places.
    degrees_of_freedom : tuple of float
        Means of patients and of controls.
    n_included : tuple of int
        Patients and controls who keep enough volumes.
    """

    found: dict[str, bool]
    mean_z_difference: float
    degrees_of_freedom: tuple[float, float]
    n_included: tuple[int, int]


def null_study(
    seed: int,
    design: MotionDesign | None = None,
    *,
    n_patients: int = 30,
    n_controls: int = 30,
    resolution_mm: int = 8,
    n_permutations: int = 999,
    n_threads: int | None = None,
) -> NullStudy:
    """Take groups that do not differ in coupling from clean series to what is found.

    Each person's motion gives regressors and volumes to leave out, which with the band-pass are
    one operator on the series of the kept volumes, as in preprocessing.
    """
    design = design or MotionDesign()
    _, people = draw_people(seed, n_patients, n_controls, Effects(0.0))
    forward = forward_model(resolution_mm)
    runs = [run for run in (_Run.of(person, design) for person in people) if run.included]
    fewest = min(run.kept.sum() for run in runs)
    maps, freedom = [], []
    for run in runs:
        operator = cleaning_operator(
            friston24(motion_parameters(run.motion)),
            tr=Acquisition().tr,
            low=NEURAL_BAND_HZ[0],
            high=NEURAL_BAND_HZ[1],
            kept=_fewer(run.kept, fewest) if design.matched else run.kept,
        )
        noise_sd = 1 + design.artefact * run.displacement
        series = _uncleaned(run.person, forward, noise_sd, n_threads)
        clean = apply_operator(series, operator, n_threads=n_threads)
        maps.append(cfh(clean, forward.domain, n_threads=n_threads).z)
        freedom.append(effective_degrees_of_freedom(operator))
    sides = forward.domain.hemisphere != 0
    study = MapStudy(
        np.stack(maps)[:, sides],
        participants_table([run.person for run in runs]),
        forward.domain.restrict(sides),
        [run.person for run in runs],
        forward,
    )
    mean_fd = np.array([run.displacement.mean() for run in runs])
    result = compare_groups(
        study,
        n_permutations=n_permutations,
        statistics=STATISTICS,
        extra={"mean_fd": mean_fd} if design.covariate else None,
        seed=seed,
        n_threads=n_threads,
    )
    patient = (study.participants["group"] == "patient").to_numpy()
    mean_z = study.maps.mean(axis=1, dtype=np.float64)
    return NullStudy(
        found_anything(result),
        float(mean_z[patient].mean() - mean_z[~patient].mean()),
        (float(np.mean(freedom, where=patient)), float(np.mean(freedom, where=~patient))),
        (int(patient.sum()), int((~patient).sum())),
    )


def found_anything(result: PermutationResult) -> dict[str, bool]:
    """Say for each statistic whether anything is significant, corrected."""
    p = {
        "size": [cluster.p_size for cluster in result.clusters],
        "mass": [cluster.p_mass for cluster in result.clusters],
        "tfce": [] if result.p_tfce is None else [float(result.p_tfce.min())],
    }
    return {name: any(q is not None and q < ALPHA for q in p[name]) for name in STATISTICS}


@dataclass(frozen=True, eq=False)
class _Run:
    """How a person moves, and which volumes are kept."""

    person: Person
    motion: NDArray[np.float64]
    displacement: NDArray[np.float64]
    kept: NDArray[np.bool_]

    @classmethod
    def of(cls, person: Person, design: MotionDesign) -> Self:
        rng = np.random.default_rng(person.seed.spawn(1)[0])
        more = design.patients_move if person.row["group"] == "patient" else 1.0
        severity = more * draw_severity(rng)
        n_volumes = Acquisition().n_volumes - N_TRIM
        middle = (_AFFINE @ np.append(np.array(_SHAPE) / 2 - 1, 1))[:3]
        motion = motion_matrices(rng, n_volumes, middle, severity=severity)
        displacement = framewise_displacement_jenkinson(motion, _AFFINE, _SHAPE)
        kept = np.ones(n_volumes, bool)
        if design.censor_mm is not None:
            kept = kept_volumes(displacement, design.censor_mm)
        return cls(person, motion, displacement, kept)

    @property
    def included(self) -> bool:
        return bool(self.kept.sum() >= LEAST_VOLUMES)


def _fewer(kept: NDArray[np.bool_], n: int) -> NDArray[np.bool_]:
    """Leave out further volumes, spread evenly over those that are kept."""
    volumes = np.flatnonzero(kept)
    chosen = np.zeros(len(kept), bool)
    chosen[volumes[np.linspace(0, len(volumes) - 1, n).round().astype(int)]] = True
    return chosen


def _uncleaned(
    person: Person, forward: Forward, noise_sd: NDArray[np.float64], n_threads: int | None
) -> NDArray[np.float32]:
    """Draw series whose activity lies in the pass band, with white noise that varies in size."""
    rng = np.random.default_rng(person.seed)
    waves = pass_band_waves(len(noise_sd), Acquisition().tr)
    loadings = forward.loadings(person.coupling)
    sources = loadings @ rng.standard_normal((loadings.shape[1], len(waves))) @ waves
    noise = forward.draw_noise(rng, len(noise_sd), n_threads)
    series: NDArray[np.float32] = forward.weights @ sources.astype(np.float32)
    series += noise * noise_sd.astype(np.float32)
    return series
