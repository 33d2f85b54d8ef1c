"""A participant's anatomy: where the brain is, its tissues, its place in the template."""

from dataclasses import dataclass

import numpy as np
from nibabel.affines import voxel_sizes
from numpy.typing import NDArray
from scipy.ndimage import binary_erosion, distance_transform_edt

from commissure.preprocessing.bias import correct_bias
from commissure.preprocessing.brain_mask import t1w_brain_mask
from commissure.preprocessing.head_model import refine_brain
from commissure.preprocessing.orientation import find_orientation
from commissure.preprocessing.registration import Image, Warp, register_deformable
from commissure.preprocessing.registration_checks import brain_places, check_registration
from commissure.preprocessing.resampling import resample_image
from commissure.preprocessing.segmentation import TISSUES, segment, tissue_priors
from commissure.records.runs import RegistrationCheck
from commissure.space.templates import load_template

# A voxel is surely of a tissue above this, and within it so far from its border.
SURE = 0.9
ERODED_MM = {"white": 2.0, "csf": 1.0}
# Dark places nearer to the mask's edge may be bone or dura, which no T1w tells from CSF.
CSF_FROM_EDGE_MM = 6.0


@dataclass(frozen=True, eq=False)
class Anatomy:
    """What a T1w tells.

    Attributes
    ----------
    t1w : Image
        Brain-extracted, corrected for bias.
    brain : ndarray of bool, shape (x, y, z)
    tissues : ndarray of shape (x, y, z, 3)
        Probabilities, in the order of `commissure.preprocessing.segmentation.TISSUES`.
    warp : Warp
        From the template (fixed) to the T1w (moving).
    check : RegistrationCheck
        Of the warp.
    """

    t1w: Image
    brain: NDArray[np.bool_]
    tissues: NDArray[np.float32]
    warp: Warp
    check: RegistrationCheck

    def in_template(self, points: NDArray[np.float64]) -> dict[str, NDArray[np.float32]]:
        """Return T1w, brain and tissues at points (..., 3) of the template, mm."""
        at = self.warp.to_moving(points)
        affine = self.t1w.affine
        found = {
            "T1w": resample_image(self.t1w.data, affine, at, order=3),
            "brain": resample_image(self.brain, affine, at),
        }
        for k, tissue in enumerate(TISSUES):
            found[tissue] = resample_image(self.tissues[..., k], affine, at)
        return found

    def surely(self, tissue: str, points: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Tell which points (..., 3) of the template, mm, lie well inside "white" or "csf"."""
        voxel = float(np.linalg.norm(self.t1w.affine[:3, 0]))
        inside = self.tissues[..., TISSUES.index(tissue)] > SURE
        core = binary_erosion(inside, iterations=max(1, round(ERODED_MM[tissue] / voxel)))
        if tissue == "csf":
            core &= (
                distance_transform_edt(self.brain, voxel_sizes(self.t1w.affine)) >= CSF_FROM_EDGE_MM
            )
        return resample_image(core, self.t1w.affine, self.warp.to_moving(points)) > 0.5


def prepare_anatomy(t1w: Image, n_threads: int | None = None, *, coarse: bool = False) -> Anatomy:
    """Extract the brain, correct the bias field, register to the template, segment.

    The brain is the template's outline at first, then what is brain by its brightness.

    Parameters
    ----------
    t1w : Image
        With or without the skull.
    n_threads : int, optional
        All cores by default. The result does not depend on it.
    coarse : bool
        Whether registrations leave the finest level out.
    """
    brain, matrix = t1w_brain_mask(t1w, n_threads, coarse=coarse)
    corrected = Image(correct_bias(t1w, brain, n_threads), t1w.affine)
    template = load_template(2)
    warp = register_deformable(
        Image(template.t1w, template.affine),
        corrected,
        matrix,
        levels="60x20x0" if coarse else "100x100x20",
        n_threads=n_threads,
    )
    brain = refine_brain(t1w, corrected.data, brain, warp)
    corrected = Image(correct_bias(t1w, brain, n_threads), t1w.affine)
    tissues = segment(corrected.data, brain, tissue_priors(warp, corrected, brain))
    at, found = warp.to_moving(brain_places()), find_orientation(t1w, n_threads)
    return Anatomy(corrected, brain, tissues, warp, check_registration(t1w, found, at, warp))
