"""A study with known truth, written as a BIDS dataset."""

import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from numpy.typing import NDArray

import commissure
from commissure.problems import InputError
from commissure.simulation.anatomy import BRAIN_MIDDLE, simulate_t1w
from commissure.simulation.bold import make_head, signal_sources, simulate_bold
from commissure.simulation.motion import motion_matrices
from commissure.simulation.networks import (
    HOMOTOPIC_R,
    N_NETWORKS,
    Sources,
    network_weights,
)
from commissure.simulation.participants import COLUMNS, simulate_participants
from commissure.simulation.warp import (
    SplineField,
    Warp,
    centred_affine,
    grid_points,
    rigid,
    transform,
)

TEMPLATE = "MNI152NLin2009aSym"
TRUTH_FOLDER = Path("derivatives", "truth")
# The box of the 3 mm analysis grid, on which the displacement of the warp is written.
_GRID_SHAPE = (61, 73, 61)
_GRID_AFFINE = nib.affines.from_matvec(np.diag([3.0, 3.0, 3.0]), [-90, -126, -72])
_T1W_SIZE_MM = (192, 240, 224)
_WARP_KNOTS_MM = 48.0
_ECHO_TIME = 0.03


@dataclass(frozen=True)
class Acquisition:
    """How the scans of a study are acquired; by default as in the reference study.

    Attributes
    ----------
    n_volumes : int
    tr : float
        Seconds.
    matrix : tuple of int
        Voxels of a volume along x, y and the slices.
    voxel_size : tuple of float
        mm.
    t1w_voxel_size : float
        mm, isotropic.
    tsnr : float
        Temporal signal-to-noise ratio of the noise in grey matter.
    """

    n_volumes: int = 230
    tr: float = 2.0
    matrix: tuple[int, int, int] = (64, 64, 35)
    voxel_size: tuple[float, float, float] = (3.75, 3.75, 4.0)
    t1w_voxel_size: float = 1.0
    tsnr: float = 80.0

    def __post_init__(self) -> None:
        problems = [
            f"{name} must be greater than 0; it is {value}."
            for name, value in asdict(self).items()
            if not np.all(np.array(value) > 0)
        ]
        if self.n_volumes < 2:
            problems.append(f"n_volumes must be 2 or more; it is {self.n_volumes}.")
        if problems:
            raise InputError(problems)

    @property
    def slice_times(self) -> NDArray[np.float64]:
        """Start of each slice (s), shape (n_slices,): every second slice, then the others."""
        n_slices = self.matrix[2]
        order = np.concatenate([np.arange(0, n_slices, 2), np.arange(1, n_slices, 2)])
        # Rounded as sidecars are, so what is written is what was done.
        return np.round(np.argsort(order) * self.tr / n_slices, 4)


@dataclass(frozen=True, eq=False)
class Truth:
    """What is known of a simulated participant.

    Attributes
    ----------
    warp : Warp
        Between the T1w and the template.
    bold_to_t1w : ndarray of shape (4, 4)
        From scanner mm at volume 0 of the run to mm of the T1w.
    motion : ndarray of shape (n_volumes, 4, 4)
        Where a point of the head at volume 0 (scanner mm) is at each volume.
    neural : Sources
        The left sources of all networks, then the right ones.
    slice_times : ndarray of shape (n_slices,)
    tr : float
    """

    warp: Warp
    bold_to_t1w: NDArray[np.float64]
    motion: NDArray[np.float64]
    neural: Sources
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
        return network_weights(points) @ self.neural.at(times).T

    def voxel_to_t1w(self, affine: NDArray[np.float64], volume: int = 0) -> NDArray[np.float64]:
        """Return the matrix from voxel indices of a volume of the run to mm of the T1w."""
        return self.bold_to_t1w @ np.linalg.inv(self.motion[volume]) @ affine


def simulate_study(
    out_bids: str | Path,
    n_patients: int,
    n_controls: int,
    seed: int,
    *,
    acquisition: Acquisition | None = None,
    n_threads: int | None = None,
) -> Path:
    """Write a raw BIDS dataset whose truth is known in every step.

    Parameters
    ----------
    out_bids : path
        Folder to write; it must be new or empty.
    n_patients, n_controls : int
        At least one participant in all.
    seed : int
        The same seed gives the same bytes.
    acquisition : Acquisition, optional
        Sizes of the scans; as in the reference study by default.
    n_threads : int, optional
        The result does not depend on it.

    Returns
    -------
    Path
        The dataset. ``derivatives/truth`` in it holds, for each participant, brain mask and
        tissue maps in the T1w's space, the displacement from the template to the T1w, and an
        ``.npz`` that `read_truth` reads.

    Raises
    ------
    InputError
        If the folder holds anything, or a number is out of range.
    """
    out = Path(out_bids)
    acquisition = acquisition or Acquisition()
    problems = [
        f"{name} must be 0 or more; it is {value}."
        for name, value in (("n_patients", n_patients), ("n_controls", n_controls), ("seed", seed))
        if value < 0
    ]
    if not problems and n_patients + n_controls == 0:
        problems.append("There is nobody to simulate: n_patients and n_controls are both 0.")
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        problems.append(f"{out} exists and is not an empty folder. Give the name of a new one.")
    if problems:
        raise InputError(problems)
    people_seed, *seeds = np.random.SeedSequence(seed).spawn(1 + n_patients + n_controls)
    people = simulate_participants(np.random.default_rng(people_seed), n_patients, n_controls)
    _write_dataset(out, people, seed)
    for person, own_seed in zip(people, seeds, strict=True):
        _write_participant(
            out, person["participant_id"], np.random.default_rng(own_seed), acquisition, n_threads
        )
    return out


def read_truth(out_bids: str | Path, participant_id: str) -> Truth:
    """Read what is known of a participant ("sub-01" or "01") of a simulated study."""
    subject = f"sub-{participant_id.removeprefix('sub-')}"
    path = Path(out_bids, TRUTH_FOLDER, subject, "func", f"{subject}_task-rest_truth.npz")
    with np.load(path) as stored:
        return Truth(
            Warp(
                SplineField(
                    stored["warp_coefficients"],
                    stored["warp_origin"],
                    float(stored["warp_spacing"]),
                ),
                stored["warp_affine"],
            ),
            stored["bold_to_t1w"],
            stored["motion"],
            Sources(*(stored[f"neural_{field.name}"] for field in fields(Sources))),
            stored["slice_times"],
            float(stored["tr"]),
        )


def _write_dataset(out: Path, people: list[dict[str, Any]], seed: int) -> None:
    software = {"Name": "commissure", "Version": commissure.__version__}
    about = {"BIDSVersion": "1.10.0", "License": "CC0", "GeneratedBy": [software]}
    (out / TRUTH_FOLDER).mkdir(parents=True)
    _write_json(
        out / "dataset_description.json",
        {
            "Name": f"Simulated resting-state study, seed {seed}",
            "DatasetType": "raw",
            "Authors": ["commissure simulate"],
            **about,
        },
    )
    _write_json(
        out / TRUTH_FOLDER / "dataset_description.json",
        {"Name": "Truth of the simulated study", "DatasetType": "derivative", **about},
    )
    (out / "README.md").write_text(
        f"# Simulated resting-state study\n\nNobody was scanned. Made by commissure "
        f"{commissure.__version__} with seed {seed}: heads around the template {TEMPLATE}, "
        "echo-planar runs with motion, slice timing, dropout, drift and noise. What is true of "
        f"each participant is in `{TRUTH_FOLDER.as_posix()}`.\n",
        encoding="utf-8",
    )
    lines = [list(people[0])] + [[str(value) for value in person.values()] for person in people]
    (out / "participants.tsv").write_text(
        "".join("\t".join(line) + "\n" for line in lines), encoding="utf-8"
    )
    _write_json(out / "participants.json", COLUMNS)


def _write_participant(
    out: Path,
    subject: str,
    rng: np.random.Generator,
    acquisition: Acquisition,
    n_threads: int | None,
) -> None:
    head_rng, t1w_rng, run_rng, bold_rng = rng.spawn(4)
    anat, func = out / subject / "anat", out / subject / "func"
    truth_anat, truth_func = (out / TRUTH_FOLDER / subject / kind for kind in ("anat", "func"))
    for folder in (anat, func, truth_anat, truth_func):
        folder.mkdir(parents=True)

    middle = BRAIN_MIDDLE - (0, 0, 15)
    size = np.array(_T1W_SIZE_MM)
    warp = Warp.random(head_rng, np.array([middle - size / 2, middle + size / 2]), _WARP_KNOTS_MM)
    zoom = acquisition.t1w_voxel_size
    shape = tuple(int(n) for n in np.ceil(size / zoom))
    t1w = simulate_t1w(
        t1w_rng, warp, shape, centred_affine(shape, (zoom,) * 3, middle), n_threads=n_threads
    )
    _write_image(anat / f"{subject}_T1w.nii.gz", t1w.image, t1w.affine)
    _write_json(
        anat / f"{subject}_T1w.json",
        {"Modality": "MR", "MagneticFieldStrength": 3, "Manufacturer": "commissure"},
    )
    brain = t1w.tissues.sum(axis=0) > 0.5
    mask_name = f"{subject}_desc-brain_mask.nii.gz"
    _write_image(truth_anat / mask_name, brain.astype(np.uint8), t1w.affine)
    for label, share in zip(("GM", "WM", "CSF"), t1w.tissues, strict=True):
        _write_image(
            truth_anat / f"{subject}_label-{label}_probseg.nii.gz", share, t1w.affine, np.uint8
        )
    template = grid_points(_GRID_SHAPE, _GRID_AFFINE)
    displacement = np.moveaxis(warp.to_t1w(template) - template, 0, -1).astype(np.float32)
    _write_image(
        truth_anat / f"{subject}_from-{TEMPLATE}_to-T1w_desc-displacement_xfm.nii.gz",
        displacement,
        _GRID_AFFINE,
    )

    truth, affine = _plan_run(run_rng, warp, acquisition)
    starts = acquisition.tr * np.arange(acquisition.n_volumes)
    bold = simulate_bold(
        bold_rng,
        make_head(bold_rng, warp, truth.bold_to_t1w, acquisition.matrix, affine),
        signal_sources(bold_rng, truth.neural, starts[:, None] + truth.slice_times),
        truth.motion,
        affine,
        tsnr=acquisition.tsnr,
        n_threads=n_threads,
    )
    run = f"{subject}_task-rest"
    _write_image(func / f"{run}_bold.nii.gz", bold, affine, tr=acquisition.tr)
    _write_json(
        func / f"{run}_bold.json",
        {
            "TaskName": "rest",
            "RepetitionTime": acquisition.tr,
            "EchoTime": _ECHO_TIME,
            "FlipAngle": 90,
            "SliceTiming": truth.slice_times.tolist(),
            "MagneticFieldStrength": 3,
            "Manufacturer": "commissure",
            "Instructions": "Keep your eyes closed and do not fall asleep.",
        },
    )
    np.savez(
        truth_func / f"{run}_truth.npz",
        warp_coefficients=warp.field.coefficients,
        warp_origin=warp.field.origin,
        warp_spacing=warp.field.spacing,
        warp_affine=warp.affine,
        bold_to_t1w=truth.bold_to_t1w,
        motion=truth.motion,
        slice_times=truth.slice_times,
        tr=truth.tr,
        **{f"neural_{name}": value for name, value in vars(truth.neural).items()},
    )


def _plan_run(
    rng: np.random.Generator, warp: Warp, acquisition: Acquisition
) -> tuple[Truth, NDArray[np.float64]]:
    """Draw where the head lies in the run, how it moves and what it does; and the run's affine."""
    bold_to_t1w = rigid(rng.normal(0, 2, 3), rng.normal(0, 3, 3))
    middle = transform(np.linalg.inv(bold_to_t1w), warp.to_t1w(BRAIN_MIDDLE[:, None]))[:, 0]
    tilt = rigid(np.array([-15, 0, 0]) + rng.normal(0, 4, 3), np.zeros(3), middle)
    # Stored from right to left, as scanners do.
    x, y, z = acquisition.voxel_size
    affine = tilt @ centred_affine(acquisition.matrix, (-x, y, z), middle)
    truth = Truth(
        warp,
        bold_to_t1w,
        motion_matrices(rng, acquisition.n_volumes, middle),
        Sources.bilateral(rng, np.linspace(*HOMOTOPIC_R, N_NETWORKS)),
        acquisition.slice_times,
        acquisition.tr,
    )
    return truth, affine


def _write_image(
    path: Path,
    data: NDArray[Any],
    affine: NDArray[np.float64],
    stored_as: type[np.generic] | None = None,
    *,
    tr: float | None = None,
) -> None:
    img = nib.Nifti1Image(data, affine, dtype=stored_as or data.dtype)
    img.set_sform(affine, 1)
    img.set_qform(affine, 1)
    img.header.set_xyzt_units("mm", "sec")
    if tr is not None:
        img.header.set_zooms((*img.header.get_zooms()[:3], tr))
    img.to_filename(path)


def _write_json(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
