"""What is regressed out of data that others preprocessed, and how the head moved."""

import re
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

from commissure.files.images import load_image, read_volumes
from commissure.files.text import write_tsv
from commissure.inputs.confounds_tables import read_confounds_table, read_numbers
from commissure.inputs.scan import Scan
from commissure.preprocessing import (
    framewise_displacement_jenkinson,
    framewise_displacement_power,
    friston24,
    motion_matrices,
)
from commissure.preprocessing.brain_mask import head_centre
from commissure.preprocessing.registration import Image
from commissure.problems import InputError

MOTION = ("trans_x", "trans_y", "trans_z", "rot_x", "rot_y", "rot_z")
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
# fMRIPrep before 1.2 wrote names in camel case; nilearn refuses tables with any.
_BEFORE_1_2 = {
    "X": "trans_x",
    "Y": "trans_y",
    "Z": "trans_z",
    "RotX": "rot_x",
    "RotY": "rot_y",
    "RotZ": "rot_z",
    "CSF": "csf",
    "WhiteMatter": "white_matter",
    "GlobalSignal": "global_signal",
    "FramewiseDisplacement": "framewise_displacement",
    "stdDVARS": "std_dvars",
}
# mm.
_LARGEST_SHIFT = 1000
_AROMA = "smoothAROMAnonaggr"
# fMRIPrep's rmsd is MCFLIRT's, after Jenkinson.
_JENKINSON = ("framewise_displacement_jenkinson", "rmsd")
_RP = re.compile(r"(S\d+_)?rp.*\.txt")


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
        columns["framewise_displacement"] = self.fd_power
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
    is_rp = _RP.fullmatch(path.name) is not None
    table = _realignment(path) if is_rp else _table(path)
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
    jenkinson: Any = next((table[name] for name in _JENKINSON if name in table), None)
    mean = _mean_beside(path) if is_rp else None
    warnings = []
    if is_rp and mean is None:
        what = "the largest shift" + " and the FD (Jenkinson)" * (jenkinson is None)
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
        fd_power=_from_first(path, table["framewise_displacement"]),
        fd_jenkinson=_from_first(path, jenkinson),
        kept=kept,
        centre=np.zeros(3) if mean is None else _centre(mean),
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


def _table(path: Path) -> pd.DataFrame:
    """Read a table of confounds, completed by what can be made from its columns."""
    table = read_confounds_table(path)
    if "RotX" in table:
        # Components and cosines have other names and makers since.
        table = table[[name for name in _BEFORE_1_2 if name in table]].rename(columns=_BEFORE_1_2)
    missing = [name for name in MOTION if name not in table]
    if missing:
        msg = (
            f"{path} has no column {', '.join(missing)}, so it is no table of fMRIPrep's kind. "
            "Give the table of the run's confounds."
        )
        raise InputError(msg)
    if not np.isfinite(table[list(MOTION)].to_numpy()).all():
        msg = f"{path} has gaps (n/a) in the motion parameters. Copy it again."
        raise InputError(msg)
    return _completed(path, table)


def _completed(path: Path, table: pd.DataFrame) -> pd.DataFrame:
    """Return a table with what can be made from its columns.

    Raises
    ------
    InputError
        If no head can have moved so.
    """
    shift, turn = (table[list(names)].abs().to_numpy().max() for names in (MOTION[:3], MOTION[3:]))
    if shift > _LARGEST_SHIFT or turn > np.pi:
        msg = (
            f"{path} has shifts of up to {shift:g} mm and rotations of up to {turn:g} rad, as no "
            "head moves. Are they in other units, or in another order? Correct the table."
        )
        raise InputError(msg)
    made = {}
    for name in (*MOTION, "csf", "white_matter", "global_signal"):
        if name in table:
            made[f"{name}_derivative1"] = table[name].diff()
            made[f"{name}_power2"] = table[name] ** 2
            made[f"{name}_derivative1_power2"] = table[name].diff() ** 2
    parameters = table[list(MOTION)].to_numpy(np.float64)
    made["framewise_displacement"] = pd.Series(framewise_displacement_power(parameters))
    new = {name: column for name, column in made.items() if name not in table}
    return pd.concat([table, pd.DataFrame(new)], axis=1)


def _realignment(path: Path) -> pd.DataFrame:
    """Read SPM's parameters, and displacements as DPABI writes them beside."""
    parameters = read_numbers(path, 6)
    table = _completed(path, pd.DataFrame(parameters, columns=list(MOTION)))
    session = (found.group(1) or "") if (found := _RP.fullmatch(path.name)) else ""
    kinds = {"framewise_displacement": "Power", _JENKINSON[0]: "Jenkinson"}
    for column, kind in kinds.items():
        files = sorted(path.parent.glob(f"{session}FD_{kind}_*.txt"))
        if len(files) == 1:
            displacement = read_numbers(files[0], 1)[:, 0]
            if len(displacement) != len(table):
                msg = f"{files[0]} has {len(displacement)} rows and {path} has {len(table)}."
                raise InputError(msg)
            table[column] = displacement
    mean = _mean_beside(path)
    if _JENKINSON[0] not in table and mean is not None:
        img = load_image(mean)
        table[_JENKINSON[0]] = framewise_displacement_jenkinson(
            motion_matrices(parameters), img.affine, img.shape
        )
    return table


def _centre(mean: Path) -> NDArray[np.float64]:
    img = read_volumes(mean, gaps=True)
    return head_centre(Image(np.asarray(img.dataobj, np.float32), img.affine))


def _mean_beside(path: Path) -> Path | None:
    """Return the mean image that SPM wrote beside its parameters."""
    return next(iter(sorted(path.parent.glob("mean*.nii*"))), None)


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
