"""Any kind of input, recognised and read to the same `Scan` objects."""

import logging
from collections import defaultdict
from pathlib import Path
from typing import Any, Literal, get_args

from commissure.files.labels import alnum
from commissure.files.text import read_json
from commissure.inputs.bids import read_bids
from commissure.inputs.dpabi import read_dpabi
from commissure.inputs.dpabi_results import read_dpabi_maps
from commissure.inputs.fmriprep import read_fmriprep
from commissure.inputs.folders import subfolders
from commissure.inputs.scan import Scan
from commissure.inputs.selection import Selection, bare
from commissure.inputs.table import read_scan_table
from commissure.problems import InputError

_LOG = logging.getLogger(__name__)

InputKind = Literal["auto", "bids", "fmriprep", "dpabi", "table"]
KINDS: dict[str, str] = {
    "bids": "a raw BIDS dataset: sub-01/func/sub-01_task-rest_bold.nii.gz",
    "fmriprep": "derivatives of fMRIPrep, XCP-D or commissure: sub-01/func/"
    "sub-01_task-rest_space-MNI152NLin6Asym_desc-preproc_bold.nii.gz",
    "dpabi": "a working directory of DPABI or DPARSF: FunImgARWSDCF/Sub_001/*.nii",
    "table": "a .tsv or .csv with the columns participant_id and path",
}
# What each kind can be told besides the selection.
_OPTIONS = {
    "bids": ("tr",),
    "fmriprep": ("space", "desc", "tr", "to_template"),
    "dpabi": ("space", "folder", "measure", "tr"),
    "table": ("space", "tr"),
}


def read_scans(
    input_path: str | Path,
    kind: InputKind = "auto",
    selection: Selection | None = None,
    *,
    n_trim: int = 0,
    slice_timing: bool = True,
    space: str | None = None,
    desc: str | None = None,
    folder: str | None = None,
    measure: str | None = None,
    tr: float | None = None,
    to_template: bool = False,
) -> list[Scan]:
    """Find the runs of an input and check that they can be used; only headers are read.

    Parameters
    ----------
    input_path : path
        A folder, or a table.
    kind : {"auto", "bids", "fmriprep", "dpabi", "table"}
        See `recognise` for ``auto``.
    selection : Selection, optional
    n_trim : int
        Volumes that will be dropped of runs of which none were.
    slice_timing : bool
        Of raw runs: whether slice times are wanted.
    space, desc : str, optional
        See `read_fmriprep`. `space` names the space of DPABI's images and of tables.
    folder, measure : str, optional
        See `read_dpabi`; with a measure, `read_dpabi_maps`.
    tr : float, optional
        Repetition time (s), whatever sidecars and headers say.
    to_template : bool
        See `read_fmriprep`.

    Returns
    -------
    list of Scan
        Their names (`Scan.name`) differ.

    Raises
    ------
    InputError
        With all the problems of the input.
    """
    path, selection = Path(input_path), selection or Selection()
    if kind not in get_args(InputKind):
        msg = f'The kind of input must be one of {", ".join(get_args(InputKind))}; it is "{kind}".'
        raise InputError(msg)
    if kind == "auto":
        kind = recognise(path)
        _LOG.info("%s is taken for %s.", path, KINDS[kind])
    options: dict[str, Any] = {
        "space": space,
        "desc": desc,
        "folder": folder,
        "measure": measure,
        "tr": tr,
        "to_template": to_template or None,
    }
    given = {name: value for name, value in options.items() if value is not None}
    unfit = [name for name in given if name not in _OPTIONS[kind]]
    unfit += ["t1w"] if selection.t1w and kind != "bids" else []
    if unfit:
        msg = (
            f"{', '.join(unfit)} cannot be chosen for {path}, which is {KINDS[kind]}. Leave it out."
        )
        raise InputError(msg)
    if kind == "bids":
        scans = read_bids(path, selection, n_trim=n_trim, slice_timing=slice_timing, **given)
    elif kind == "fmriprep":
        scans = read_fmriprep(path, selection, n_trim=n_trim, **given)
    elif kind == "table":
        scans = read_scan_table(path, selection, n_trim=n_trim, **given)
    elif measure is None:
        scans = read_dpabi(path, selection, **given)
    else:
        given.pop("tr", None)
        scans = read_dpabi_maps(path, given.pop("measure"), selection, **given)
    problems = _same_names(scans)
    if problems:
        raise InputError(problems)
    return scans


def recognise(path: Path) -> Literal["bids", "fmriprep", "dpabi", "table"]:
    """Tell which kind of input this is.

    A file is a table. A folder is DPABI's if there are folders FunImg... in it; derivatives by
    dataset_description.json (DatasetType, or who made it) or, without one, by the names of the
    images; and raw BIDS if it has folders sub-... and is none of these.

    Raises
    ------
    InputError
        If it is none of these.
    """
    if path.is_file():
        if path.suffix.lower() in (".tsv", ".csv", ".txt"):
            return "table"
        raise InputError(_unknown(path, "is no table"))
    if not path.is_dir():
        msg = f"{path} does not exist. Check the path."
        raise InputError(msg)
    names = [folder.name for folder in subfolders(path)]
    subjects = [name for name in names if name.startswith("sub-")]
    if (
        any(name.split("_")[-1].startswith("FunImg") for name in names)
        or "RealignParameter" in names
        or ("Results" in names and not subjects)
    ):
        return "dpabi"
    if not subjects:
        inside = [
            f"{path / name}"
            for name in (*names, *(f"derivatives/{name}" for name in ("fmriprep", "xcp_d")))
            if (path / name / "dataset_description.json").is_file()
        ]
        hint = f" Did you mean {' or '.join(inside)}?" if inside else ""
        raise InputError(_unknown(path, "has no folder sub-... or FunImg...") + hint)
    about = _description(path)
    kind = about.get("DatasetType")
    if kind in ("raw", "derivative"):
        return "fmriprep" if kind == "derivative" else "bids"
    if "PipelineDescription" in about or (not about and _looks_derived(path, subjects)):
        return "fmriprep"
    made_by = about.get("GeneratedBy")
    return "fmriprep" if made_by and _looks_derived(path, subjects) else "bids"


def _unknown(path: Path, why: str) -> str:
    kinds = "; ".join(f"{name}: {looks}" for name, looks in KINDS.items())
    return f"{path} {why}, so it is none of the inputs that can be read. Give one of: {kinds}."


def _description(path: Path) -> dict[str, Any]:
    file = path / "dataset_description.json"
    return read_json(file) if file.exists() else {}


def _looks_derived(path: Path, subjects: list[str]) -> bool:
    """Tell by the first BOLD image there is."""
    for name in subjects:
        for pattern in ("func/*_bold.nii*", "ses-*/func/*_bold.nii*"):
            for image in (path / name).glob(pattern):
                return "_desc-" in image.name or "_space-" in image.name
    return False


def _same_names(scans: list[Scan]) -> list[str]:
    """Say whose files could not be told apart: names that differ in case only are one to some."""
    people: dict[str, dict[str, None]] = defaultdict(dict)
    by_name: dict[str, list[Scan]] = defaultdict(list)
    for scan in scans:
        people[alnum(bare("sub", scan.participant_id)).lower()][scan.participant_id] = None
        by_name[scan.name.lower()].append(scan)
    problems = [
        f"The participants {' and '.join(alike)} would have the same files: their letters and "
        "digits are the same but for case. Rename one."
        for alike in people.values()
        if len(alike) > 1
    ]
    return problems or [
        f"{' and '.join(str(scan.bold) for scan in alike)} would both be called {alike[0].name}. "
        "Leave one out, or tell them apart by participant, session, task or run."
        for alike in by_name.values()
        if len(alike) > 1
    ]
