"""How numbers are printed."""

import numpy as np
import pytest

from commissure.render.numbers import (
    fixed,
    interval_text,
    mean_sd_text,
    median_range_text,
    p_equals,
    p_text,
)


@pytest.mark.parametrize(
    ("p", "text"),
    [
        (0.4819, "0.48"),
        (1.0, "1.00"),
        (0.1, "0.10"),
        (0.0496, "0.050"),
        (0.0504, "0.050"),
        (0.0488, "0.049"),
        (0.001, "0.001"),
        (0.00099, "<0.001"),
        (0.0, "<0.001"),
        (np.nan, ""),
    ],
)
def test_p(p, text):
    assert p_text(p) == text


def test_p_in_a_sentence():
    assert p_equals(0.2) == "p = 0.20"
    assert p_equals(1e-9, "q") == "q < 0.001"


def test_fixed():
    assert fixed(-0.001) == "0.00"
    assert fixed(-0.126) == "-0.13"
    assert fixed(np.nan) == ""


def test_summaries_as_the_paper_prints_them():
    assert mean_sd_text(51.07, 6.46) == "51.07 (6.46)"
    assert mean_sd_text(0.05123, 0.02345) == "0.051 (0.023)"
    assert mean_sd_text(5, 0) == "5.00 (0.00)"
    assert median_range_text(3, 2, 6) == "3 (2-6)"
    assert median_range_text(2.5, 1, 10) == "2.5 (1-10)"
    assert median_range_text(-1, -3, 20) == "-1 (-3 to 20)"
    assert median_range_text(100, 100, 100) == "100 (100-100)"
    assert interval_text(-0.1234, 0.5) == "[-0.12, 0.50]"
