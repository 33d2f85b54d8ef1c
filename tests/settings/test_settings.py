"""Settings: presets as data, all problems at once, a schema that says what is allowed."""

import math
from dataclasses import asdict, fields, replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st

from commissure.problems import InputError
from commissure.settings.description import as_tables, descriptions, json_schema
from commissure.settings.reading import caution, preset_file, read_settings
from commissure.settings.tables import CHOICES, PRESETS, table_classes
from commissure.workspace.keys import hash_of


def test_every_choice_of_the_presets_is_a_setting_with_a_reason():
    for table, names in preset_file().items():
        known = {"noGSR"}
        if table != "variants":
            known = {f.name for f in fields(table_classes()[table])}
        for name, choice in names.items():
            assert name in known
            # The paper's names of columns and levels are nobody else's default.
            names = table == "group" and name in ("formula", "contrast", "clinical", "within")
            assert set(choice) == {"reason", "liu2025", *([] if names else PRESETS)}
            assert choice["reason"].endswith(".")


def test_presets_differ_where_the_method_says_so():
    paper, ours = read_settings("liu2025"), read_settings("recommended")
    different = {
        (table, name)
        for table, values in as_tables(paper).items()
        if table not in CHOICES
        for name, value in values.items()
        if value != as_tables(ours)[table].get(name)
    } | {("variants", name) for name in as_tables(ours)["variants"]}
    assert different == {
        ("preprocessing", "undistort"),
        ("preprocessing", "kernel"),
        ("preprocessing", "signals_from"),
        ("preprocessing", "simultaneous"),
        ("preprocessing", "padding"),
        ("quality", "exclude_motion"),
        ("cfh", "noise_floor"),
        ("variants", "noGSR"),
        ("group", "formula"),
        ("group", "contrast"),
        ("group", "clinical"),
        ("group", "within"),
        ("group", "variance_groups"),
        ("group", "welch"),
        ("group", "mean_fd_covariate"),
        ("group", "effective_df_covariate"),
        ("group", "method"),
        ("group", "variance_groups"),
        ("group", "welch"),
        ("group", "tail"),
    }


def test_file_changes_the_preset_and_the_command_line_changes_the_file(tmp_path):
    file = tmp_path / "study.toml"
    file.write_text('preset = "liu2025"\n[preprocessing]\nfwhm = 6\nlow = 0.02\n')
    settings = read_settings(None, file, {"preprocessing": {"low": 0.03}})
    expected = replace(read_settings("liu2025").preprocessing, fwhm=6.0, low=0.03)
    assert settings.preprocessing == expected
    assert read_settings("recommended", file).preset == "recommended"


@pytest.mark.parametrize(
    ("text", "used"),
    [
        ("", ("cfh",)),
        ('main = "vmhc"', ("vmhc",)),
        ('use = ["vmhc", "cfh"]', ("vmhc", "cfh")),
        ('use = ["cfh", "autonomy", "vmhc"]\nmain = "vmhc"', ("vmhc", "cfh", "autonomy")),
    ],
)
def test_the_main_measure_is_the_first_of_those_that_are_used(tmp_path, text, used):
    file = tmp_path / "study.toml"
    file.write_text(f"[measures]\n{text}\n")
    settings = read_settings("liu2025", file)
    assert settings.measures.use == tuple(settings.of_measures) == used
    assert settings.measures.main == settings.measure == used[0]
    assert tuple(settings.beside) == used[1:]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('measure = "vmhc"', r"no table \[measure\]. It is called \[measures\] main now"),
        ('[measures]\nmain = "toy"', r"\[measures\] main: There is no measure 'toy'. .* cfh, vmhc"),
        ('[measures]\nuse = ["cfh", "toy"]', r"\[measures\] use: There is no measure 'toy'"),
        ('[measures]\nuse = ["cfh"]\nmain = "vmhc"', "'vmhc' is not among use .* Name it there"),
        ("[measures]\nuse = []", "use = .*must be a list of 1 or more"),
        ('[measures]\nuse = "vmhc"', r'Write use = \["vmhc"\]'),
        ("[measures]\nuses = 1", "Is use meant?"),
        ("[vmhc]\nfwhm = 4", r"vmhc to be mapped\? Then name it in \[measures\] use"),
        (
            '[measures]\nuse = ["vmhc", "cfh"]\n[cfh]\npartner = "group"\nnoise_floor = 0',
            "other scans .* only the main measure",
        ),
        ('[measures]\nuse = ["vmhc", "cfh"]\n[cfh]\nmatch = "rarefied"', "only the main measure"),
    ],
)
def test_measures_that_cannot_be_used_are_refused(tmp_path, text, said):
    file = tmp_path / "study.toml"
    file.write_text(text)
    with pytest.raises(InputError, match=said):
        read_settings(None, file)


def test_a_setting_with_a_new_name_is_told():
    with pytest.raises(InputError, match=r"no setting 'cluster_statistic'. It is called criterion"):
        read_settings(None, None, {"group": {"cluster_statistic": "mass"}})


def test_what_was_written_reads_back_the_same(tmp_path):
    changes = {"group": {"seed": 5}, "input": {"runs": ["1"]}, "vmhc": {"fwhm": 2.0}}
    changes["measures"] = {"use": ["cfh", "vmhc"]}
    settings = read_settings("liu2025", None, changes)
    written = as_tables(settings)
    again = read_settings(written.pop("preset"), None, written)
    assert again == settings
    assert hash_of(settings) == hash_of(again)
    assert hash_of(settings.group) != hash_of(replace(settings.group, seed=6))


def test_all_problems_of_a_file_are_told_at_once(tmp_path):
    file = tmp_path / "study.toml"
    file.write_text(
        '[preprocessing]\nfwhm = -1\nkernal = "spm"\nkernel = "box"\n[grup]\na = 1\n'
        '[group]\nalpha = 2\nformula = "age + open(1)"\n[quality]\nexclude_motion = "perhaps"\n'
        "[cfh]\npartner = 3\n"
    )
    with pytest.raises(InputError) as error:
        read_settings(None, file)
    problems = error.value.problems
    assert len(problems) == 8
    said = "\n".join(problems)
    assert "no setting 'kernal'. Is kernel meant?" in said
    assert "no table [grup]. Is group meant?" in said
    assert f"{file}: [preprocessing] fwhm = -1: it must be a number from 0 to 30." in said
    assert '[preprocessing] kernel = "box": it must be "gaussian" or "spm".' in said
    assert "[group] formula:" in said


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"preprocessing": {"low": 0.2}}, r"low \(0.2 Hz\) must be below high"),
        ({"group": {"criterion": "mass", "statistics": ["size"]}}, "judged by mass"),
        ({"execution": {"executor": "dask"}}, "needs a scheduler"),
    ],
)
def test_settings_that_contradict_each_other(changes, said):
    with pytest.raises(InputError, match=said):
        read_settings(changes=changes)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a = [", "is not valid TOML"),
        ('preset = "mine"', "no preset 'mine'"),
        ("group = 1", "Write"),
    ],
)
def test_a_file_that_is_no_settings_file(tmp_path, text, said):
    file = tmp_path / "study.toml"
    file.write_text(text)
    with pytest.raises(InputError, match=said):
        read_settings(None, file)
    with pytest.raises(InputError, match="cannot be read"):
        read_settings(None, tmp_path / "none.toml")


def test_schema_describes_every_setting_and_allows_no_other():
    schema = json_schema()
    for table, cls in table_classes().items():
        definition = schema["$defs"][cls.__name__]
        assert set(definition["properties"]) == {f.name for f in fields(cls)}, table
        assert not definition["additionalProperties"]
        assert not definition.get("required")
        for name in definition["properties"]:
            assert descriptions(cls)[name], name


NUMBERS = [
    (table, name)
    for table, cls in table_classes().items()
    for name, schema in json_schema()["$defs"][cls.__name__]["properties"].items()
    for option in schema.get("anyOf", [schema])
    if option.get("type") in ("integer", "number") and "enum" not in option
]


@pytest.mark.parametrize(("table", "name"), NUMBERS)
def test_every_number_has_limits_on_both_sides(table, name):
    schema = json_schema()["$defs"][table_classes()[table].__name__]["properties"][name]
    number = schema.get("anyOf", [schema])[0]
    assert {"minimum", "exclusiveMinimum"} & set(number)
    assert {"maximum", "exclusiveMaximum"} & set(number)


@pytest.mark.parametrize("value", [True, "1", math.inf, math.nan, -1, 1e308, 2**70, "", [], {}])
@pytest.mark.parametrize(("table", "name"), NUMBERS)
def test_what_is_no_number_of_its_kind_is_refused_by_name(table, name, value):
    with pytest.raises(InputError) as error:
        read_settings(changes={table: {name: value}})
    (problem,) = error.value.problems
    assert f"[{table}] {name} = " in problem


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.just(date(2020, 1, 1)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@pytest.mark.parametrize("table", table_classes())
@effort(max_examples=25, deadline=None)
@given(data=st.data())
def test_any_value_gives_settings_or_a_problem_and_never_a_number_that_is_none(table, data):
    name = data.draw(st.sampled_from([f.name for f in fields(table_classes()[table])]))
    try:
        made = read_settings(changes={table: {name: data.draw(ANYTHING)}})
    except InputError:
        return
    values = [v for of in asdict(made).values() if isinstance(of, dict) for v in of.values()]
    assert all(math.isfinite(v) for v in values if isinstance(v, float))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[preprocessing]\nfwhm = 1e400", "fwhm = Infinity: it must be a number from 0 to 30"),
        ("[preprocessing]\nfwhm = 2020-01-01", "must be a number"),
        (f"[preprocessing]\nfwhm = {'[' * 3000}", "nested too deeply"),
        (f"[preprocessing]\nn_trim = {'9' * 5000}", "is not valid TOML"),
        ('[preprocessing]\nslice_timing = "yes"', "must be true or false"),
        ("[preprocessing]\nresolution_mm = 5", "must be 2 or 3 or 4"),
        ('[input]\nconfounds = "friston24"', r'Write confounds = \["friston24"\]'),
        ('[input]\nconfounds = ["friston"]', "confounds: A strategy is made of"),
        ('[input]\ntask = " "', "task = .* is empty. Leave the setting out"),
        ('[input]\ntask = "re\\u0000st"', "cannot be printed"),
        ("[input]\nsessions = []", "must be a list of 1 or more texts"),
        ('[input]\nruns = ["1", "1"]', "1 stands there twice"),
        ('[group]\nclinical = "age, sex"', r'Write clinical = \["age", "sex"\]'),
        ("[group]\nn_permutations = 1_000_000_000_000", "would take about 181 years"),
        ("[group]\nalfa = 0.01", "Is alpha meant?"),
        ("[cfh]\nfwhm = 6", r"\[cfh\] has no setting 'fwhm'. Is \[preprocessing\] fwhm meant?"),
        ("[group]\nblubb = 6", "There are formula, contrast"),
        ("fwhm = 6", r"Is \[preprocessing\] fwhm meant?"),
        ("[dask]\njobs = 1\n[execution]\ndask = {jobs = 2}", "are the same. Keep one"),
        ("[dask]\nx = inf", "not finite"),
        ("dask = 3", "is a table"),
    ],
)
def test_values_that_mean_nothing_are_refused_with_the_remedy(tmp_path, text, said):
    file = tmp_path / "study.toml"
    file.write_text(text)
    with pytest.raises(InputError, match=said):
        read_settings(None, file)


@pytest.mark.parametrize("name", ["atlass", "alfa", "seeed", "ALPHA"])
def test_a_name_is_suggested_only_if_it_is_close(name):
    with pytest.raises(InputError) as error:
        read_settings(changes={"group": {name: 1}})
    meant = {"atlass": "atlas", "alfa": "alpha", "seeed": "seed", "ALPHA": "alpha"}[name]
    assert f"Is {meant} meant?" in str(error.value)


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"\x00" * 100, b"#" * 2_000_000])
def test_a_file_that_is_no_text_of_settings(tmp_path, content):
    file = tmp_path / "study.toml"
    file.write_bytes(content)
    with pytest.raises(InputError, match=str(file)):
        read_settings(None, file)
    with pytest.raises(InputError, match="cannot be read"):
        read_settings(None, tmp_path)


@pytest.mark.parametrize(
    ("n", "alpha", "told"), [(19, 0.05, True), (20, 0.05, False), (99, 0.01, True)]
)
def test_permutations_too_few_for_any_finding_are_told_before_anything_is_computed(n, alpha, told):
    group = read_settings(changes={"group": {"n_permutations": n, "alpha": alpha}}).group
    assert ("nothing can be significant" in (caution(group) or "")) == told
