"""Studies without a difference of coupling, whose groups may move unlike."""

from dataclasses import dataclass, replace
from functools import cached_property
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
    max_motion,
    motion_parameters,
    nominal_degrees_of_freedom,
)
from commissure.records.runs import Measured, RunKey
from commissure.settings.judging import judge
from commissure.settings.quality import QualityRules
from commissure.simulation.acquisition import Acquisition
from commissure.simulation.clean import N_TRIM, pass_band_waves
from commissure.simulation.comparison import ALPHA, compare_groups
from commissure.simulation.effects import Effects
from commissure.simulation.forward import Forward, forward_model
from commissure.simulation.maps import (
    DEGREES_OF_FREEDOM,
    MapStudy,
    participants_table,
    simulate_maps,
)
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
        Standard deviation of what a displacement of 1 mm does to a volume, in units of neural
        activity: a pattern that is smooth, the same on both sides, and new each time.
    matched : bool
        Whether scans are cut at their end until all have as few effective degrees of freedom as
        the one with the fewest.
    covariate : bool
        Whether mean framewise displacement is a covariate.
    freedom_covariate : bool
        Whether effective degrees of freedom are one.
    rules : bool
        Whether people are left out who move beyond the limits of `QualityRules`.
    """

    patients_move: float = 1.0
    censor_mm: float | None = None
    artefact: float = 0.0
    matched: bool = False
    covariate: bool = False
    freedom_covariate: bool = False
    rules: bool = False


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

    Parameters
    ----------
    seed : int
    design : MotionDesign, optional
        If it is given, people move. Each person's motion gives regressors and volumes to leave
        out, which with the band-pass are one operator on the series, as in preprocessing. If not,
        clean series are drawn as such, all with the same degrees of freedom.
    n_patients, n_controls, resolution_mm, n_permutations : int
    n_threads : int, optional
    """
    if design is None:
        study = simulate_maps(
            seed,
            n_patients,
            n_controls,
            Effects(0.0),
            resolution_mm=resolution_mm,
            n_threads=n_threads,
        )
        freedom = [float(DEGREES_OF_FREEDOM)] * len(study.maps)
        extra: dict[str, NDArray[np.float64]] = {}
    else:
        study, freedom, extra = _study_with_motion(
            seed, design, n_patients, n_controls, resolution_mm, n_threads
        )
    result = compare_groups(
        study,
        n_permutations=n_permutations,
        statistics=STATISTICS,
        extra=extra,
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


def _study_with_motion(
    seed: int,
    design: MotionDesign,
    n_patients: int,
    n_controls: int,
    resolution_mm: int,
    n_threads: int | None,
) -> tuple[MapStudy, list[float], dict[str, NDArray[np.float64]]]:
    """Return a study, each scan's nominal degrees of freedom, and what else is in the model."""
    _, people = draw_people(seed, n_patients, n_controls, Effects(0.0))
    forward = forward_model(resolution_mm)
    runs = [run for run in (_Run.of(person, design) for person in people) if run.included]
    if design.matched:
        fewest = min(nominal_degrees_of_freedom(run.operator) for run in runs)
        runs = [run.cut_to(fewest) for run in runs]
    maps, freedom, effective = [], [], []
    for run in runs:
        operator = run.operator
        series = _uncleaned(run, forward, design.artefact, n_threads)
        clean = apply_operator(series, operator, n_threads=n_threads)
        maps.append(cfh(clean, forward.domain, n_threads=n_threads).z)
        freedom.append(nominal_degrees_of_freedom(operator))
        effective.append(effective_degrees_of_freedom(clean, operator))
    sides = forward.domain.hemisphere != 0
    study = MapStudy(
        np.stack(maps)[:, sides],
        participants_table([run.person for run in runs]),
        forward.domain.restrict(sides),
        [run.person for run in runs],
        forward,
    )
    extra = {}
    if design.covariate:
        extra["mean_fd"] = np.array([run.displacement.mean() for run in runs])
    if design.freedom_covariate:
        extra["effective_df"] = np.array(effective)
    return study, freedom, extra


def found_anything(result: PermutationResult) -> dict[str, bool]:
    """Say for each statistic whether anything is significant, corrected."""
    p: dict[str, list[float | None]] = {
        "size": [cluster.p_size for cluster in result.clusters],
        "mass": [cluster.p_mass for cluster in result.clusters],
        "tfce": [] if result.p_tfce is None else [float(result.p_tfce.min())],
    }
    return {name: any(q is not None and q <= ALPHA for q in p[name]) for name in STATISTICS}


@dataclass(frozen=True, eq=False)
class _Run:
    """How a person moves, and which volumes are kept."""

    person: Person
    motion: NDArray[np.float64]
    displacement: NDArray[np.float64]
    kept: NDArray[np.bool_]
    included: bool

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
        included = bool(kept.sum() >= LEAST_VOLUMES)
        if design.rules:
            who = RunKey(str(person.row["participant_id"]), None, "rest", None)
            shift, angle = max_motion(motion, middle)
            measured = Measured(
                who,
                mean_fd_jenkinson=float(displacement.mean()),
                max_motion=shift,
                max_rotation=angle,
                n_volumes=int(kept.sum()),
            )
            included = judge(measured, QualityRules()).included
        return cls(person, motion, displacement, kept, included)

    @cached_property
    def operator(self) -> NDArray[np.float64]:
        return cleaning_operator(
            friston24(motion_parameters(self.motion)),
            tr=Acquisition().tr,
            low=NEURAL_BAND_HZ[0],
            high=NEURAL_BAND_HZ[1],
            kept=self.kept,
        )

    def cut_to(self, degrees_of_freedom: float) -> Self:
        """Leave out the last volumes, as many as keep at least so many degrees of freedom."""
        kept = np.flatnonzero(self.kept)
        low, high = len(kept) // 2, len(kept)
        shortest = self
        while high - low > 1:
            middle = (low + high) // 2
            shorter = replace(self, kept=np.isin(np.arange(len(self.kept)), kept[:middle]))
            if nominal_degrees_of_freedom(shorter.operator) >= degrees_of_freedom:
                shortest, high = shorter, middle
            else:
                low = middle
        return shortest


def _uncleaned(
    run: _Run, forward: Forward, artefact: float, n_threads: int | None
) -> NDArray[np.float32]:
    """Draw series of activity in the pass band, white noise, and what motion does."""
    rng = np.random.default_rng(run.person.seed)
    n_volumes = len(run.displacement)
    waves = pass_band_waves(n_volumes, Acquisition().tr)
    loadings = forward.loadings(run.person.coupling)
    sources = loadings @ rng.standard_normal((loadings.shape[1], len(waves))) @ waves
    series: NDArray[np.float32] = forward.weights @ sources.astype(np.float32)
    series += forward.draw_noise(rng, n_volumes, n_threads)
    if artefact:
        patterns = _bilateral_patterns(forward)
        amounts = rng.standard_normal((patterns.shape[1], n_volumes)) * run.displacement
        series += (artefact * patterns @ amounts).astype(np.float32)
    return series


def _bilateral_patterns(forward: Forward) -> NDArray[np.float64]:
    """Return smooth patterns that are alike on both sides, shape (n_places, 9).

    Their sum with normal weights has the variance 1 at the average place, and 0 in the mean of
    all grey matter: that the global signal takes away.
    """
    x, y, z = forward.domain.coordinates.T
    x = np.abs(x)
    patterns = np.column_stack([x, y, z, x * y, x * z, y * z, x**2, y**2, z**2])
    patterns -= patterns.mean(axis=0)
    unit: NDArray[np.float64] = patterns / patterns.std(axis=0) / np.sqrt(patterns.shape[1])
    return unit
