"""What the command line makes of tables that people wrote: told, refused, never guessed."""

import json

import nibabel as nib
import numpy as np
import pandas as pd
import pytest

from commissure import Domain
from commissure.cli import main
from tests.conftest import ball_image

N = 16
PLAIN = {
    "participant_id": [f"sub-{n:02d}" for n in range(N)],
    "group": ["patient", "control"] * (N // 2),
    "age": [str(40 + (7 * n) % 23 + n / 10) for n in range(N)],
    "score": [str((5 * n) % 13) for n in range(N)],
}


@pytest.fixture
def stats(tmp_path, capsys):
    """Return a function that analyses a table with columns changed: exit code, said, folder."""
    domain = Domain.from_mask(ball_image(), both_sides=False)
    maps = 1 + np.random.default_rng(5).standard_normal((N, domain.n_places)) / 10
    nib.save(ball_image(), tmp_path / "mask.nii.gz")
    nib.save(domain.to_image(maps.T), tmp_path / "maps.nii.gz")

    def run(columns=None, *more, formula="group + age", encode=None, contrast=None):
        table = PLAIN | (columns or {})
        lines = ["\t".join(table), *("\t".join(row) for row in zip(*table.values(), strict=True))]
        text = "\n".join(lines) + "\n"
        text = encode(text) if encode else text
        content = text if isinstance(text, bytes) else text.encode()
        (tmp_path / "participants.tsv").write_bytes(content)
        files = ["--maps", "maps.nii.gz", "--participants", "participants.tsv"]
        paths = [part if part.startswith("-") else str(tmp_path / part) for part in files]
        paths += ["--mask", str(tmp_path / "mask.nii.gz"), "-o", str(tmp_path / "out")]
        model = ["--contrast", contrast or "group[patient] - group[control]", "--atlas", "none"]
        code = main(
            ["stats", *paths, "--formula", formula, *model, "--n-permutations", "40", *more]
        )
        return code, " ".join(capsys.readouterr().err.split()), tmp_path / "out"

    return run


def design(out):
    record = json.loads((out / "stats.json").read_text())
    return {about["Column"]: about for about in record["Design"]}


def changed(name, **values):
    """Return a column with other values in some rows, as {"r3": value}."""
    column = list(PLAIN[name])
    for row, value in values.items():
        column[int(row[1:])] = value
    return {name: column}


@pytest.mark.parametrize(
    ("columns", "formula", "said"),
    [
        (changed("group", r4="Patient"), None, ["group", "'Patient' (1 rows)", "sub-04"]),
        (changed("group", r4="p\u0430tient"), None, ["look alike", "sub-04"]),
        (changed("age", r3="51,5"), None, ["age", "'51,5' (sub-03)", "point"]),
        (changed("age", r3="fifty"), None, ["age", "'fifty' (sub-03)"]),
        (changed("age", r3="999"), None, ["age", "'999' (sub-03)"]),
        (changed("age", r3="1e400"), None, ["age", "(sub-03)"]),
        ({"site": ["1", "2", "3", "4"] * 4}, "group + site", ["C(site)", "1, 2, 3, 4"]),
        ({"sex": ["1", "1", "2", "2"] * 4}, "group + sex", ["C(sex)", "participants.tsv"]),
        ({"age at scan": PLAIN["age"]}, "group + age at scan", ["age at scan", "Rename"]),
        ({"Intercept": PLAIN["age"]}, "group + Intercept", ["Intercept", "Rename"]),
        ({"mean": PLAIN["age"]}, "group + mean", ["[group] formula names mean", "Rename"]),
        ({"empty": ["n/a"] * N}, "group + empty", ["empty is empty"]),
        ({"region": ["EU", "NA"] * 8}, "group + region", ["'NA'", "missing value?"]),
        ({"Age": PLAIN["age"]}, None, ["age and Age", "more than once"]),
    ],
)  # fmt: skip
def test_one_sentence_names_what_is_wrong(stats, columns, formula, said):
    code, err, out = stats(columns, formula=formula or "group + age")
    assert code == 2
    assert not out.exists()
    # As the command line says it, or as settings do.
    err = err.replace("--formula", "[group] formula")
    assert err.count("commissure: ") == 1, err
    for words in said:
        assert words in err


def test_decimal_commas_are_numbers_and_that_is_told(stats):
    code, err, out = stats({"age": [age.replace(".", ",") for age in PLAIN["age"]]})
    assert code == 0
    assert "decimal commas" in err
    assert design(out)["age"]["Kind"] == "number"
    ages = pd.Series(map(float, PLAIN["age"]))
    table = pd.read_csv(out / "table1.tsv", sep="\t", index_col="variable")
    patients = ages[::2]
    shown = f"{patients.mean():.2f} ({patients.std():.2f})"
    assert table.loc["age", "summary_patient"] == shown


def test_blanks_around_levels_make_no_group_and_are_told(stats):
    code, err, out = stats(changed("group", r0="patient ", r2="patient\u00a0"))
    assert code == 0
    assert "sub-" not in design(out)["group"]["Because"]
    assert design(out)["group"]["Levels"] == {"patient": 8, "control": 8}
    assert "blanks around" in err
    assert any("group" in note for note in json.loads((out / "stats.json").read_text())["Notes"])


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_encodings_and_semicolons(stats, encoding):
    code, _, out = stats(None, encode=lambda text: text.replace("\t", ";").encode(encoding))
    assert code == 0
    assert design(out)["age"]["Kind"] == "number"


def test_declared_columns_are_what_they_are_declared_to_be(stats):
    code, _, out = stats(
        {"site": ["1", "2", "3", "4"] * 4}, formula="age + C(site)", contrast="age"
    )
    assert code == 0
    assert design(out)["site"]["Levels"] == {"1": 4, "2": 4, "3": 4, "4": 4}
    assert design(out)["site"]["Reference"] == "1"
    record = json.loads((out / "stats.json").read_text())
    assert sum(name.startswith("site") for name in record["DesignColumns"]) == 3


def test_columns_that_no_setting_names_are_not_looked_at_and_reach_no_output(stats):
    secrets = {
        "surname": [f"Mayer{n}" for n in range(N)],
        "birth_date": [f"1970-01-{n + 1:02d} " for n in range(N)],
        "remark": ["-999" if n % 2 else "NA" for n in range(N)],
    }
    code, err, out = stats(secrets)
    assert code == 0
    assert "birth_date" not in err
    for path in out.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            for planted in (b"Mayer", b"1970-01", b"surname", b"birth_date", b"remark"):
                assert planted not in content, path


def test_table_1_and_the_design_agree_on_what_a_column_is(stats):
    codes = {"sex": ["1", "2"] * 8, "score": PLAIN["score"]}
    code, _, out = stats(codes, "--categorical", "sex", "--table1", "age sex score")
    assert code == 0
    table = pd.read_csv(out / "table1.tsv", sep="\t", index_col="variable")
    kinds = {name: about["Kind"] for name, about in design(out).items()}
    assert kinds == {"group": "factor", "age": "number", "sex": "factor", "score": "number"}
    assert table.loc["sex", "summary_patient"] == "8/0"
