"""Tables of variants become settings or sentences."""

import pytest

from commissure.problems import InputError
from commissure.settings.description import as_tables
from commissure.settings.reading import read_settings

WIDE = {"preprocessing": {"fwhm": 8.0}}


def variants_of(tables, preset="liu2025", **changes):
    return read_settings(preset, None, {"variants": tables, **changes}).variants


def test_a_variant_is_the_study_with_something_changed():
    (variant,) = variants_of({"wide": WIDE}, preprocessing={"high": 0.08})
    own = read_settings("liu2025", None, {"preprocessing": {"high": 0.08}})
    assert (variant.label, variant.name) == ("wide", "fwhm = 8.0")
    assert variant.preprocessing.fwhm == 8
    assert variant.preprocessing.high == 0.08
    assert variant.maps == own.maps


def test_the_preset_has_one_that_a_file_may_drop_or_change(tmp_path):
    file = tmp_path / "study.toml"
    (own,) = read_settings().variants
    assert (own.label, own.preprocessing.global_signal) == ("noGSR", False)
    file.write_text("[variants]\nnoGSR = false\n")
    assert read_settings(None, file).variants == ()
    file.write_text("[variants.x.cfh]\nmidline_mm = 9.0\n[variants.x]\nname = 'a wide midline'\n")
    both = {variant.label: variant for variant in read_settings(None, file).variants}
    assert both["x"].maps.midline_mm == 9
    assert both["x"].name == "a wide midline"
    assert list(both) == ["noGSR", "x"]


@pytest.mark.parametrize(
    "changes", [{"preprocessing": {"global_signal": False}}, {"cfh": {"partner": "group"}}]
)
def test_there_is_none_where_nothing_differs_or_partners_are_the_groups(changes):
    assert read_settings("recommended", None, changes).variants == ()


def test_what_was_written_reads_back():
    settings = read_settings("liu2025", None, {"variants": {"wide": WIDE | {"why": "It may."}}})
    tables = as_tables(settings)
    assert tables["variants"] == {
        "wide": {"name": "fwhm = 8.0", "why": "It may.", "preprocessing": {"fwhm": 8.0}}
    }
    again = read_settings("liu2025", None, {"variants": tables["variants"]})
    assert again.variants == settings.variants


@pytest.mark.parametrize(
    ("tables", "said"),
    [
        ({"a b": WIDE}, "letters and digits"),
        ({"../x": WIDE}, "letters and digits"),
        ({"x": WIDE, "X": WIDE}, "upper and lower case only"),
        ({"x": 3}, "write false, or tables"),
        ({"x": {}}, "write false, or tables"),
        ({"x": True}, "write false, or tables"),
        ({"x": {"group": {"alpha": 0.1}}}, "has no 'group'"),
        ({"x": {"preprocessing": {"fwmh": 8}}}, "has no setting 'fwmh'. Is fwhm meant?"),
        ({"x": {"preprocessing": 8}}, "preprocessing is a table"),
        ({"x": {"preprocessing": {"fwhm": "8"}}}, '[variants.x.preprocessing] fwhm = "8"'),
        ({"x": {"preprocessing": {"n_trim": 3}}}, "Make another study of it"),
        ({"x": {"preprocessing": {"low": 0.2}}}, "must be below high"),
        ({"x": {"cfh": {"noise_floor": 1}}}, "give 2 or more surrogates"),
    ],
)
def test_what_is_wrong_is_told(tables, said):
    with pytest.raises(InputError) as error:
        variants_of(tables)
    assert said in str(error.value)


def test_the_table_itself_may_be_something_else(tmp_path):
    file = tmp_path / "study.toml"
    file.write_text("variants = 3\n")
    with pytest.raises(InputError, match=r"variants is a table"):
        read_settings(None, file)
