"""Cells of tables made by chance: they are understood, or refused with an `InputError`.

The same ones each time; with COMMISSURE_FUZZ_EXAMPLES so many, and others each time.
"""

import os
from contextlib import suppress
from functools import cache

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from commissure import Domain
from commissure.inputs import read_confounds
from commissure.inputs.confounds_tables import read_confounds_table, read_numbers, table_shape
from commissure.inputs.people import read_participants
from commissure.inputs.table import read_scan_table
from commissure.problems import InputError
from commissure.records.runs import Measured, RunKey
from commissure.records.verdicts import Verdict
from commissure.settings.group import GroupSettings
from commissure.study.group.inputs import people_problems
from commissure.study.group.maps import read_maps
from commissure.study.verdict_files import VERDICTS, quality_table, read_verdicts, write_verdicts
from tests.conftest import ball_image
from tests.inputs.images import image

EXAMPLES = int(os.environ.get("COMMISSURE_FUZZ_EXAMPLES", "60"))
MANY = settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize="COMMISSURE_FUZZ_EXAMPLES" not in os.environ,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
ODD = [
    "", " ", "n/a", "NA", "nan", "-nan", "inf", "-inf", "1e999", "1e-320", "9" * 400, "-0", "+5",
    "1,5", "1.000,5", "1_000", "0x1F", "٣", "½", "10²", "−3", "1e5", ".", "-", "'5", '"', '"a',
    "=1+1", "@x", "#REF!", "TRUE", "None", "<NA>", "sub-01", "sub-02", "01", "patient", "control",
    "Patient", "pat\u200bient", "p\u0430tient", "\u202e12", "\ufeff", "\x1b[31m", "\0", "\r", "\n",
    "\t", ";", "..", "/", "../x", "C:\\x", "~", "~/x", "a.nii.gz", "map.nii.gz", "con", "\ud7ff",
    "\U0001f9e0",
    "é", "e\u0301", "map", "clean", "raw", "2", "2.0", "1", "0", "-999", "130", "MNI152NLin6Asym",
]  # fmt: skip
CELLS = st.sampled_from(ODD) | st.floats().map(str) | st.integers().map(str) | st.text(max_size=6)


@st.composite
def tables(draw, columns, most_rows=6):
    """Draw the bytes of a table that has most of these columns, and mostly good rows."""
    names = draw(st.lists(st.sampled_from(columns) | CELLS, max_size=len(columns) + 1))
    names = draw(st.sampled_from([list(columns), names]))
    rows = [
        [draw(CELLS) if draw(st.integers(0, 3)) == 0 else good(name, i) for name in names]
        for i in range(draw(st.integers(0, most_rows)))
    ]
    sign = draw(st.sampled_from("\t\t\t\t,; "))
    end = draw(st.sampled_from(["\n", "\n", "\r\n", "\r"]))
    text = end.join(sign.join(row) for row in [names, *rows])
    coding = draw(st.sampled_from(["utf-8"] * 6 + ["utf-8-sig", "utf-16", "latin-1"]))
    return text.encode(coding, "replace")


def good(name, i):
    """Return what stands in a cell of a table that is right."""
    return {
        "participant_id": f"sub-{i:02d}", "group": ["patient", "control"][i % 2],
        "age": str(40 + i), "score": str(3 + i % 4), "path": "map.nii.gz", "kind": "map",
        "session_id": "1", "task": "rest",
    }.get(name, f"{i / 7:g}")  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tables")
    image(folder / "map.nii.gz", (5, 4, 4))
    return folder


@cache
def domain():
    return Domain.from_mask(ball_image(), both_sides=False)


def written(folder, name, content):
    path = folder / name
    path.write_bytes(content)
    return path


ASKED = GroupSettings(
    formula="group + age",
    contrast="group[patient] - group[control]",
    clinical=("score",),
    within="patient",
    atlas="none",
    n_permutations=20,
)


@MANY
@given(tables(("participant_id", "group", "age", "score")), st.booleans())
def test_participants(folder, content, of_mean):
    path = written(folder, "participants.tsv", content)
    asked = GroupSettings(formula="1", contrast="mean", atlas="none") if of_mean else ASKED
    try:
        people = read_participants(path)
    except InputError:
        return
    assert all(isinstance(problem, str) for problem in people_problems(people, asked))


@MANY
@given(tables(("participant_id", "session_id", "task", "run", "path", "kind", "space", "tr")))
def test_tables_of_files(folder, content):
    with suppress(InputError):
        read_scan_table(written(folder, "files.tsv", content))


@MANY
@given(tables(("participant_id", "path")))
def test_tables_of_maps(folder, content):
    people = pd.DataFrame({"participant_id": [f"sub-{i:02d}" for i in range(3)]})
    with suppress(InputError):
        read_maps(written(folder, "maps.tsv", content), people, domain())


MOTION = ("trans_x", "trans_y", "trans_z", "rot_x", "rot_y", "rot_z", "csf", "white_matter",
          "global_signal", "framewise_displacement")  # fmt: skip


@MANY
@given(tables(MOTION, 12), st.sampled_from(["tsv", "txt"]))
def test_confounds(folder, content, ending):
    path = written(folder, f"sub-01_task-rest_desc-confounds_timeseries.{ending}", content)
    for read in (table_shape, read_confounds_table, lambda p: read_numbers(p, 6), read_confounds):
        with suppress(InputError):
            read(path)


@MANY
@given(st.data())
def test_quality(folder, data):
    of = RunKey(data.draw(CELLS), *(data.draw(CELLS | st.none()) for _ in range(3)))
    known = {"n_volumes": 5, "mean_fd_jenkinson": data.draw(st.floats())}
    verdict = Verdict(Measured(of, **known))
    write_verdicts(folder, [verdict])
    assert len(quality_table(read_verdicts(folder))) == 1
    text = (folder / VERDICTS).read_text()
    place = data.draw(st.integers(0, len(text)))
    broken = text[:place] + data.draw(CELLS) + text[place + data.draw(st.integers(0, 9)) :]
    (folder / VERDICTS).write_bytes(broken.encode("utf-8", "replace"))
    with suppress(InputError):
        read_verdicts(folder)
