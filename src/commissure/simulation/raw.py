"""A raw participant: T1w and BOLD as the scanner gives them, and what is true of them."""

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from commissure.simulation.acquisition import Acquisition
from commissure.simulation.anatomy import BRAIN_MIDDLE, T1w, simulate_t1w
from commissure.simulation.bold import make_head, signal_sources, simulate_bold
from commissure.simulation.files import write_image, write_json
from commissure.simulation.motion import draw_severity, motion_matrices
from commissure.simulation.networks import Networks, load_networks
from commissure.simulation.people import Person
from commissure.simulation.sources import Sources
from commissure.simulation.warp import (
    HeadWarp,
    SplineField,
    centred_affine,
    grid_points,
    rigid,
    transform,
)
from commissure.space.templates import TEMPLATE_SPACE, analysis_grid

TRUTH_FOLDER = Path("derivatives", "truth")
_T1W_SIZE_MM = (192, 240, 224)
_WARP_KNOTS_MM = 48.0
_SCANNER = {"MagneticFieldStrength": 3, "Manufacturer": "commissure"}
_ECHO_TIME = 0.03


@dataclass(frozen=True, eq=False)
class Truth:
    """What is known of a simulated participant.

    Attributes
    ----------
    warp : HeadWarp
        Between the T1w and the template.
    bold_to_t1w : ndarray of shape (4, 4)
        From scanner mm at volume 0 of the run to mm of the T1w.
    motion : ndarray of shape (n_volumes, 4, 4)
        Where a point of the head at volume 0 (scanner mm) is at each volume.
    latents : Sources
        What neural activity is made of.
    loadings : ndarray of shape (n_sources, n_latents)
        How much of each latent is in each source of the networks.
    coupling : ndarray of shape (n_networks,)
        Correlations.
    slice_times : ndarray of shape (n_slices,)
    tr : float
    """

    warp: HeadWarp
    bold_to_t1w: NDArray[np.float64]
    motion: NDArray[np.float64]
    latents: Sources
    loadings: NDArray[np.float64]
    coupling: NDArray[np.float64]
    slice_times: NDArray[np.float64]
    tr: float

    def neural_series(
        self, points: NDArray[np.float64], times: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Return the clean activity of grey matter.

        Parameters
        ----------
        points : ndarray of shape (3, n_places)
            Template mm.
        times : ndarray of shape (n_times,)
            Seconds since the start of volume 0.

        Returns
        -------
        ndarray of shape (n_places, n_times)
        """
        # Where sources are and how wide does not depend on the anchors.
        weights = load_networks().weights(points)
        series: NDArray[np.float64] = weights @ (self.loadings @ self.latents.at(times).T)
        return series

    def voxel_to_t1w(self, affine: NDArray[np.float64], volume: int = 0) -> NDArray[np.float64]:
        """Return the matrix from voxels of a volume of the run (stored with `affine`) to T1w mm."""
        back = np.linalg.inv(self.motion[volume])
        matrix: NDArray[np.float64] = self.bold_to_t1w @ back @ affine
        return matrix


def read_truth(out_bids: str | Path, participant_id: str) -> Truth:
    """Read what is known of a participant ("sub-01" or "01") of a simulated raw study."""
    subject = f"sub-{participant_id.removeprefix('sub-')}"
    path = Path(out_bids, TRUTH_FOLDER, subject, "func", f"{subject}_task-rest_truth.npz")
    with np.load(path) as stored:
        field = SplineField(
            stored["warp_coefficients"], stored["warp_origin"], float(stored["warp_spacing"])
        )
        return Truth(
            HeadWarp(field, stored["warp_affine"]),
            stored["bold_to_t1w"],
            stored["motion"],
            Sources(*(stored[f"latents_{part.name}"] for part in fields(Sources))),
            stored["loadings"],
            stored["coupling"],
            stored["slice_times"],
            float(stored["tr"]),
        )


def write_raw_participant(
    out: Path,
    person: Person,
    networks: Networks,
    acquisition: Acquisition,
    *,
    n_threads: int | None = None,
) -> None:
    """Scan a person and write T1w, BOLD and sidecars, and the truth under `TRUTH_FOLDER`.

    Parameters
    ----------
    out : Path
        The dataset.
    person : Person
    networks : Networks
    acquisition : Acquisition
    n_threads : int, optional
    """
    subject = person.row["participant_id"]
    head_rng, t1w_rng, run_rng, bold_rng = np.random.default_rng(person.seed).spawn(4)
    anat, func = out / subject / "anat", out / subject / "func"
    truth_anat, truth_func = (out / TRUTH_FOLDER / subject / kind for kind in ("anat", "func"))
    for folder in (anat, func, truth_anat, truth_func):
        folder.mkdir(parents=True)

    warp, t1w = _scan_head(head_rng, t1w_rng, acquisition.t1w_voxel_size, n_threads)
    write_image(anat / f"{subject}_T1w.nii.gz", t1w.image, t1w.affine)
    write_json(anat / f"{subject}_T1w.json", {"Modality": "MR", **_SCANNER})
    _write_anatomy(truth_anat, subject, t1w, warp)

    truth, affine = plan_run(run_rng, warp, person.coupling, networks, acquisition)
    times = acquisition.tr * np.arange(acquisition.n_volumes)[:, None] + truth.slice_times
    bold = simulate_bold(
        bold_rng,
        make_head(bold_rng, warp, truth.bold_to_t1w, acquisition.matrix, affine),
        signal_sources(bold_rng, truth.latents, truth.loadings, times),
        truth.motion,
        affine,
        tsnr=acquisition.tsnr,
        n_threads=n_threads,
    )
    run = f"{subject}_task-rest"
    write_image(func / f"{run}_bold.nii.gz", bold, affine, tr=acquisition.tr)
    write_json(func / f"{run}_bold.json", _about_bold(acquisition, truth))
    _write_truth(truth_func / f"{run}_truth.npz", truth, warp)


def _scan_head(
    head_rng: np.random.Generator,
    t1w_rng: np.random.Generator,
    voxel_mm: float,
    n_threads: int | None,
) -> tuple[HeadWarp, T1w]:
    """Draw a head, and make its T1w."""
    middle = BRAIN_MIDDLE - (0, 0, 15)
    size = np.array(_T1W_SIZE_MM)
    box = np.array([middle - size / 2, middle + size / 2])
    warp = HeadWarp.random(head_rng, box, _WARP_KNOTS_MM)
    shape = tuple(int(n) for n in np.ceil(size / voxel_mm))
    grid = centred_affine(shape, (voxel_mm,) * 3, middle)
    return warp, simulate_t1w(t1w_rng, warp, shape, grid, n_threads=n_threads)


def _about_bold(acquisition: Acquisition, truth: Truth) -> dict[str, Any]:
    return {
        "TaskName": "rest",
        "RepetitionTime": acquisition.tr,
        "EchoTime": _ECHO_TIME,
        "FlipAngle": 90,
        "SliceTiming": truth.slice_times.tolist(),
        **_SCANNER,
        "Instructions": "Keep your eyes closed and do not fall asleep.",
    }


def _write_truth(path: Path, truth: Truth, warp: HeadWarp) -> None:
    """Write what `read_truth` reads."""
    np.savez(
        path,
        warp_coefficients=warp.field.coefficients,
        warp_origin=warp.field.origin,
        warp_spacing=warp.field.spacing,
        warp_affine=warp.affine,
        bold_to_t1w=truth.bold_to_t1w,
        motion=truth.motion,
        loadings=truth.loadings,
        coupling=truth.coupling,
        slice_times=truth.slice_times,
        tr=truth.tr,
        **{f"latents_{name}": value for name, value in vars(truth.latents).items()},
    )


def plan_run(
    rng: np.random.Generator,
    warp: HeadWarp,
    coupling: NDArray[np.float64],
    networks: Networks,
    acquisition: Acquisition,
) -> tuple[Truth, NDArray[np.float64]]:
    """Draw where the head lies in the run, how it moves and what it does; and the run's affine."""
    bold_to_t1w = rigid(rng.normal(0, 2, 3), rng.normal(0, 3, 3))
    middle = transform(np.linalg.inv(bold_to_t1w), warp.to_t1w(BRAIN_MIDDLE[:, None]))[:, 0]
    tilt = rigid(np.array([-15, 0, 0]) + rng.normal(0, 4, 3), np.zeros(3), middle)
    # Stored from right to left, as scanners do.
    x, y, z = acquisition.voxel_size
    affine = tilt @ centred_affine(acquisition.matrix, (-x, y, z), middle)
    loadings = networks.loadings(coupling)
    truth = Truth(
        warp,
        bold_to_t1w,
        motion_matrices(rng, acquisition.n_volumes, middle, severity=draw_severity(rng)),
        Sources.random(rng, loadings.shape[1]),
        loadings,
        coupling,
        acquisition.slice_times,
        acquisition.tr,
    )
    return truth, affine


def _write_anatomy(folder: Path, subject: str, t1w: T1w, warp: HeadWarp) -> None:
    """Write brain mask and tissues in the T1w's space, and the displacement to it."""
    brain = t1w.tissues.sum(axis=0) > 0.5
    mask_name = f"{subject}_desc-brain_mask.nii.gz"
    write_image(folder / mask_name, brain.astype(np.uint8), t1w.affine)
    for label, share in zip(("GM", "WM", "CSF"), t1w.tissues, strict=True):
        write_image(folder / f"{subject}_label-{label}_probseg.nii.gz", share, t1w.affine, np.uint8)
    shape, affine = analysis_grid()
    template = grid_points(shape, affine)
    displacement = np.moveaxis(warp.to_t1w(template) - template, 0, -1).astype(np.float32)
    name = f"{subject}_from-{TEMPLATE_SPACE}_to-T1w_desc-displacement_xfm.nii.gz"
    write_image(folder / name, displacement, affine)
