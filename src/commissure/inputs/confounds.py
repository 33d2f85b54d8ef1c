"""What is regressed out of data that others preprocessed, and how the head moved."""

import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from warnings import catch_warnings, filterwarnings

import numpy as np
import pandas as pd
from nilearn.interfaces.fmriprep import load_confounds, load_confounds_strategy
from numpy.typing import NDArray

from commissure.files.text import write_tsv
from commissure.inputs.confounds_tables import MOTION, motion_table
from commissure.inputs.scan import Scan
from commissure.inputs.spm_motion import (
    JENKINSON,
    POWER,
    centre_of,
    is_spm_motion,
    mean_beside,
    spm_motion,
)
from commissure.preprocessing import (
    framewise_displacement_jenkinson,
    friston24,
    motion_matrices,
)
from commissure.problems import InputError

FRISTON24 = tuple(
    f"{name}{ending}" for ending in ("", "_lag1", "_power2", "_lag1_power2") for name in MOTION
)

# The paper's: 24 motion parameters, white matter, CSF and the whole brain.
DEFAULT_STRATEGY = ("friston24", "wm_csf", "global_signal")

# nilearn's components, and ours; nilearn's tedana reads other files.
COMPONENTS = (
    "friston24",
    "motion6",
    "motion",
    "high_pass",
    "wm_csf",
    "global_signal",
    "compcor",
    "ica_aroma",
    "scrub",
    "non_steady_state",
)
NAMED_STRATEGIES = ("simple", "scrubbing", "compcor", "ica_aroma")
_MODELS = ("basic", "power2", "derivatives", "full")
_OPTIONS: dict[str, tuple[str, ...] | None] = {
    "motion": _MODELS,
    "wm_csf": _MODELS,
    "global_signal": _MODELS,
    "compcor": (
        "anat_combined",
        "anat_separated",
        "temporal",
        "temporal_anat_combined",
        "temporal_anat_separated",
    ),
    "ica_aroma": ("full", "basic"),
    "n_compcor": None,
    "scrub": None,
    "fd_threshold": None,
    "std_dvars_threshold": None,
}
_AROMA = "smoothAROMAnonaggr"


@dataclass(frozen=True, eq=False)
class Confounds:
    """The confounds of a run, of the volumes that are not dropped.

    Attributes
    ----------
    regressors : ndarray of shape (n_volumes, k)
        Finite, not demeaned.
    names : tuple of str
        Of the regressors.
    parameters : ndarray of shape (n_volumes, 6)
        x, y, z (mm) and pitch, roll, yaw (rad).
    fd_power : ndarray of shape (n_volumes,)
        mm, 0 at the first volume.
    fd_jenkinson : ndarray of shape (n_volumes,)
        mm, 0 at the first volume.
    kept : ndarray of bool, shape (n_volumes,)
        False where the strategy (scrub) or a flag (non-steady state) leaves a volume out.
    warnings : tuple of str
    centre : ndarray of shape (3,)
        Of the head, mm, where the parameters are given; else what they turn about: in tables of
        fMRIPrep the middle of the brain, the scanner's origin for those of SPM.
    """

    regressors: NDArray[np.float64]
    names: tuple[str, ...]
    parameters: NDArray[np.float64]
    fd_power: NDArray[np.float64]
    fd_jenkinson: NDArray[np.float64]
    kept: NDArray[np.bool_]
    centre: NDArray[np.float64]
    warnings: tuple[str, ...] = ()

    @property
    def columns(self) -> dict[str, NDArray[np.float64]]:
        """All of it by name, as in a table of confounds."""
        columns = dict(zip(MOTION, self.parameters.T, strict=True))
        columns |= dict(zip(self.names, self.regressors.T, strict=True))
        columns[POWER] = self.fd_power
        columns["framewise_displacement_jenkinson"] = self.fd_jenkinson
        return columns


def read_confounds(
    source: Scan | Path,
    strategy: str | Sequence[str] = DEFAULT_STRATEGY,
    *,
    n_trim: int = 0,
    **options: Any,
) -> Confounds:
    """Read the confounds of a run that others preprocessed.

    Parameters
    ----------
    source : Scan or Path
        Or its table of confounds: ``desc-confounds_timeseries.tsv`` of fMRIPrep (or in its style),
        or ``rp_*.txt`` of SPM and DPABI, whose ``FD_*.txt`` and ``mean*.nii`` are read beside it.
    strategy : str or sequence of str
        Components of `nilearn.interfaces.fmriprep.load_confounds` ("motion", "high_pass",
        "wm_csf", "global_signal", "compcor", "ica_aroma", "scrub"), and "friston24": R(t), R(t-1)
        and their squares as in `friston24`, or "motion6": R(t). Or the name of one of nilearn's
        strategies ("simple", "scrubbing", "compcor", "ica_aroma").
    n_trim : int
        Volumes that are dropped: the first lagged row is that of the first kept volume.
    **options
        nilearn's: motion, wm_csf, global_signal, compcor, n_compcor, ica_aroma, scrub,
        fd_threshold, std_dvars_threshold.

    Raises
    ------
    InputError
        If there is no table, it lacks what the strategy needs, or has gaps there.

    Notes
    -----
    Derivatives and squares that a table lacks are made from its columns, as fMRIPrep makes them.
    The framewise displacement (Power) is the table's, else made from the parameters; Jenkinson's
    is the table's (fMRIPrep's ``rmsd``), DPABI's file, or about the middle of the mean image; else
    that of a sphere about the origin that the parameters refer to.
    """
    path = source.confounds if isinstance(source, Scan) else source
    if path is None:
        msg = f"{source.name} has no table of confounds. Give one, or take data that need none."
        raise InputError(msg)
    problems = strategy_problems(strategy, options)
    if problems:
        raise InputError(problems)
    is_rp = is_spm_motion(path)
    mean = mean_beside(path) if is_rp else None
    centre = np.zeros(3) if mean is None else centre_of(mean)
    table = spm_motion(path, mean, centre) if is_rp else motion_table(path)
    table = table.iloc[n_trim:].reset_index(drop=True)
    if len(table) < 2:
        msg = f"{path} has too few rows for {n_trim} volumes to be dropped. Drop fewer."
        raise InputError(msg)
    parameters = table[list(MOTION)].to_numpy(np.float64)
    chosen, kept = _chosen(path, table, strategy, options, _is_aroma(source))
    regressors = chosen.to_numpy(np.float64)
    bad = ~np.isfinite(regressors).all(axis=0)
    if bad.any():
        msg = (
            f"{path} has gaps (n/a) after the first row in {', '.join(chosen.columns[bad])}. Fill "
            "them, or choose a strategy without these."
        )
        raise InputError(msg)
    jenkinson: Any = next((table[name] for name in JENKINSON if name in table), None)
    warnings = []
    if is_rp and mean is None:
        what = "the largest shift and the FD"
        warnings.append(
            f"{path} has no mean*.nii beside it: {what} are measured at the scanner's origin, "
            "not at the head, and may be much too large. Copy it there."
        )
    if jenkinson is None:
        # A sphere about the origin of the parameters: in tables of fMRIPrep, what they turn about.
        jenkinson = framewise_displacement_jenkinson(
            motion_matrices(parameters), np.eye(4), (2, 2, 2)
        )
    return Confounds(
        regressors=regressors,
        names=tuple(chosen.columns),
        parameters=parameters,
        fd_power=_from_first(path, table[POWER]),
        fd_jenkinson=_from_first(path, jenkinson),
        kept=kept,
        centre=centre,
        warnings=tuple(warnings),
    )


def strategy_problems(strategy: str | Sequence[str], options: Mapping[str, Any]) -> list[str]:
    """Say what is wrong with a strategy and its options, before any table is read."""
    problems = []
    if isinstance(strategy, str):
        if strategy not in NAMED_STRATEGIES:
            problems.append(
                f"strategy must be one of {', '.join(NAMED_STRATEGIES)}, or a list of components "
                f'({", ".join(COMPONENTS)}); it is "{strategy}".'
            )
    else:
        problems += [
            f'A strategy is made of {", ".join(COMPONENTS)}; "{name}" is none of them.'
            for name in strategy
            if name not in COMPONENTS
        ]
        if "compcor" in strategy and "high_pass" not in strategy:
            problems.append("compcor needs high_pass in the strategy: fMRIPrep's are filtered.")
        of_motion = [name for name in strategy if name in ("friston24", "motion6", "motion")]
        if len(of_motion) > 1:
            problems.append(f"The strategy has {' and '.join(of_motion)}: choose one of them.")
    for name, value in options.items():
        if name not in _OPTIONS:
            problems.append(f'"{name}" is no option of a strategy: {", ".join(_OPTIONS)}.')
        elif (allowed := _OPTIONS[name]) is not None and value not in allowed:
            problems.append(f'{name} must be one of {", ".join(allowed)}; it is "{value}".')
    return problems


def _chosen(
    path: Path,
    table: pd.DataFrame,
    strategy: str | Sequence[str],
    options: Mapping[str, Any],
    is_aroma: bool,  # noqa: FBT001
) -> tuple[pd.DataFrame, NDArray[np.bool_]]:
    """Return the regressors, and which volumes are kept."""
    if isinstance(strategy, str):
        return _by_nilearn(path, table, strategy, options, is_aroma)
    ours = {"friston24": FRISTON24, "motion6": MOTION, "non_steady_state": ()}
    components = [name for name in strategy if name not in ours]
    if components:
        chosen, kept = _by_nilearn(path, table, components, options, is_aroma)
    else:
        chosen = pd.DataFrame(index=table.index)
        kept = table.filter(like="non_steady_state").sum(axis=1).to_numpy() == 0
    lagged = friston24(table[list(MOTION)].to_numpy(np.float64))
    of_motion = [name for component in strategy for name in ours.get(component, ())]
    if of_motion:
        named = pd.DataFrame(lagged, columns=list(FRISTON24))[of_motion]
        chosen = pd.concat([named, chosen], axis=1)
    return chosen, kept


def _by_nilearn(
    path: Path,
    table: pd.DataFrame,
    strategy: str | list[str],
    options: Mapping[str, Any],
    is_aroma: bool,  # noqa: FBT001
) -> tuple[pd.DataFrame, NDArray[np.bool_]]:
    # nilearn finds the table by the name of an image beside it.
    with tempfile.TemporaryDirectory() as folder:
        stem = Path(folder) / "sub-x_desc-confounds_timeseries"
        write_tsv(stem.with_suffix(".tsv"), table)
        if path.with_suffix(".json").is_file():
            shutil.copyfile(path.with_suffix(".json"), f"{stem}.json")
        image = f"{folder}/sub-x_desc-{_AROMA if is_aroma else 'preproc'}_bold.nii.gz"
        try:
            with catch_warnings():
                # That no volume is kept is for the operator to say, which says what to do.
                filterwarnings("ignore", "All volumes were marked", RuntimeWarning)
                load = load_confounds_strategy if isinstance(strategy, str) else load_confounds
                chosen, sample = load(image, strategy, demean=False, **options)
        except (ValueError, KeyError) as error:
            said = " ".join(str(error).split())
            msg = (
                f"{path} does not have what the strategy needs: {said} Choose other components, "
                "or start from data that have it."
            )
            raise InputError(msg) from error
    kept = np.ones(len(table), np.bool_)
    if sample is not None:
        kept[:] = False
        kept[sample] = True
    return chosen, kept


def _is_aroma(source: Scan | Path) -> bool:
    return isinstance(source, Scan) and f"desc-{_AROMA}" in source.bold.name


def _from_first(path: Path, displacement: Any) -> NDArray[np.float64]:
    """Return framewise displacement, 0 at the first volume, which is compared with none.

    Raises
    ------
    InputError
        If it is missing elsewhere (mean motion would be too small), negative or infinite.
    """
    values = np.array(displacement, np.float64)
    values[0] = 0
    if not (np.isfinite(values) & (values >= 0)).all():
        msg = (
            f"{path} has framewise displacement that is missing, negative or infinite after the "
            "first row. Copy the table again, or remove the column: it is made from the parameters."
        )
        raise InputError(msg)
    return values
