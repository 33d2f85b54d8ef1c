"""What is not kept is not there, takes nothing from the results, and is made again if needed."""

import logging

import pytest

from commissure.study import run as study_run
from commissure.study.forecast import forecast
from commissure.study.participant import steps
from commissure.study.run import run_study
from tests.study import test_variants
from tests.study.studies import Inline, files_of, study_of
from tests.study.test_variants import write_fmriprep

N = 2
CHANGES = {
    "preprocessing": {"n_trim": 0, "fwhm": 0.0, "high": 0.24, "global_signal": True},
    "cfh": {"noise_floor": 0},
}


@pytest.fixture(autouse=True, scope="module")
def no_report():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(study_run, "write_report", lambda _out, *, wait: None)
        yield


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(test_variants, "N", N)
        return write_fmriprep(tmp_path_factory.mktemp("keep") / "in")


@pytest.fixture(scope="module")
def kept(folder, tmp_path_factory):
    out = tmp_path_factory.mktemp("keep") / "out"
    run_study(study_of(folder, out, CHANGES), "participant", Inline())
    return out


@pytest.fixture
def cleaned(monkeypatch):
    """Count whose series are made clean."""
    done = []
    clean = steps.clean_preprocessed_run

    def counting(scan, *rest, **more):
        done.append(scan.participant_id)
        return clean(scan, *rest, **more)

    monkeypatch.setattr(steps, "clean_preprocessed_run", counting)
    return done


def with_keep(folder, out, keep, **more):
    changes = {**CHANGES, "execution": {"keep": keep}, **more}
    return study_of(folder, out, changes)


def series_of(out):
    return sorted(path.relative_to(out) for path in out.glob("sub-*/func/*_bold.nii.gz"))


def test_series_that_are_not_kept_change_nothing_else(folder, kept, tmp_path, cleaned, caplog):
    out = tmp_path / "out"
    study = with_keep(folder, out, "maps")
    assert not run_study(study, "participant", Inline()).failed
    assert len(series_of(kept)) == 2 * N  # of a variant too
    assert not series_of(out)
    expected = files_of(kept)
    assert files_of(out) == {
        name: content for name, content in expected.items() if not name.endswith("_bold.nii.gz")
    }
    # Nothing is done again, whatever is to be kept now.
    del cleaned[:]
    assert run_study(study, "participant", Inline()).n_done == N
    assert run_study(study_of(folder, out, CHANGES), "participant", Inline()).n_done == N
    assert not cleaned
    # Other maps are made of series that are made again, which is told, and they are those.
    with caplog.at_level(logging.INFO):
        other = {"cfh": {"noise_floor": 0, "midline_mm": 15.0}}
        run_study(with_keep(folder, out, "maps", **other), "participant", Inline())
    assert cleaned == [f"sub-0{i}" for i in range(1, N + 1)]
    assert "sub-01_task-rest: its clean series were not kept, and are made again" in caplog.text
    assert not series_of(out)
    run_study(study_of(folder, out, CHANGES), "participant", Inline())
    found = files_of(out)
    assert found == expected


def test_a_measure_that_is_added_needs_series_and_one_that_is_taken_away_does_not(
    folder, tmp_path, cleaned
):
    out = tmp_path / "out"
    run_study(with_keep(folder, out, "maps"), "participant", Inline())
    expected = files_of(out)
    del cleaned[:]
    more = {"measures": {"use": ["cfh", "vmhc"]}}
    run_study(with_keep(folder, out, "maps", **more), "participant", Inline())
    assert len(cleaned) == N
    assert len(list(out.rglob("*_stat-vmhc_*.nii.gz"))) == N
    del cleaned[:]
    run_study(with_keep(folder, out, "maps"), "participant", Inline())
    assert not cleaned
    assert files_of(out) == expected


def test_series_are_kept_until_their_maps_are_made(folder, tmp_path):
    out = tmp_path / "out"
    of_group = {"cfh": {"noise_floor": 0, "partner": "group"}}
    run_study(with_keep(folder, out, "maps", **of_group), "participant", Inline())
    assert len(series_of(out)) == N


def test_the_room_that_is_told(folder, kept, tmp_path):
    out = tmp_path / "out"
    both = [
        with_keep(folder, out, keep, execution={"keep": keep, "n_procs": 1})
        for keep in ("all", "maps")
    ]
    more, less = (forecast(study.jobs, out).out_bytes for study in both)
    n_bytes = sum((kept / path).stat().st_size for path in series_of(kept))
    assert n_bytes / 2 < (more - less) * N / (N - 1) < n_bytes * 2
