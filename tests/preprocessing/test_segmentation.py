import numpy as np
import pytest

from commissure.preprocessing.brain_mask import dice
from commissure.preprocessing.segmentation import TISSUES, segment
from commissure.space.templates import load_template


@pytest.fixture(scope="module")
def subject():
    """A brain drawn at random from priors that are clearer than the template's, and its T1w."""
    template = load_template(3)
    rng = np.random.default_rng(0)
    mask = template.brain
    priors = np.stack([template.csf, template.grey, template.white], axis=-1)[mask] + 0.01
    priors /= priors.sum(axis=1, keepdims=True)
    sharp = priors**3 / (priors**3).sum(axis=1, keepdims=True)
    truth = (rng.random((len(sharp), 1)) > sharp.cumsum(axis=1)).sum(axis=1)
    t1w = np.zeros(mask.shape, np.float32)
    t1w[mask] = np.array([150, 600, 1000])[truth] + 60 * rng.standard_normal(len(truth))
    return mask, priors, truth, t1w


def test_finds_the_tissues(subject):
    mask, priors, truth, t1w = subject
    found = segment(t1w, mask, priors)
    np.testing.assert_allclose(found[mask].sum(axis=1), 1, atol=1e-5)
    assert not found[~mask].any()
    best = found[mask].argmax(axis=1)
    for k in range(len(TISSUES)):
        by_prior = dice(priors.argmax(axis=1) == k, truth == k)
        assert dice(best == k, truth == k) > max(0.95, by_prior)


def test_brightness_does_not_matter(subject):
    mask, priors, _, t1w = subject
    one, other = segment(t1w, mask, priors), segment(t1w * 37, mask, priors)
    np.testing.assert_allclose(one, other, atol=1e-4)


def test_white_matter_of_little_spread_begins_at_the_half():
    """Grey matter's wide Gaussian takes what is partly white from a narrow one beside it."""
    rng = np.random.default_rng(1)
    mask = np.ones((48, 40, 40), bool)
    share = rng.random((3, mask.size))
    where = rng.random(mask.size)
    # CSF, grey, white; and both between: 0 to 1 from CSF to grey, 1 to 2 from grey to white.
    level = np.select(
        [where < 0.15, where < 0.55, where < 0.8, where < 0.9],
        [0 * share[0], 1 + 0 * share[0], 2 + 0 * share[0], share[1]],
        1 + share[2],
    )
    values = np.interp(level, [0, 1, 2], [0.3, 0.95, 1.35])
    spread = np.interp(level, [0, 1, 2], [0.1, 0.1, 0.01])
    t1w = (values + spread * rng.standard_normal(mask.size)).reshape(mask.shape)
    closeness = np.exp(-((level[:, None] - np.arange(3)) ** 2)) + 0.2
    priors = closeness / closeness.sum(axis=1, keepdims=True)
    found = segment(t1w, mask, priors)[mask].argmax(axis=1)
    between = (level > 1.55) & (level < 1.75)
    assert np.mean(found[between] == 2) > 0.7
    assert np.mean(found[level == 1] == 1) > 0.95
