"""Cross-validated CFH: 0 without coupling, and the planted r at the partners found."""

import numpy as np
import pytest

from commissure.measures import CFHCV, cross_validated_cfh
from commissure.measures import random_halves as room
from commissure.problems import InputError
from tests.measures.test_cfh import two_columns

N = 150


def planted(n_volumes, rho, seed):
    """Return series whose places of either side correlate with one of the other by rho."""
    rng = np.random.default_rng(seed)
    shared = rng.standard_normal((N, n_volumes))
    own = rng.standard_normal((2, N, n_volumes))
    return np.concatenate(list(np.sqrt(rho) * shared + np.sqrt(1 - rho) * own))


def bias(n_volumes, rho, monkeypatch, n_scans=12):
    """Return the mean difference from the truth at the partners found, of each scan."""
    domain = two_columns(N, N)
    mine = np.arange(2 * N)
    truth = []

    def watched(*series, **about):
        found = cross_validated_cfh(*series, **about)
        both = np.array([found.first_partner, found.second_partner])
        truth.append(np.where(both == (mine + N) % (2 * N), rho, 0).mean())
        return found

    monkeypatch.setattr(room, "cross_validated_cfh", watched)
    found = []
    for seed in range(n_scans):
        truth.clear()
        maps = CFHCV.of_scan(planted(n_volumes, rho, seed), domain, CFHCV.settings(), 1)
        found.append(np.tanh(maps.values["cfhcv"]).mean() - np.mean(truth))
    return np.array(found)


@pytest.mark.parametrize("n_volumes", [100, 220])
def test_without_coupling_it_is_0(n_volumes, monkeypatch):
    found = bias(n_volumes, 0.0, monkeypatch)
    assert abs(found.mean()) < 3 * found.std(ddof=1) / np.sqrt(len(found))


@pytest.mark.parametrize(("n_volumes", "limit"), [(100, 0.02), (220, 0.01)])
@pytest.mark.parametrize("rho", [0.3, 0.6])
def test_it_is_the_truth_at_the_partner_found(n_volumes, limit, rho, monkeypatch):
    assert abs(bias(n_volumes, rho, monkeypatch).mean()) <= limit


def test_too_few_dimensions_are_refused():
    domain = two_columns(N, N)
    with pytest.raises(InputError, match="span 4 dimensions of time"):
        CFHCV.of_scan(planted(5, 0.3, 0), domain, CFHCV.settings(), 1)


def test_fewer_places_than_dimensions_are_refused():
    domain = two_columns(N, N)
    with pytest.raises(InputError, match="needs more places than that"):
        CFHCV.of_scan(planted(400, 0.3, 0), domain, CFHCV.settings(), 1)
