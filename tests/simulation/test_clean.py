"""Clean datasets are what preprocessing would leave, and say so."""

import filecmp
import json

import nibabel as nib
import numpy as np
import pandas as pd
import pytest

from commissure import Domain, cfh
from commissure.cli import main
from commissure.problems import InputError
from commissure.simulation import (
    REFERENCE_EFFECT,
    Acquisition,
    Effects,
    forward_model,
    simulate_study,
)
from commissure.simulation.clean import degrees_of_freedom, pass_band_basis
from commissure.simulation.maps import DEGREES_OF_FREEDOM

SHORT = Acquisition(n_volumes=110)
STEM = "sub-02_task-rest_space-MNI152NLin2009aSym_res-8_desc-clean_bold"


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    out = tmp_path_factory.mktemp("clean") / "bids"
    return simulate_study(
        out, 1, 1, 3, effects=Effects(2.0), kind="clean", acquisition=SHORT, resolution_mm=8
    )


def test_the_basis_is_orthonormal_and_within_the_band():
    basis = pass_band_basis(np.random.default_rng(0), 220, 2.0, 52)
    np.testing.assert_allclose(basis @ basis.T, np.eye(52), atol=1e-12)
    power = np.abs(np.fft.rfft(basis, axis=1)) ** 2
    frequency = np.fft.rfftfreq(220, 2.0)
    outside = (frequency < 0.01) | (frequency > 0.1)
    assert power[:, outside].max() < 1e-20
    # As `recommended` leaves of the reference study.
    assert degrees_of_freedom(220, 2.0) == DEGREES_OF_FREEDOM


def test_series_are_clean(study):
    img = nib.load(study / "sub-02/func" / f"{STEM}.nii.gz")
    mask = nib.load(study / "space-MNI152NLin2009aSym_res-8_label-GM_mask.nii.gz")
    sidecar = json.loads((study / "sub-02/func" / f"{STEM}.json").read_text())
    assert img.shape[3] == 100
    assert img.header.get_zooms()[3] == sidecar["RepetitionTime"] == 2
    domain = Domain.from_mask(mask)
    series = domain.sample(img)
    unit = series - series.mean(axis=1, keepdims=True)
    sizes = np.linalg.svd(unit, compute_uv=False)
    # Stored as whole numbers, so with some rounding outside the space.
    n = sidecar["EffectiveDegreesOfFreedom"]
    assert n == 19  # half of what 100 volumes have within the band
    assert sizes[n] < 1e-3 * sizes[0]
    assert sizes[n - 1] > 1e-2 * sizes[0]
    found = cfh(series, domain)
    assert 0.3 < np.nanmedian(found.r) < 0.8
    outside = np.asarray(img.dataobj)[np.asarray(mask.dataobj) == 0]
    assert np.abs(outside).max() < 1e-3 * series.std()


def test_truth_is_beside_it(study):
    folder = study / "derivatives/truth"
    truth = json.loads((folder / "truth.json").read_text())
    assert [r["name"] for r in truth["Regions"]] == ["left putamen", "left precentral gyrus"]
    assert abs(truth["LargestDifferenceOnTheRight"]) < 0.01
    forward = forward_model(8)
    stem = "space-MNI152NLin2009aSym_res-8_stat-cfh_desc"
    maps = {
        name: forward.domain.sample(nib.load(folder / f"{stem}-{name}_boldmap.nii.gz"))
        for name in ("control", "patient", "difference", "standardized")
    }
    np.testing.assert_allclose(maps["patient"] - maps["control"], maps["difference"], atol=1e-5)
    peak = maps["difference"].argmax()
    larger = max(truth["Regions"], key=lambda region: region["peak_difference_z"])
    assert forward.domain.coordinates[peak].tolist() == larger["peak_mm"]
    people = pd.read_csv(folder / "participants.tsv", sep="\t")
    described = json.loads((folder / "participants.json").read_text())
    assert people["participant_id"].tolist() == ["sub-01", "sub-02"]
    assert set(people) == {"participant_id", *described}


def test_same_seed_same_bytes(study, tmp_path):
    again = simulate_study(
        tmp_path / "again",
        1,
        1,
        3,
        effects=Effects(2.0),
        kind="clean",
        acquisition=SHORT,
        resolution_mm=8,
        n_threads=1,
    )
    files = sorted(p.relative_to(again) for p in again.rglob("*") if p.is_file())
    assert len(files) == 22
    _, different, errors = filecmp.cmpfiles(study, again, files, shallow=False)
    assert not different
    assert not errors


def test_the_command_simulates_the_reference_study_or_says_what_is_missing(tmp_path, capsys):
    out = tmp_path / "bids"
    few = ["--n-patients", "1", "--n-controls", "1", "--resolution-mm", "8", "--n-volumes", "60"]
    arguments = ["simulate", str(out), "--preset", "liu2025", "--seed", "1", "--clean", *few]
    assert main([*arguments, "--score-r", "illness_duration=0.6", "--quiet"]) == 0
    truth = json.loads((out / "derivatives/truth/truth.json").read_text())
    assert truth["Effects"]["effect"] == REFERENCE_EFFECT
    assert truth["Effects"]["score_r"] == {"illness_duration": 0.6}
    assert main(["simulate", str(tmp_path / "x"), "--seed", "1"]) == 2
    assert "--n-patients and --n-controls, or --preset" in capsys.readouterr().err
    assert main([*arguments, "--score-r", "much"]) == 2
    assert "is not SCORE=R" in capsys.readouterr().err


def test_too_short_a_run_is_refused(tmp_path):
    with pytest.raises(InputError, match="kind must be"):
        simulate_study(tmp_path / "x", 1, 0, 0, kind="smooth")
    with pytest.raises(InputError, match="n_volumes must be"):
        simulate_study(tmp_path / "x", 1, 0, 0, kind="clean", acquisition=Acquisition(n_volumes=20))
    assert not (tmp_path / "x").exists()
