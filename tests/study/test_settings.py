"""Settings: presets as data, all problems at once, a schema that says what is allowed."""

from dataclasses import fields, replace

import pytest
from pydantic import TypeAdapter

from commissure.problems import InputError
from commissure.study.settings import (
    PRESETS,
    StudySettings,
    as_tables,
    descriptions,
    hash_of,
    json_schema,
    preset_file,
    read_settings,
    table_classes,
)


def test_every_choice_of_the_presets_is_a_setting_with_a_reason():
    for table, names in preset_file().items():
        known = {f.name for f in fields(table_classes()[table])}
        for name, choice in names.items():
            assert name in known
            assert set(choice) == {*PRESETS, "reason"}
            assert choice["reason"].endswith(".")


def test_presets_differ_where_the_method_says_so():
    paper, ours = read_settings("liu2025"), read_settings("recommended")
    different = {
        (table, name)
        for table, values in as_tables(paper).items()
        if table != "preset"
        for name, value in values.items()
        if value != as_tables(ours)[table][name]
    }
    assert different == {
        ("preprocessing", "kernel"),
        ("preprocessing", "signals_from"),
        ("preprocessing", "simultaneous"),
        ("preprocessing", "padding"),
        ("quality", "exclude_motion"),
        ("cfh", "noise_floor"),
        ("cfh", "without_global_signal"),
        ("group", "mean_fd_covariate"),
        ("group", "method"),
        ("group", "tail"),
    }


def test_file_changes_the_preset_and_the_command_line_changes_the_file(tmp_path):
    file = tmp_path / "study.toml"
    file.write_text('preset = "liu2025"\n[preprocessing]\nfwhm = 6\nlow = 0.02\n')
    settings = read_settings(None, file, {"preprocessing": {"low": 0.03}})
    expected = replace(read_settings("liu2025").preprocessing, fwhm=6.0, low=0.03)
    assert settings.preprocessing == expected
    assert read_settings("recommended", file).preset == "recommended"


def test_what_was_written_reads_back_the_same(tmp_path):
    settings = read_settings("liu2025", None, {"group": {"seed": 5}, "input": {"runs": ["1"]}})
    assert TypeAdapter(StudySettings).validate_python(as_tables(settings)) == settings
    assert hash_of(settings) == hash_of(
        TypeAdapter(StudySettings).validate_python(as_tables(settings))
    )
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
    assert "[preprocessing] fwhm = -1: input should be greater than or equal to 0." in said
    assert "[preprocessing] kernel = 'box': input should be 'gaussian' or 'spm'." in said
    assert "[group] formula:" in said


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"preprocessing": {"low": 0.2}}, r"low \(0.2 Hz\) must be below high"),
        ({"group": {"cluster_statistic": "mass", "statistics": ["size"]}}, "judged by mass"),
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
