"""Images that should be refused and images that should not: how many are, with a T1w.

python -m benchmarks.gate [T1w.nii.gz EPI.nii.gz epi_to_T1w.json]

Synthetic heads of known anatomy, and a real pair if one is given (in the JSON file, `magnet` brings
mm of the T1w to mm of the EPI). Poses, noise, voxels and distortions are random; the seeds were not
looked at when limits were chosen.
"""

import itertools
import json
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from nibabel.affines import apply_affine, voxel_sizes
from scipy.ndimage import gaussian_filter, map_coordinates
from tests.preprocessing.heads import make_head, rigid
from tests.preprocessing.turned import HEADERS, with_header

from benchmarks.measure import table
from benchmarks.preprocessing import load
from commissure.preprocessing.anatomy import Anatomy, prepare_anatomy
from commissure.preprocessing.epi import register_epi_to_t1w
from commissure.preprocessing.orientation import find_orientation
from commissure.preprocessing.placing import place
from commissure.preprocessing.registration import Image, grid_points
from commissure.preprocessing.resampling import resample_image
from commissure.records.runs import Measured, RegistrationCheck, RunKey
from commissure.records.verdicts import Verdict
from commissure.settings.judging import judge
from commissure.settings.quality import QualityRules
from commissure.space.templates import load_template

SEEDS = range(401, 404)
FIELD_MM = np.array([220.0, 230, 150])  # of view
# How many images of each person. Of the first two only the place in the T1w is judged: the search for
# an orientation does not know left from right, and takes most of the time.
_BY_T1W = ("right, by its T1w only", "left and right exchanged")
EACH = {
    "right, by its T1w only": 15,
    "left and right exchanged": 15,
    "another person's T1w": 4,
    "top cut off": 3,
    "right": 10,
    "front to back": 2,
    "upside down": 2,
    "y and z swapped": 2,
}
_TURNED = {"front to back": "RPS", "upside down": "RAI", "y and z swapped": "RSA"}


@dataclass
class Person:
    """Someone's T1w, and a function that makes an EPI in another pose and its place in the T1w."""

    name: str
    anatomy: Anatomy
    epi: Callable[[np.random.Generator], tuple[Image, np.ndarray]]


def people(real: list[str]) -> Iterator[Person]:
    """Give who there is."""
    if real:
        t1w, mean, place = real
        image = load(Path(mean))
        to_t1w = np.linalg.inv(np.array(json.loads(Path(place).read_text())["magnet"]))

        def real_epi(rng):
            pose = rigid(rng.uniform(-20, 20, 3), rng.uniform(-30, 30, 3))
            sizes = np.maximum(voxel_sizes(image.affine), rng.uniform(2.2, 4))
            coarse = _coarser(image, sizes)
            noise = rng.uniform(0, 0.06) * np.percentile(coarse.data, 95)
            data = np.abs(coarse.data + noise * rng.standard_normal(coarse.data.shape))
            moved = Image(data.astype(np.float32), np.linalg.inv(pose) @ coarse.affine)
            return moved, to_t1w @ pose

        yield Person("real", prepare_anatomy(load(Path(t1w)), 1), real_epi)
    for seed in SEEDS:
        head = make_head(seed, 1.5)

        def epi(rng, head=head):
            size = np.array([*[rng.uniform(2.5, 4)] * 2, rng.uniform(2.5, 4)])
            shape = tuple((FIELD_MM / size).astype(int))
            affine = np.diag([*size, 1])
            affine[:3, 3] = np.array([0, -20, 5]) - affine[:3, :3] @ (np.array(shape) / 2)
            pose = rigid(rng.uniform(-20, 20, 3), rng.uniform(-20, 20, 3))
            image = head.epi(shape, affine, pose, rng, noise=rng.uniform(0.01, 0.06))
            return Image(image, affine), pose

        yield Person(str(seed), prepare_anatomy(Image(head.t1w, head.affine), 1, coarse=True), epi)


def _coarser(image: Image, sizes: np.ndarray) -> Image:
    factor = sizes / voxel_sizes(image.affine)
    shape = tuple(np.floor(np.array(image.data.shape) / factor).astype(int))
    affine = image.affine @ np.diag([*factor, 1])
    affine[:3, 3] = apply_affine(image.affine, (factor - 1) / 2)
    smooth = gaussian_filter(image.data, np.sqrt(factor**2 - 1) / 2.355)
    data = resample_image(smooth, image.affine, grid_points(shape, affine))
    return Image(np.asarray(data, np.float32), affine)


def distorted(epi: Image, to_t1w: np.ndarray, person: Person, most_mm: float) -> Image:
    """Shift an EPI along y by up to so much above the sinuses and beside the ears."""
    at = person.anatomy.warp.to_fixed(apply_affine(to_t1w, grid_points(epi.data.shape, epi.affine)))
    shift = np.zeros(epi.data.shape)
    for centre, sign in (((0, 45, -15), 1), ((55, -20, -28), -0.7), ((-55, -20, -28), -0.7)):
        shift += sign * np.exp(-(((at - centre) / 20) ** 2).sum(axis=-1) / 2)
    shift *= most_mm / voxel_sizes(epi.affine)[1]
    where = np.indices(epi.data.shape).astype(float)
    where[1] += shift
    data = map_coordinates(epi.data, where, order=1) * np.clip(1 + np.gradient(shift, axis=1), 0, 2)
    return Image(data.astype(np.float32), epi.affine)


def verdict(epi: Image, anatomy: Anatomy, *, whole: bool = True) -> Verdict:
    """Judge where the program puts an EPI; if not whole, only by the T1w."""
    overlaps, checks = {}, {}
    if whole:
        template = load_template(4)
        places = grid_points(template.brain.shape, template.affine)
        placed = place(epi, anatomy, template, places, shift_axes=(), n_threads=1)
        overlaps, checks = placed.overlaps, placed.checks
    else:
        found = register_epi_to_t1w(epi, anatomy, _Search(epi))
        checks["epi"] = RegistrationCheck("RAS", 0, 0, 0, 1, border=found.border, sides=found.sides)
        checks["t1w"] = anatomy.check
    return judge(Measured(RunKey("sub-01"), overlaps=overlaps, checks=checks), QualityRules())


class _Search:
    """A search for an orientation that is not done unless it is needed."""

    def __init__(self, epi: Image) -> None:
        self.epi = epi

    @cached_property
    def matrix(self) -> np.ndarray:
        return find_orientation(self.epi, 1).matrix


def changed(kind: str, epi: Image, anatomy: Anatomy, others: list[Anatomy], k: int):
    """Return an EPI and a T1w of which one is wrong as its name says."""
    if kind == "left and right exchanged":
        epi = with_header(epi, np.diag([-1.0, 1, 1]))
    elif kind in _TURNED:
        epi = with_header(epi, HEADERS[_TURNED[kind]])
    elif kind == "top cut off":
        brain = np.nonzero((epi.data > epi.data.mean()).any(axis=(0, 1)))[0]
        epi = Image(epi.data[:, :, : brain[0] + (brain[-1] - brain[0]) * 6 // 10], epi.affine)
    elif kind == "another person's T1w":
        anatomy = others[k % len(others)]
    return epi, anatomy


def main(real: list[str]) -> None:
    """Print each verdict, then how many images of each kind are included, noted and excluded."""
    everyone = list(people(real))
    counts: dict[str, np.ndarray] = defaultdict(lambda: np.zeros(3, int))
    for kind, n_each in EACH.items():
        for turn, (n, person) in itertools.product(range(n_each), enumerate(everyone)):
            rng = np.random.default_rng([SEEDS[0], n, turn])
            others = [other.anatomy for other in everyone[n + 1 :] + everyone[:n]]
            epi, to_t1w = person.epi(rng)
            epi = distorted(epi, to_t1w, person, rng.choice([0, 4, 8]))
            image, anatomy = changed(kind, epi, person.anatomy, others, turn)
            found = verdict(image, anatomy, whole=kind not in _BY_T1W)
            counts[kind][2 if not found.included else 1 if found.reasons else 0] += 1
            check = found.measured.checks["epi"]
            print(person.name, kind, f"border {check.border:.3f}", end=" ")
            print(f"sides {check.sides:.1f}:", found.text or "included", flush=True)
    rows = [[kind, *map(str, n)] for kind, n in counts.items()]
    print(table(["image", "included", "noted", "excluded"], rows))


if __name__ == "__main__":
    main(sys.argv[1:])
