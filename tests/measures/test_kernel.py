import os
import subprocess
import sys
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numba.core.codegen import get_host_cpu_features

from commissure.measures.kernel import columns_of_tile, cross_maxima, pack
from commissure.measures.register_tile import ROWS

DTYPES = [np.dtype(np.float32), np.dtype(np.float64)]


def packed(series, dtype):
    rows, columns = series
    return pack(rows.astype(dtype), ROWS), pack(columns.astype(dtype), columns_of_tile(dtype))


def maxima(pairs, dtype, **options):
    rows, columns = zip(*(packed(pair, dtype) for pair in pairs), strict=True)
    return cross_maxima(rows, columns, len(pairs[0][0]), len(pairs[0][1]), **options)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@settings(max_examples=60, deadline=None)
@given(
    n_rows=st.integers(1, 40),
    n_columns=st.integers(1, 70),
    length=st.integers(1, 9),
    n_scans=st.integers(1, 3),
    seed=st.integers(0, 2**32 - 1),
)
def test_integers_give_the_exact_maxima_and_lowest_indices(
    dtype, n_rows, n_columns, length, n_scans, seed
):
    # Products of small integers are exact in either precision, and full of ties.
    rng = np.random.default_rng(seed)
    pairs = [
        (rng.integers(-2, 3, (n_rows, length)), rng.integers(-2, 3, (n_columns, length)))
        for _ in range(n_scans)
    ]
    product = sum(rows @ columns.T for rows, columns in pairs)
    found = maxima(pairs, dtype, n_threads=2)
    np.testing.assert_array_equal(found.row_max, product.max(axis=1))
    np.testing.assert_array_equal(found.row_arg, product.argmax(axis=1))
    np.testing.assert_array_equal(found.column_max, product.max(axis=0))
    np.testing.assert_array_equal(found.column_arg, product.argmax(axis=0))


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_filling_never_wins_over_negative_products(dtype):
    rows, columns = np.ones((7, 3)), -np.ones((9, 3))
    found = maxima([(rows, columns)], dtype)
    np.testing.assert_array_equal(found.row_max, -3)
    np.testing.assert_array_equal(found.row_arg, 0)
    np.testing.assert_array_equal(found.column_max, -3)
    np.testing.assert_array_equal(found.column_arg, 0)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("n_scans", [1, 2])
def test_every_dot_product_is_the_same_whatever_the_threads(dtype, n_scans):
    # Several blocks of rows and, with two scans, several spans of columns.
    rng = np.random.default_rng(3)
    pairs = [
        (rng.standard_normal((1700, 70)), rng.standard_normal((1300, 70))) for _ in range(n_scans)
    ]
    one, many = (maxima(pairs, dtype, n_threads=n) for n in (1, 5))
    for a, b in zip(one, many, strict=True):
        np.testing.assert_array_equal(a, b)
    product = sum(rows @ columns.T for rows, columns in pairs)
    tolerance = 1e-4 if dtype == np.float32 else 1e-12
    np.testing.assert_allclose(one.row_max, product.max(axis=1), atol=tolerance, rtol=0)
    np.testing.assert_allclose(one.column_max, product.max(axis=0), atol=tolerance, rtol=0)


def test_progress_only_grows_however_slow_it_is_told():
    rng = np.random.default_rng(0)
    shares = []

    def tell(share):
        time.sleep(0.01 * (1 - share))
        shares.append(share)

    pair = (rng.standard_normal((4000, 70)), rng.standard_normal((20, 70)))
    maxima([pair], np.dtype(np.float32), n_threads=4, progress=tell)
    assert len(shares) > 4
    assert shares == sorted(shares)


def test_progress_ends_at_one():
    rng = np.random.default_rng(0)
    shares = []
    pair = (rng.standard_normal((2000, 70)), rng.standard_normal((20, 70)))
    maxima([pair], np.dtype(np.float32), progress=shares.append)
    assert shares == sorted(shares)
    assert len(shares) > 1
    assert shares[-1] == 1


def test_any_tile_gives_the_same_bits():
    # Of a processor without AVX-512, in a process of its own: tiles are chosen once.
    code = (
        "import hashlib, numpy as np\n"
        "from commissure.measures import kernel, register_tile\n"
        "rng = np.random.default_rng(0)\n"
        "told = hashlib.sha256()\n"
        "for dtype in map(np.dtype, (np.float32, np.float64)):\n"
        "    pair = [rng.standard_normal((n, 31)).astype(dtype) for n in (101, 83)]\n"
        "    rows = kernel.pack(pair[0], register_tile.ROWS)\n"
        "    columns = kernel.pack(pair[1], kernel.columns_of_tile(dtype))\n"
        "    for found in kernel.cross_maxima([rows], [columns], 101, 83):\n"
        "        told.update(found.tobytes())\n"
        "print(register_tile.ROWS, told.hexdigest())\n"
    )
    features = get_host_cpu_features().split(",")
    narrow = ",".join(f"-{f[1:]}" if "avx512" in f else f for f in features)
    said = [
        subprocess.run(
            [sys.executable, "-c", code],
            env=os.environ | {"NUMBA_CPU_FEATURES": each},
            check=True,
            capture_output=True,
            text=True,
        ).stdout.split()
        for each in (narrow, ",".join(features))
    ]
    assert said[0][0] == "6"
    assert said[0][1] == said[1][1]
