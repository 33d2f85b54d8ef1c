"""Tables with whatever may stand in their cells: read rightly, or refused with a message.

``python tests/inputs/test_cell_fuzz.py SECONDS`` goes on for longer.
"""

import sys
import tempfile
import time
import warnings
from functools import cache
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from commissure.inputs import read_scans
from commissure.inputs.confounds import read_confounds
from commissure.inputs.confounds_tables import MOTION, table_shape
from commissure.problems import InputError
from commissure.settings.group import GroupSettings
from commissure.study.group.maps_command import read_inputs

AFFINE = nib.affines.from_matvec(np.diag([8.0, 8, 8]), [-12, -8, -8])
SHAPE = (4, 3, 2)
N = 10
ASKED = {
    "formula": ["group", "group + age", "C(site) + age", "group * age", "age", "1", "", "mean_fd"],
    "contrast": ["group[a] - group[b]", "age", "mean", "site[1]", "", "group[a]:age"],
    "clinical": [(), ("score",), ("age", "score")],
    "clinical_covariates": [None, ("age",), ("site",)],
    "within": [None, "a", "1"],
    "categorical": [(), ("site",), ("age",)],
    "numeric": [(), ("age",), ("score", "site")],
    "blocks": [None, "site", "participant_id"],
    "table1": [None, ("age", "site"), ("score",)],
    "variance_groups": ["auto", "none", "site"],
    "mean_fd_covariate": [False, False, True],
    "subset": [{}, {}, {"group": ("a",)}, {"site": ("1",)}, {"age": ("30",)}],
}
NASTY = (
    """
n/a|NaN|nan|NA|None|null|-|0|-0|1|2|1.0|01|1e3|1e200|1e400|-1e-400|inf|-inf|999|-99|1,5|1.234,5|51,2
1_0|0x1F|٣|²|½|１|Ⅳ|−3|1e|.|+|--1|=1+1|@x|'=x|a|A|а|b|patient |[a]|a]|a - b|C(a)|#N/A|#REF!|TRUE
true|x"y|""|"|sub-01|sub-1|sub-001|SUB-01|sub-|../x|/etc/passwd|C:\\x|map-0.nii|map-99.nii|.|..|~
con|CON.nii|rest|ses-1|é|e\u0301|\u202eab|\u200b|\ufeff|\x00|\x0b|\x1c|\x85|\u2028|\ud83d\ude00|\x1f|\r|{a}|%s|%(x)s|\\|\\1|$1
""".replace("\n", "|")
    .encode("utf-16", "surrogatepass")
    .decode("utf-16")
    .split("|")
)
CELL = st.sampled_from(NASTY) | st.text(max_size=6) | st.integers().map(str) | st.floats().map(str)
CHANGES = st.lists(
    st.tuples(st.integers(0, N), st.integers(0, 9), CELL), min_size=1, max_size=4
) | st.tuples(st.integers(0, 9), CELL).map(lambda at: [(row, *at) for row in range(1, N + 1)])
SEPARATOR = st.sampled_from(["\t", "\t", "\t", ",", ";"])


@cache
def place():
    """Return a folder with maps, series and good tables."""
    folder = Path(tempfile.mkdtemp(prefix="tables-"))
    rng = np.random.default_rng(0)
    nib.save(nib.Nifti1Image(np.ones(SHAPE, np.uint8), AFFINE), folder / "mask.nii")
    for i in range(N):
        values = rng.standard_normal(SHAPE).astype(np.float32)
        nib.save(nib.Nifti1Image(values, AFFINE), folder / f"map-{i}.nii")
    return folder


@cache
def good(name):
    rng = np.random.default_rng(1)
    who = [f"sub-{i:02d}" for i in range(N)]
    if name == "participants":
        header = ["participant_id", "group", "age", "site", "score"]
        rows = [
            [who[i], "ab"[i % 2], str(30 + 3 * i), str(1 + i // 5), f"{rng.normal():.2f}"]
            for i in range(N)
        ]
    elif name == "maps":
        header = ["participant_id", "path"]
        rows = [[who[i], f"map-{i}.nii"] for i in range(N)]
    elif name == "files":
        header = ["participant_id", "session_id", "run", "path", "kind", "space", "mask", "tr"]
        rows = [
            [who[i], "n/a", "1", f"map-{i}.nii", "map", "MNI152NLin6Asym", "mask.nii", "2"]
            for i in range(N)
        ]
    else:
        header = [*MOTION, "framewise_displacement", "csf", "white_matter"]
        rows = [[f"{x:.4f}" for x in rng.uniform(0, 0.1, len(header))] for _ in range(N)]
    return [header, *rows]


def write(name, changes=(), separator="\t"):
    rows = [list(row) for row in good(name)]
    for row, column, cell in changes:
        rows[row][column % len(rows[row])] = cell
    path = place() / f"{name}.tsv"
    text = "\n".join(separator.join(row) for row in rows) + "\n"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    return path


def stats(asked):
    folder = place()
    paths = (folder / f"{name}.tsv" for name in ("maps", "participants"))
    # Reading an atlas takes long.
    settings = GroupSettings(n_permutations=20, atlas="none", **asked)
    read_inputs(*paths, folder / "mask.nii", settings)


def confounds(path):
    table_shape(path)
    for strategy in ("simple", ["motion", "friston24"], ["motion", "wm_csf"], ["friston24"]):
        try:
            read_confounds(path, strategy)
        except InputError as error:
            _said(error)


def _said(error):
    assert error.problems
    for problem in error.problems:
        assert problem.strip()
        assert "Traceback" not in problem


def _tolerated(door, *arguments):
    """Go through a door: a message is fine, and nothing else is raised, nor warned of."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            door(*arguments)
        except InputError as error:
            _said(error)


def of_people(changes, separator, asked):
    write("maps")
    write("participants", changes, separator)
    _tolerated(stats, asked)


def of_maps(changes, separator, asked):
    write("participants")
    write("maps", changes, separator)
    _tolerated(stats, {"formula": "group + age", "contrast": "age"} if len(changes) < 3 else asked)


def of_files(changes, separator, _asked):
    path = write("files", changes, separator)
    _tolerated(lambda: read_scans(path, "table"))


def of_confounds(changes, _separator, _asked):
    _tolerated(confounds, write("confounds", changes))


DOORS = (of_people, of_maps, of_files, of_confounds)
# Questions that make sense of the good tables, and any.
SENSE = (
    {"formula": "group + age", "contrast": "group[a] - group[b]", "mean_fd_covariate": False},
    {"formula": "group * age", "contrast": "group[a]:age - group[b]:age", "table1": ("site",)},
    {"formula": "C(site) + group", "contrast": "site[1] - site[2]", "categorical": ("site",)},
    {"formula": "age", "contrast": "age", "clinical": ("score",), "clinical_covariates": ("age",)},
    {"formula": "group", "contrast": "group[a] - group[b]", "blocks": "site", "numeric": ("site",)},
    {"formula": "1", "contrast": "mean", "subset": {"group": ("a",)}, "clinical": ("score", "age")},
)
ANY_ASKED = st.sampled_from(SENSE) | st.fixed_dictionaries(
    {name: st.sampled_from(of) for name, of in ASKED.items()}
)


def fuzzed(door, n_examples, **options):
    quick = settings(
        max_examples=n_examples,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        database=None,
        **options,
    )
    return quick(given(CHANGES, SEPARATOR, ANY_ASKED)(door))


@pytest.mark.parametrize("name", ["participants", "maps", "files", "confounds"])
def test_the_tables_are_good_before_they_are_changed(name):
    write("participants"), write("maps")
    if name == "files":
        assert len(read_scans(write(name), "table")) == N
    elif name == "confounds":
        assert len(read_confounds(write(name), ["motion"]).fd_power) == N
    else:
        stats({"formula": "group + age", "contrast": "age", "clinical": ("score",)})


@pytest.mark.parametrize("door", DOORS, ids=lambda door: door.__name__)
def test_a_changed_table_is_read_or_refused(door):
    fuzzed(door, 40, derandomize=True)()  # the same each time: longer runs look for more


if __name__ == "__main__":
    end = time.monotonic() + float(sys.argv[1])
    while time.monotonic() < end:
        for door in DOORS:
            fuzzed(door, 200)()
