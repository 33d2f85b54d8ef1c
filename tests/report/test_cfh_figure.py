import numpy as np

from commissure.render.map import cfh_figure


def test_the_noise_floor_is_told_as_r(domain):
    z = np.arange(domain.n_places) / domain.n_places
    told = [
        cfh_figure(z, z, domain, title="sub-01", floor=floor).get_suptitle()
        for floor in (None, np.where(z > 0.9, np.nan, 0.5))
    ]
    assert "noise floor" not in told[0]
    assert "noise floor r = 0.46" in told[1]
