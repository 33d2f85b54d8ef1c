"""Steps depend on their slice of the settings, their inputs and the steps before, on no more."""

from dataclasses import fields, replace
from pathlib import Path

import pytest

from commissure.inputs import Scan
from commissure.settings.reading import read_settings
from commissure.settings.tables import table_classes
from commissure.study.participant.steps import CLEANING, PARTICIPANT, RunWork

# Steps that are done again when a setting changes. Rules of quality and the comparison come later,
# what is chosen of the input is in the scan, and results do not depend on how the work runs.
MAPPED = {"maps", "beside"}
ALL = {"anatomy", "clean", *MAPPED}
AGAIN = {
    **{
        ("preprocessing", f.name): {"clean", *MAPPED}
        for f in fields(table_classes()["preprocessing"])
    },
    ("preprocessing", "warp"): ALL,
    ("preprocessing", "resolution_mm"): ALL,
    **{("cfh", f.name): MAPPED for f in fields(table_classes()["cfh"])},
    ("measures", "use"): MAPPED,
}


def work(kind):
    t1w = Path("T1w.nii.gz") if kind == "raw" else None
    bold = Path("bold.nii.gz")
    scan = Scan("sub-01", None, "rest", None, bold, t1w, 2.0, None, kind=kind)
    return RunWork(scan, Path("out"), Path("named.nii.gz"), None, None, None)


def keys(settings, run):
    """Return the key of each step, with files stamped by their names."""
    found, key = {}, ""
    for step in PARTICIPANT:
        if step.about(run) is not None:
            found[step.made] = key = step.key(run, settings, str, key)
    return found


def changed(settings, table, name):
    """Return the settings with another value of one of them, whatever its type."""
    where = "maps" if table == "cfh" else table
    own = getattr(settings, where)
    value = getattr(own, name)
    if isinstance(value, bool):
        other = not value
    elif isinstance(value, dict):
        other = {"x": 1}
    else:
        other = value * 2 if value else ("x" if value is None else 1)
    if name == "use":
        other = ("vmhc", *value)  # of which the first is the main one
    return replace(settings, **{where: replace(own, **{name: other})})


@pytest.mark.parametrize(
    ("table", "name"), [(t, f.name) for t, cls in table_classes().items() for f in fields(cls)]
)
def test_a_setting_makes_only_what_depends_on_it_again(table, name):
    settings, run = read_settings(), work("raw")
    before, after = keys(settings, run), keys(changed(settings, table, name), run)
    again = {made for made in before if before[made] != after[made]}
    assert again == AGAIN.get((table, name), set())


def test_what_is_clean_already_depends_on_no_recipe():
    settings, run = read_settings(), work("clean")
    assert keys(settings, run).keys() == {"clean", *MAPPED}
    assert keys(changed(settings, "preprocessing", "fwhm"), run) == keys(settings, run)


def test_confounds_count_where_they_are_regressed_here():
    settings, run = read_settings(), work("preprocessed")
    other = replace(settings, input=replace(settings.input, confounds=("friston24",)))
    before, after = keys(settings, run), keys(other, run)
    assert {made for made in before if before[made] != after[made]} == {"clean", *MAPPED}


def test_a_measure_that_is_added_makes_its_own_maps_only():
    settings, run = read_settings(), work("raw")
    used = {"measures": {"use": ["cfh", "vmhc"]}, "vmhc": {"fwhm": 2.0}}
    more = read_settings(changes=used)
    other = replace(more, beside={"vmhc": replace(more.beside["vmhc"], fwhm=4.0)})
    for before, after in ((settings, more), (more, other)):
        before, after = keys(before, run), keys(after, run)
        assert {made for made in before if before[made] != after[made]} == {"beside"}


def test_preprocess_does_the_first_steps_of_the_same_list():
    assert PARTICIPANT[: len(CLEANING)] == CLEANING
