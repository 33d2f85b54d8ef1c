"""What a formula or a contrast cannot be is told; what a level may be called can be named."""

import numpy as np
import pandas as pd
import pytest

from commissure.inference import design_matrix
from commissure.inference.contrasts import read_contrast
from commissure.inference.grammar import read_formula
from commissure.problems import InputError

LEVELS = ["plain", "b[1]", "c: d", 'e "f"', "g - h", "(i)"]


@pytest.mark.parametrize(
    ("formula", "said"),
    [
        ("(" * 1000 + "a" + ")" * 1000, "nested more than 50 deep"),
        ("+".join(f"x{i}" for i in range(1200)), "more than 1,000 terms"),
        ("*".join(f"x{i}" for i in range(30)), "more than 1,000 terms"),
        (f"({'+'.join(f'x{i}' for i in range(30))})^9", "more than 1,000 terms"),
        ("+".join(["a"] * 10_000), "10,000 characters"),
        ("a \u2212 1", "write - in its place"),
        ("\u201ca\u201d", "is not understood"),
        ("9" * 5000, "stands where a name should"),
    ],
)
def test_formulas_that_nobody_can_mean(formula, said):
    with pytest.raises(InputError, match=said) as error:
        read_formula(formula)
    assert len(str(error.value)) < 500


@pytest.mark.parametrize(
    ("contrast", "said"),
    [
        ("1e308 * group[plain] * 10", "weights must lie between"),
        ("group[plain] / 1e-320", "weights must lie between"),
        ("0 * 1e999 * group[plain]", "weights must lie between"),
        ("(" * 5000 + "group[plain]" + ")" * 5000, "10,000 characters"),
        ("(" * 1000 + "group[plain]" + ")" * 1000, "nested more than 50 deep"),
        ("group[plain] \u2212 group[b[1]]", "write - in its place"),
        ("group[nobody]", "has no level 'nobody'"),
        ("group[plain", "levels must be named"),
    ],
)
def test_contrasts_that_nobody_can_mean(contrast, said):
    with pytest.raises(InputError, match=said) as error:
        read_contrast(contrast, {"group": LEVELS}, [])
    assert len(str(error.value)) < 500


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("other", LEVELS)
def test_every_level_can_be_named(level, other):
    weights = {} if level == other else {level: 1.0, other: -1.0}
    (row,) = read_contrast(f"group[{level}] - group[ {other} ]", {"group": LEVELS}, [])
    assert {q.levels[0][1]: w for q, w in row.items() if w} == weights


@pytest.mark.parametrize("name", ["lambda", "None", "class", "Q", "C", "nan", "gr\u00f6\u00dfe"])
def test_a_column_may_be_called_like_a_word_of_python(name):
    values = np.random.default_rng(0).normal(size=12)
    table = pd.DataFrame({"group": ["a", "b"] * 6, name: values})
    design = design_matrix(f"group * {name}", table)
    weights = design.contrast(f"group[a]:{name} - group[b]:{name}")
    slopes = [
        np.polyfit(values[table["group"] == g], values[table["group"] == g], 1)[0] for g in "ab"
    ]
    fitted = np.linalg.lstsq(design.matrix, values, rcond=None)[0]
    assert (weights @ fitted)[0] == pytest.approx(slopes[0] - slopes[1], abs=1e-9)
