"""What preprocessing writes of a participant and of a run."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any
from urllib.parse import quote

import nibabel as nib
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from numpy.typing import NDArray

from commissure.files.bids_names import CARRIED, has_midline, of_variant, split_extension
from commissure.files.data_texts import read_data
from commissure.files.labels import alnum
from commissure.files.shared_paths import in_sentence
from commissure.files.text import write_json, write_tsv
from commissure.inputs import Scan
from commissure.inputs.bids_files import BidsFile
from commissure.inputs.sidecars import EFFECTIVE_DF
from commissure.inputs.source_software import OF_COMMISSURE, dataset_name, made_by
from commissure.preprocessing.anatomy import Anatomy
from commissure.preprocessing.clean_preprocessed import template_on
from commissure.preprocessing.motion import motion_parameters
from commissure.preprocessing.recipe import CleanBold, Recipe, VariantSeries
from commissure.preprocessing.registration import grid_points
from commissure.preprocessing.trim import trim_onsets
from commissure.render.quality import carpet_figure, map_figure, motion_figure, outlines_figure
from commissure.space.templates import TEMPLATE_SPACE, analysis_grid, load_template
from commissure.study.participant.domain import grey_mask
from commissure.workspace.versions import generated_by

_REGISTRATION = ("greedy", "niimath")
_LIBRARIES = ("nibabel", "nilearn", "numba", "numpy", "scipy")
_MASK_TYPES = {"mask": "Brain", "greyMask": "ROI"}
_LABELS = {"GM": "grey", "WM": "white", "CSF": "csf"}


def write_anatomy(anatomy: Anatomy, t1w: Path, resolution_mm: int, folder: Path) -> None:
    """Write T1w, tissues and transform in template space, and the picture of the registration.

    Parameters
    ----------
    anatomy : Anatomy
    t1w : Path
        Where it came from; the names are built from it.
    resolution_mm : int
    folder : Path
        Of the participant (and session).
    """
    shape, affine = analysis_grid(resolution_mm)
    places = grid_points(shape, affine)
    found = anatomy.in_template(places)
    stem = split_extension(t1w)[0].removesuffix("_T1w")
    space = f"{stem}_space-{TEMPLATE_SPACE}_res-{resolution_mm}"
    sources = {"Sources": [source_uri(t1w)]}
    _write_image(
        folder / "anat" / f"{space}_desc-preproc_T1w", found["T1w"], affine, "T1w", sources
    )
    for label, tissue in _LABELS.items():
        values = found[tissue].clip(0, 1)
        _write_image(
            folder / "anat" / f"{space}_label-{label}_probseg", values, affine, label, sources
        )
    positions = anatomy.warp.to_moving(places).astype(np.float32)
    name = f"{stem}_from-{TEMPLATE_SPACE}_to-T1w_mode-points_xfm"
    _write_image(folder / "anat" / name, positions, affine, "warp", sources)

    fine_shape, fine = analysis_grid(2)
    fine_found = anatomy.in_template(grid_points(fine_shape, fine))
    image = fine_found["T1w"]
    template = load_template(2)
    outlines = {"template brain": template.brain, "template grey matter": template.grey}
    figure = outlines_figure(image, outlines, fine, f"{stem}: T1w in template space")
    _write_figure(figure, folder / "figures" / f"{stem}_desc-t1wOnTemplate_T1w.png")
    outlines = {f"{tissue} matter": fine_found[tissue] for tissue in ("grey", "white")}
    outlines["CSF"] = fine_found["csf"]
    figure = outlines_figure(image, outlines, fine, f"{stem}: tissues")
    _write_figure(figure, folder / "figures" / f"{stem}_desc-tissues_T1w.png")


def write_run(
    scan: Scan,
    clean: CleanBold,
    anatomy: Anatomy | None,
    recipe: Recipe,
    variants: Mapping[str, Recipe],
    folder: Path,
) -> Path:
    """Write a run's clean series, mask, confounds, transform and pictures.

    Returns
    -------
    Path
        The clean series.
    """
    stem = scan.name
    resolution = round(float(clean.affine[1, 1]))
    space = clean_name(scan, resolution).name.removesuffix("_desc-clean_bold.nii.gz")
    func = folder / "func"
    programs = (*_REGISTRATION, *_LIBRARIES) if scan.is_resampled else _LIBRARIES
    n_discarded = scan.n_to_drop(recipe.n_trim)
    about = {
        "Sources": [
            source_uri(scan.bold),
            *(source_uri(path) for path in (scan.t1w, *scan.template_t1ws) if path),
        ],
        **({"SpaceBefore": scan.space} if scan.template_t1ws else {}),
        "RepetitionTime": scan.tr,
        "InputKind": scan.kind,
        "StepsDoneBefore": sorted(scan.done),
        "NumberOfVolumesDiscardedByUser": n_discarded,
        "Overlaps": clean.overlaps,
        **_distortion(clean),
        "Settings": asdict(recipe),
        "Warnings": [
            in_sentence(said, scan.bold.parent) for said in (*scan.warnings, *clean.warnings)
        ],
        "GeneratedBy": generated_by(*programs),
    }
    carried = {name: scan.metadata[name] for name in CARRIED if name in scan.metadata}
    bold = func / f"{space}_desc-clean_bold.nii.gz"
    of_series = about | carried
    _write_series(bold, clean, clean, recipe, of_series, scan.tr)
    for label, made in clean.variants.items():
        place = of_variant(bold, label)
        _write_series(place, clean, made, variants[label], of_series, scan.tr)
    mask = clean.mask.astype(np.uint8)
    _write_image(func / f"{space}_desc-brain_mask", mask, clean.affine, "mask", about)
    tsnr = np.full(clean.mask.shape, np.nan, np.float32)
    tsnr[clean.mask] = clean.tsnr
    shown = np.nan_to_num(tsnr)
    _write_image(func / f"{space}_stat-tsnr_boldmap", shown, clean.affine, "tsnr", about)
    _write_confounds(clean, func / f"{stem}_desc-confounds_timeseries")
    events = scan.bold.with_name(f"{stem}_events.tsv")
    if scan.kind == "raw" and events.exists():
        table = pd.read_csv(events, sep="\t", na_values=["n/a"])
        table["onset"] = trim_onsets(table["onset"], n_discarded, scan.tr)
        write_tsv(func / f"{stem}_desc-trimmed_events.tsv", table)
    if clean.epi_to_t1w is not None:
        path = func / f"{stem}_from-boldref_to-T1w_mode-points_xfm"
        np.savetxt(path.with_name(f"{path.name}.txt"), clean.epi_to_t1w, fmt="%.9f")
        write_json(path.with_name(f"{path.name}.json"), {"Description": _descriptions()["rigid"]})

    figures = folder / "figures"
    figure = motion_figure(
        motion_parameters(clean.motion, clean.centre),
        clean.confounds["framewise_displacement_jenkinson"],
        clean.confounds["framewise_displacement"],
        ~clean.kept,
        scan.tr,
    )
    _write_figure(figure, figures / f"{stem}_desc-motion_bold.png")
    figure = carpet_figure(
        clean.before, clean.series, clean.tissue, clean.kept, _traces(clean.confounds)
    )
    _write_figure(figure, figures / f"{stem}_desc-carpet_bold.png")
    figure = map_figure(tsnr, clean.affine, f"{stem}: temporal SNR", "tSNR")
    _write_figure(figure, figures / f"{stem}_desc-tsnr_bold.png")
    if not has_midline(scan.clean_space):
        return bold
    template = template_on(clean.mask.shape, clean.affine)
    outlines: dict[str, NDArray[Any]] = {"template brain": template.brain}
    outlines["template grey matter"] = template.grey
    if anatomy is not None:
        found = anatomy.in_template(grid_points(clean.mask.shape, clean.affine))
        outlines = {"T1w's brain": found["brain"], "T1w's white matter": found["white"]}
    title = f"{stem}: EPI in template space"
    figure = outlines_figure(clean.mean, outlines, clean.affine, title)
    what = "epiOnT1w" if anatomy is not None else "epiOnTemplate"
    _write_figure(figure, figures / f"{stem}_desc-{what}_bold.png")
    return bold


def _traces(confounds: Mapping[str, NDArray[np.float64]]) -> dict[str, NDArray[np.float64]]:
    """Return what is drawn above the series."""
    shown = {"FD, Jenkinson (mm)": "framewise_displacement_jenkinson", "DVARS": "dvars"}
    return {
        name: np.asarray(confounds[key], float) for name, key in shown.items() if key in confounds
    }


def clean_name(scan: Scan, resolution_mm: int) -> Path:
    """Return where a run's clean series lie, relative to the output folder.

    Parameters
    ----------
    scan : Scan
    resolution_mm : int
        Of the grid that runs are resampled to which were not in template space.
    """
    space = f"space-{TEMPLATE_SPACE}_res-{resolution_mm}"
    if not scan.is_resampled:
        resolution = BidsFile.of(scan.bold).entities.get("res")
        space = f"space-{alnum(scan.space or 'native')}" + (
            f"_res-{resolution}" if resolution else ""
        )
    return own_folder(scan) / "func" / f"{scan.name}_{space}_desc-clean_bold.nii.gz"


def source_uri(path: Path) -> str:
    """Return the BIDS URI of a file of the input, whose participant's folder names it."""
    parts = path.parts
    at = next((i for i, part in enumerate(parts[:-1]) if part.startswith("sub-")), len(parts) - 1)
    return f"bids:raw:{'/'.join(parts[at:])}"


def own_folder(scan: Scan) -> Path:
    """Return the folder of a scan's participant (and session), relative to the output folder."""
    session = [f"ses-{alnum(scan.session)}"] if scan.session else []
    return Path(own_folder_of(scan.participant_id), *session)


def own_folder_of(participant_id: str) -> str:
    """Return what the folder of a participant is called."""
    return f"sub-{alnum(participant_id.removeprefix('sub-'))}"


def write_grey_mask(resolution_mm: int, threshold: float, folder: Path) -> None:
    """Write where the template's grey matter prior exceeds a threshold: the mask of CFH."""
    shape, affine = analysis_grid(resolution_mm)
    name = f"space-{TEMPLATE_SPACE}_res-{resolution_mm}_label-GM_mask"
    mask = np.asarray(grey_mask(shape, affine, threshold).dataobj)
    about = {"Threshold": threshold, "Sources": []}
    _write_image(folder / name, mask, affine, "greyMask", about)


def write_dataset_description(out_dir: Path, bids_dir: Path) -> None:
    """Write what BIDS wants to know of a derivative dataset.

    The source is called by the name of its folder: where that lies is not told.
    """
    source, name = f"file:{quote(bids_dir.resolve().name)}", dataset_name(bids_dir)
    write_json(
        out_dir / "dataset_description.json",
        {
            "Name": f"{name}{OF_COMMISSURE}" if name else OF_COMMISSURE.strip(" ()"),
            "BIDSVersion": "1.10.0",
            "DatasetType": "derivative",
            "GeneratedBy": [*generated_by(), *made_by(bids_dir)],
            "SourceDatasets": [{"URL": source}],
            "DatasetLinks": {"raw": source},
        },
    )


def _write_series(
    path: Path,
    run: CleanBold,
    made: CleanBold | VariantSeries,
    recipe: Recipe,
    about: dict[str, Any],
    tr: float,
) -> None:
    """Write clean series at the voxels of a run's mask, and what is their own in the sidecar."""
    series = np.zeros((*run.mask.shape, made.series.shape[1]), np.float32)
    series[run.mask] = made.series
    own = {
        EFFECTIVE_DF: made.effective_df,
        "NominalDegreesOfFreedom": made.nominal_df,
        "NumberOfVolumes": made.series.shape[1],
        "VolumesCensored": np.flatnonzero(~made.kept).tolist(),
        "Settings": asdict(recipe),
    }
    place = path.with_name(path.name.removesuffix(".nii.gz"))
    _write_image(place, series, run.affine, "bold", about | own, tr)


def _distortion(clean: CleanBold) -> dict[str, float]:
    """Return the mean shift by distortion that was corrected, mm, where it was looked for."""
    shifted = clean.checks["epi"].shifted if "epi" in clean.checks else None
    return {} if shifted is None else {"ShiftsByDistortion": shifted}


def _write_confounds(clean: CleanBold, stem: Path) -> None:
    table = pd.DataFrame(clean.confounds)
    write_tsv(stem.with_name(f"{stem.name}.tsv"), table, "%.10g")
    described = {
        name: {"Description": _descriptions()[name]} for name in table if name in _descriptions()
    }
    write_json(stem.with_name(f"{stem.name}.json"), described)


def _write_image(
    stem: Path,
    values: NDArray[Any],
    affine: NDArray[np.float64],
    what: str,
    about: dict[str, Any],
    tr: float | None = None,
) -> Path:
    stem.parent.mkdir(parents=True, exist_ok=True)
    img = nib.Nifti1Image(values, affine)
    # 4: coordinates of a template
    img.set_sform(affine, 4)
    img.set_qform(affine, 4)
    img.header.set_xyzt_units("mm", "sec")
    if tr is not None:
        img.header.set_zooms((*img.header.get_zooms()[:3], tr))
    path = stem.with_name(f"{stem.name}.nii.gz")
    nib.save(img, path)
    described = {"Description": _descriptions()[what], **_required(what, affine), **about}
    write_json(stem.with_name(f"{stem.name}.json"), described)
    return path


def _required(what: str, affine: NDArray[np.float64]) -> dict[str, Any]:
    """Return what BIDS requires of sidecars of images in template space."""
    size = float(affine[1, 1])
    required: dict[str, Any] = {
        "Resolution": f"Voxels of {size:g} mm on the template's analysis grid.",
        "SpatialReference": {"VolumeReference": TEMPLATE_SPACE},
    }
    if what in ("bold", "T1w"):
        required["SkullStripped"] = True
    if what in _MASK_TYPES:
        required["Type"] = _MASK_TYPES[what]
    return required


def _write_figure(figure: Figure, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, facecolor=figure.get_facecolor())


def _descriptions() -> dict[str, str]:
    return dict(json.loads(read_data("files", "preprocess_outputs.json")))
