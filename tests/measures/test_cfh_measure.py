"""CFH as a measure: its maps are those of the functions, and its pictures say what they show."""

import numpy as np
import pytest

from commissure.measures import CFH, cfh, noise_floor
from commissure.measures.cfh_measure import CFHSettings, cfh_maps, cfh_maps_of_group
from commissure.render.map import slices_figure


@pytest.fixture
def series(domain):
    rng = np.random.default_rng(8)
    shared = rng.standard_normal((domain.n_places, 3)) @ rng.standard_normal((3, 40))
    return shared + rng.standard_normal((domain.n_places, 40))


def test_maps_are_those_of_the_functions(domain, series):
    settings = CFHSettings(noise_floor=3, noise_floor_seed=5)
    maps, alone = cfh_maps(series, domain, settings), cfh(series, domain)
    floor = noise_floor(series, domain, n_surrogates=3, seed=5).mean_z
    np.testing.assert_array_equal(maps.values["cfh"], alone.z)
    np.testing.assert_array_equal(maps.values["cfhr"], alone.r)
    np.testing.assert_array_equal(maps.values["cfhfloor"], floor)
    has = alone.partner >= 0
    partners = domain.coordinates[alone.partner[has]]
    np.testing.assert_array_equal(maps.values["cfhpartner"][has], partners)
    assert list(maps.values) == [output.stat for output in CFH.outputs]
    assert f"noise floor r = {np.tanh(np.nanmedian(floor)):.2f}" in maps.summary
    assert "noise floor" not in cfh_maps(series, domain, CFHSettings(noise_floor=0)).summary


def test_partners_of_the_group_are_those_of_the_function(domain, series):
    both = [series, series[:, ::-1] + np.random.default_rng(1).standard_normal(series.shape)]
    maps = cfh_maps_of_group(both, domain, CFHSettings(partner="group"))
    for one, alone in zip(maps, cfh(both, domain, partner="group"), strict=True):
        np.testing.assert_array_equal(one.values["cfh"], alone.z)


def test_copied_series_are_told(domain, series):
    series[domain.n_places - 1] = series[0]
    (warning,) = cfh_maps(series, domain, CFHSettings()).warnings
    assert warning.startswith("2 voxels have a partner with the same time series")


def test_a_picture_has_a_row_for_each_map(domain, series):
    values = series[:, 0]
    rows = [(values, "one (mm)", "viridis"), (values, "two", "magma"), (values, "x", "magma")]
    figure = slices_figure(rows, domain, title="sub-01\nwords")
    labels = {ax.get_ylabel() for ax in figure.axes}
    assert {"one (mm)", "two", "x"} <= labels
    assert figure.get_suptitle() == "sub-01\nwords"
