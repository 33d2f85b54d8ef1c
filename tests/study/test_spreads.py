"""Groups of unequal spread, from maps in files to what is told of them."""

import json

import nibabel as nib
import numpy as np
import pytest

from commissure.cli import main
from tests.conftest import ball_image


@pytest.fixture
def study(tmp_path):
    """Return a function that runs `stats` on null maps of 8 patients and 24 controls."""
    rng = np.random.default_rng(3)
    mask = ball_image()
    nib.save(mask, tmp_path / "mask.nii.gz")
    n, rows, maps = (8, 24), ["participant_id\tgroup\tage"], ["participant_id\tpath"]
    for i in range(sum(n)):
        group, spread = ("patient", 0.2) if i < n[0] else ("control", 0.05)
        values = 0.5 + spread * rng.standard_normal(mask.shape)
        img = nib.Nifti1Image((values * mask.get_fdata()).astype(np.float32), mask.affine)
        nib.save(img, tmp_path / f"m{i}.nii.gz")
        rows.append(f"p{i:02d}\t{group}\t{20 + (7 * i) % 37}.5")
        maps.append(f"p{i:02d}\tm{i}.nii.gz")
    (tmp_path / "participants.tsv").write_text("\n".join(rows) + "\n")
    (tmp_path / "maps.tsv").write_text("\n".join(maps) + "\n")

    def run(*options, out="out"):
        code = main([
            "stats", "--maps", str(tmp_path / "maps.tsv"), "--mask", str(tmp_path / "mask.nii.gz"),
            "--participants", str(tmp_path / "participants.tsv"), "-o", str(tmp_path / out),
            "--formula", "group + age", "--contrast", "group[patient] - group[control]",
            "--n-permutations", "50", "--statistics", "size", "--atlas", "none", "--quiet",
            *options,
        ])  # fmt: skip
        return code, tmp_path / out

    return run


def test_groups_have_a_variance_of_their_own_by_default(study):
    code, out = study()
    assert code == 0
    record = json.loads((out / "stats.json").read_text())["Spreads"]
    assert record["AllowedFor"]
    assert record["ResidualSD"]["patient"] == pytest.approx(0.2, rel=0.2)
    assert record["ResidualSD"]["control"] == pytest.approx(0.05, rel=0.2)
    assert record["Ratio"] == pytest.approx(4, rel=0.3)


def test_one_variance_is_told_where_the_groups_differ(study):
    code, out = study("--method", "draper-stoneman")
    assert code == 0
    stats = json.loads((out / "stats.json").read_text())
    assert not stats["Spreads"]["AllowedFor"]
    assert any("test assumes that they do not" in note for note in stats["Notes"])
    by_default = study(out="other")[1]
    of_default = json.loads((by_default / "stats.json").read_text())
    assert of_default["SignFlips"]
    assert not [note for note in of_default["Notes"] if "differ in spread" in note]
    t = [next(folder.glob("*stat-t_statmap.nii.gz")) for folder in (out, by_default)]
    student, welch = (nib.load(path).get_fdata() for path in t)
    # Eight people of large spread against 24: Student's t is much too large.
    assert np.abs(student).max() > 1.3 * np.abs(welch).max()
    # The size of the difference is in units of one spread of all, however it is tested.
    g = [next(folder.glob("*stat-g_statmap.nii.gz")) for folder in (out, by_default)]
    np.testing.assert_allclose(*(nib.load(path).get_fdata() for path in g), rtol=1e-5)


def test_a_column_without_scans_enough_is_refused_with_all_else(study, tmp_path, capsys):
    people = tmp_path / "participants.tsv"
    first, *rows = people.read_text().splitlines()
    rows = [f"{row}\t{'AB'[i > 0]}" for i, row in enumerate(rows)]
    people.write_text("\n".join([f"{first}\tscanner", *rows]) + "\n")
    (tmp_path / "m0.nii.gz").unlink()
    code, out = study("--variance-groups", "scanner")
    said = capsys.readouterr().err
    assert code == 2
    assert "--variance-groups: The variance of A cannot be estimated" in said
    assert "m0.nii.gz" in said
    assert not out.exists()


def test_a_column_that_is_not_there_is_refused(study, capsys):
    code, out = study("--variance-groups", "scanner")
    said = capsys.readouterr().err
    assert code == 2
    assert "--variance-groups names scanner" in said
    assert "participants.tsv has no such column" in said
    assert not out.exists()
