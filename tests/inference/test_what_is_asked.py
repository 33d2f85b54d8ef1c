"""What a contrast asks is told by what it means, not by how it is written."""

import numpy as np
import pandas as pd
import pytest

from commissure.inference import design_matrix
from commissure.records.asked import Asked, asked_in, asked_to_json

TABLE = pd.DataFrame(
    {
        "group": ["a, b", "a, b", "c-d", "c-d", "c-d", "c-d"],
        "sex": ["F", "M", "F", "M", "F", "M"],
        "age": np.array([50.0, 61, 42, 57, 66, 49]),
    }
)


@pytest.mark.parametrize(
    ("text", "kind", "factor", "levels", "n", "columns"),
    [
        ("group[a, b] - group[c-d]", "difference", "group", ("a, b", "c-d"), (2, 4), ("group",)),
        ("-group[a, b] + group[c-d]", "difference", "group", ("c-d", "a, b"), (4, 2), ("group",)),
        ("(group[c-d] - group[a, b])", "difference", "group", ("c-d", "a, b"), (4, 2), ("group",)),
        ("age", "slope", "age", (), (), ("age",)),
        ("1", "mean", "", (), (), ()),
        ("mean", "mean", "", (), (), ()),
        ("-mean", "other", "", (), (), ()),
        ("-age", "other", "", (), (), ("age",)),
        ("2 * age", "other", "", (), (), ("age",)),
        ("group[c-d]", "other", "", (), (), ("group",)),
        ("group[c-d] - sex[F]", "other", "", (), (), ("group", "sex")),
        ("group[c-d] / 2 - group[a, b] / 2", "other", "", (), (), ("group",)),
        ("group[c-d] - group[a, b], age", "F", "", (), (), ("group", "age")),
    ],
)
def test_kinds(text, kind, factor, levels, n, columns):
    asked = design_matrix("group + sex + age", TABLE).asked(text)
    found = (asked.kind, asked.text, asked.factor, asked.levels, asked.n, asked.columns)
    assert found == (kind, text, factor, levels, n, columns)
    assert asked_in({"Asked": asked_to_json(asked)}) == asked


def test_weights():
    asked = design_matrix("group + age", TABLE).asked("group[c-d] - group[a, b], 2 * age")
    assert asked.weights == ({"group[c-d]": 1, "group[a, b]": -1}, {"age": 2})


@pytest.mark.parametrize("record", [None, {}, {"kind": "slope"}, {"kind": "guess", "text": "a"}])
def test_of_an_older_record_there_is_the_text(record):
    stats = {"Settings": {"contrast": "age"}, "Asked": record}
    assert asked_in(stats) == Asked("other", "age")
