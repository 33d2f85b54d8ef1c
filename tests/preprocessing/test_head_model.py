"""The brain among skull and muscle, on a template with a head put around it."""

from types import SimpleNamespace

import numpy as np
import pytest
from nibabel.affines import apply_affine
from scipy import ndimage

from commissure.preprocessing.brain_mask import dice
from commissure.preprocessing.head_model import refine_brain
from commissure.preprocessing.registration import Image
from commissure.space.templates import load_template

IN_PLACE = SimpleNamespace(to_fixed=lambda points: points)
MUSCLE_AT = (-70.0, -20.0, -10.0)


@pytest.fixture(scope="module")
def head():
    """Return brain, muscle, and a T1w with CSF, bone and muscle around the brain."""
    template = load_template(2)
    brain = template.brain
    away = ndimage.distance_transform_edt(~brain, sampling=2)
    rng = np.random.default_rng(0)
    t1w = np.where(brain, template.t1w, 0).astype(np.float32)
    # As dark as CSF in the template, then bone, then what muscle and scalp look like.
    t1w[(away > 0) & (away <= 6)] = 0.08
    muscle = (away > 6) & (away < 30)
    t1w[muscle] = 0.6
    t1w += rng.normal(0, 0.02, t1w.shape).astype(np.float32)
    places = apply_affine(template.affine, np.argwhere(np.ones(brain.shape)))
    lump = (np.linalg.norm(places - MUSCLE_AT, axis=1) < 20).reshape(brain.shape) & muscle
    return brain, lump, np.maximum(t1w, 0), template.affine


@pytest.mark.parametrize("field", [False, True])
def test_muscle_beside_the_brain_is_none_of_it(head, field):
    brain, lump, t1w, affine = head
    first = brain | lump
    assert lump.sum() > 800
    bias = np.ones_like(t1w)
    if field:
        x, y, z = np.meshgrid(*(np.linspace(-1, 1, n) for n in t1w.shape), indexing="ij")
        bias = np.exp(0.5 * z + 0.3 * x * y - 0.2 * x**2).astype(np.float32)
    found = refine_brain(Image(t1w * bias, affine), np.where(first, t1w, 0), first, IN_PLACE)
    assert dice(found, brain) > 0.985
    assert (found & lump).sum() < 0.05 * lump.sum()
    assert ndimage.label(found)[1] == 1
    left = apply_affine(affine, np.argwhere(found & ~brain))[:, 0] < 0
    assert left.sum() * 0.008 < 10


def test_without_a_skull_the_brain_stays(head):
    brain, _, t1w, affine = head
    alone = np.where(brain, t1w, 0)
    found = refine_brain(Image(alone, affine), alone, brain, IN_PLACE)
    assert dice(found, brain) > 0.985


def test_of_what_is_no_t1w_the_outline_is_kept(head):
    brain, _, t1w, affine = head
    noise = np.random.default_rng(1).random(t1w.shape).astype(np.float32)
    turned = np.where(brain, 0.02, 1).astype(np.float32) * noise
    found = refine_brain(Image(turned, affine), np.where(brain, turned, 0), brain, IN_PLACE)
    assert found is brain or dice(found, brain) >= 0.8
