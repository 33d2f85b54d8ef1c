"""Time, memory and error of the anatomy steps on synthetic heads of reference size.

Run: python benchmarks/anatomy.py [seed ...]
"""

import resource
import sys
import time

import numpy as np
from nibabel.affines import apply_affine
from tests.preprocessing.heads import make_head, points_of, rigid

from commissure.preprocessing.bias import correct_bias
from commissure.preprocessing.brain_mask import dice, epi_brain_mask, t1w_brain_mask
from commissure.preprocessing.epi import (
    epi_t1w_overlap,
    register_epi_to_t1w,
    register_template_to_epi,
)
from commissure.preprocessing.registration import Image, grid_points, register_deformable
from commissure.preprocessing.resampling import resample_series
from commissure.preprocessing.segmentation import TISSUES, segment, tissue_priors
from commissure.space.templates import analysis_grid, load_template

N_VOLUMES = 230
EPI_SHAPE = (64, 64, 35)
EPI_AFFINE = rigid((15, 3, -4), (0, 0, 0)) @ np.diag([3.75, 3.75, 4.0, 1.0])
EPI_AFFINE[:3, 3] = (0, -20, 10) - EPI_AFFINE[:3, :3] @ (np.array(EPI_SHAPE) / 2)


def millimetres(error):
    size = np.linalg.norm(error, axis=-1)
    return f"mean {size.mean():.2f} mm, p95 {np.percentile(size, 95):.2f} mm"


class Steps:
    """A line a step: its time, and what came of it."""

    def __init__(self):
        self.total = 0.0

    def __call__(self, name, function, *arguments, **options):
        start = time.perf_counter()
        result = function(*arguments, **options)
        self.seconds = time.perf_counter() - start
        self.total += self.seconds
        self.name = name
        return result

    def say(self, outcome):
        print(f"{self.name:<28}{self.seconds:7.1f} s  {outcome}", flush=True)


def measure(seed):
    rng = np.random.default_rng(seed)
    head = make_head(seed, resolution=1.0)
    t1w = Image(head.t1w, head.affine)
    position = rigid(rng.uniform(-4, 4, 3), rng.uniform(-6, 6, 3))
    epi = Image(head.epi(EPI_SHAPE, EPI_AFFINE, position, rng), EPI_AFFINE)
    template = load_template(2)
    brain = points_of(template.brain.shape, template.affine)[template.brain]
    truth = np.where(head.tissues.sum(-1) > 0.5, head.tissues.argmax(-1), -1)
    step = Steps()
    print(f"Head {seed}")

    mask, matrix = step("brain mask", t1w_brain_mask, t1w)
    step.say(f"Dice {dice(mask, truth >= 0):.3f}")
    corrected = Image(step("bias", correct_bias, t1w, mask), t1w.affine)
    white = (truth == 2) & mask
    before, after = (v[white].std() / v[white].mean() for v in (t1w.data, corrected.data))
    step.say(f"variation of white matter {before:.3f} -> {after:.3f}")
    fixed = Image(template.t1w, template.affine)
    warp = step("T1w to template", register_deformable, fixed, corrected, matrix)
    step.say(millimetres(head.in_template(warp.to_moving(brain)) - brain))
    priors = step("priors", tissue_priors, warp, corrected, mask)
    step.say("")
    tissues = step("segmentation", segment, corrected.data, mask, priors)
    found = np.where(mask, tissues.argmax(-1), -1)
    scores = (f"{t} {dice(found == k, truth == k):.3f}" for k, t in enumerate(TISSUES))
    step.say("Dice " + ", ".join(scores))
    rigid_matrix = step("EPI to T1w", register_epi_to_t1w, epi, corrected)
    points = points_of(EPI_SHAPE, EPI_AFFINE)[epi_brain_mask(epi)]
    overlap = epi_t1w_overlap(epi, rigid_matrix, Image(mask, t1w.affine))
    error = apply_affine(rigid_matrix, points) - apply_affine(position, points)
    step.say(f"{millimetres(error)}, overlap {overlap:.3f}")

    series = epi.data[..., None] + rng.standard_normal((*EPI_SHAPE, N_VOLUMES), dtype=np.float32)
    motion = np.stack(
        [rigid(rng.normal(0, 0.2, 3), rng.normal(0, 0.2, 3)) for _ in range(N_VOLUMES)]
    )
    places = warp.to_moving(grid_points(*analysis_grid(3))).reshape(-1, 3)
    places = apply_affine(np.linalg.inv(rigid_matrix), places)
    result = step("resampling", resample_series, series, EPI_AFFINE, places, motion)
    step.say(f"{result.covered.mean():.2f} of the grid covered")
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    children = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1e6
    print(f"{'all':<28}{step.total:7.1f} s  peak {own:.1f} GB, programs {children:.1f} GB")

    straight = step("EPI without T1w", register_template_to_epi, epi)
    found = apply_affine(position, straight.to_moving(brain))
    step.say(millimetres(head.in_template(found) - brain))


if __name__ == "__main__":
    for seed in map(int, sys.argv[1:] or ["1", "2"]):
        measure(seed)
