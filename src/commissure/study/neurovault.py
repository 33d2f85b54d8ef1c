"""The group's unthresholded maps, with what NeuroVault asks of each."""

import re
import shutil
from pathlib import Path
from typing import Any

import pandas as pd

import commissure
from commissure.files.bids_names import has_midline
from commissure.files.text import read_json, write_json, write_tsv
from commissure.problems import InputError
from commissure.report.reading import read_study
from commissure.workspace.paths import GROUP_FOLDER
from commissure.workspace.places import refuse_strangers
from commissure.workspace.staging import staged

# NeuroVault's letters for kinds of maps, by the label after stat-; others are thresholded or of p.
_KINDS = {"t": "T", "F": "F", "effect": "U", "g": "OTHER", "mean": "OTHER", "onesamplet": "T"}
_STAT = re.compile(r"_stat-([A-Za-z]+)(?:_measure-[A-Za-z0-9]+)?_statmap\.nii\.gz$")


def export_neurovault(out_dir: Path, folder: Path) -> int:
    """Copy maps of a finished study, with tables of what they are; return how many.

    Parameters
    ----------
    out_dir : Path
        Of the study.
    folder : Path
        New or empty. It gets the maps, ``images.tsv`` and ``collection.json``, in the terms of
        NeuroVault's forms.

    Raises
    ------
    InputError
        If the study has no findings, its maps are in no space of MNI, or the folder has other
        files.
    """
    study = read_study(out_dir)
    findings = study.findings
    if findings is None:
        msg = f"{out_dir} has no findings to be shared. Run the group stage first."
        raise InputError(msg)
    if not has_midline(findings.record.get("Space")):
        msg = (
            f"The maps of {out_dir} are in {findings.record.get('Space') or 'no named space'}, and "
            "NeuroVault takes those in MNI space. Share them elsewhere."
        )
        raise InputError(msg)
    refuse_strangers(folder)
    maps = [
        (p, m[1]) for p in sorted((out_dir / GROUP_FOLDER).glob("*")) if (m := _STAT.search(p.name))
    ]
    maps = [(path, stat) for path, stat in maps if stat in _KINDS]
    fwhm = study.settings.get("preprocessing", {}).get("fwhm") if study.made_here else None
    with staged(folder) as new:
        rows = [_row(path, stat, dict(findings.record), fwhm) for path, stat in maps]
        for path, _ in maps:
            shutil.copyfile(path, new / path.name)
        write_tsv(new / "images.tsv", pd.DataFrame(rows))
        write_json(new / "collection.json", _collection(study.name, study.methods))
    return len(maps)


def _row(path: Path, stat: str, record: dict[str, Any], fwhm: float | None) -> dict[str, Any]:
    """Return what NeuroVault asks of a map."""
    about = read_json(path.with_name(path.name.removesuffix(".nii.gz") + ".json"))
    df = about.get("DegreesOfFreedom")
    contrast = str(about.get("Contrast") or f"mean of {about.get('Group', 'all')}")
    return {
        "file": path.name,
        "name": f"{contrast}: {stat}",
        "description": about.get("Description", ""),
        "map_type": _KINDS[stat],
        "modality": "fMRI-BOLD",
        "analysis_level": "G",
        "target_template_image": "GenericMNI",
        "number_of_subjects": about.get("NumberOfScans", record.get("Scans")),
        "contrast_definition": contrast,
        "statistic_parameters": "" if df is None else str(df),
        "smoothing_fwhm": "" if fwhm is None else fwhm,
        "cognitive_paradigm_cogatlas": "rest",
        "is_thresholded": "False",
    }


def _collection(name: str, methods: str) -> dict[str, Any]:
    return {
        "name": name,
        "description": methods,
        "software_package": "commissure",
        "software_version": commissure.__version__,
        "DOI": "",
    }
