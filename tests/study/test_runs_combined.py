"""What is combined of several images meets at places in mm, not at indices of arrays."""

import json

import nibabel as nib
import numpy as np

from commissure import Domain
from commissure.study.run import run_study
from tests.conftest import store_otherwise
from tests.study.studies import (
    SPACE,
    Inline,
    domain,
    save_series,
    series_of,
    study_of,
    write_derivatives,
    write_participants,
)

N = 6


def write_maps(folder, second):
    """Write two maps of each person: 1 left and 2 right, and what `second` makes of the other."""
    folder.mkdir()
    places = domain()
    lines = ["participant_id\trun\tpath\tkind\tspace"]
    for i in range(1, N + 1):
        noise = np.random.default_rng(i).normal(0, 0.01, (2, places.n_places))
        for run in (1, 2):
            values = np.where(places.coordinates[:, 0] > 0, 2.0, 1.0) + noise[run - 1]
            img = places.to_image(values)
            if run == 2:
                img = second(img)
            name = f"sub-{i:02d}_run-{run}_stat-x_boldmap.nii.gz"
            nib.save(img, folder / name)
            lines.append(f"sub-{i:02d}\t{run}\t{name}\tmap\t{SPACE}")
    (folder / "maps.tsv").write_text("\n".join(lines) + "\n")
    nib.save(places.template, folder / "mask.nii.gz")
    write_participants(folder, N)
    return folder


def group_of(folder, out):
    changes = {"cfh": {"mask": str(folder / "mask.nii.gz")}, "group": {"n_permutations": 8}}
    study = study_of(folder / "maps.tsv", out, changes)
    study = type(study)(**{**vars(study), "participants": folder / "participants.tsv"})
    return run_study(study, "all", Inline())


def without_a_corner(img):
    """Leave out data, as maps do: 0 where there are none."""
    data = np.array(img.dataobj)
    data[: data.shape[0] // 3] = 0
    return nib.Nifti1Image(data, img.affine)


def test_runs_stored_otherwise_are_averaged_at_the_same_places(tmp_path):
    folder = write_maps(tmp_path / "in", lambda img: store_otherwise(img, (1, 0, 2), (-1, 1, -1)))
    outcome = group_of(folder, tmp_path / "out")
    assert outcome.group is not None, outcome.group_problems
    (path,) = (tmp_path / "out" / "sub-01").rglob("*desc-meanOfRuns_boldmap.nii.gz")
    mean = domain().sample(nib.load(path))
    x = domain().coordinates[:, 0]
    np.testing.assert_allclose(mean, np.where(x > 0, 2.0, 1.0), atol=0.1)


def test_a_place_that_a_run_lacks_is_missing_not_zero(tmp_path):
    folder = write_maps(tmp_path / "in", without_a_corner)
    outcome = group_of(folder, tmp_path / "out")
    assert outcome.group is not None, outcome.group_problems
    (path,) = (tmp_path / "out" / "sub-01").rglob("*desc-meanOfRuns_boldmap.nii.gz")
    mean = domain().sample(nib.load(path))
    lost = domain().voxels[:, 0] < domain().grid.shape[0] // 3
    assert np.isnan(mean[lost]).all()
    assert np.isfinite(mean[~lost]).all()
    about = json.loads(path.with_name(path.name.replace(".nii.gz", ".json")).read_text())
    assert "every run has a value" in about["Notes"][0]
    group = tmp_path / "out" / "group"
    of_group = nib.load(group / "group-patient_stat-mean_statmap.nii.gz")
    where = Domain.from_mask(domain().template).sample(of_group)
    x = domain().coordinates[~lost, 0]
    np.testing.assert_allclose(where[~lost], np.where(x > 0, 2.0, 1.0), atol=0.1)


def test_a_run_on_a_shifted_grid_is_refused(tmp_path):
    def shifted(img):
        affine = img.affine.copy()
        affine[1, 3] += 24
        return nib.Nifti1Image(np.asarray(img.dataobj), affine)

    folder = write_maps(tmp_path / "in", shifted)
    try:
        outcome = group_of(folder, tmp_path / "out")
        said = " ".join(outcome.group_problems)
    except ValueError as error:  # told before anything is computed
        said = str(error)
    assert "run-2" in said
    assert "grid" in said
    assert not list((tmp_path / "out").rglob("*statmap.nii.gz"))


def test_runs_of_different_length_count_by_their_volumes(tmp_path):
    folder = write_derivatives(tmp_path / "in")
    n = {"1": 60, "2": 40}
    for i in range(1, 7):
        for run, length in n.items():
            name = f"sub-{i:02d}_task-rest_run-{run}_space-{SPACE}_desc-clean_bold.nii.gz"
            path = folder / f"sub-{i:02d}" / "func" / name
            save_series(series_of(10 * i + int(run))[:, :length], path)
            path.with_name(name.replace(".nii.gz", ".json")).write_text('{"RepetitionTime": 2.0}')
        for path in (folder / f"sub-{i:02d}" / "func").glob("*_task-rest_space*"):
            path.unlink()
    outcome = run_study(study_of(folder, tmp_path / "out"), "all", Inline())
    assert outcome.group is not None, outcome.group_problems
    assert any("40 to 60 volumes" in note for note in outcome.notes)
    (path,) = (tmp_path / "out" / "sub-01").rglob("*stat-cfh_desc-meanOfRuns_boldmap.nii.gz")
    places = domain()
    both = {
        run: places.sample(
            nib.load(next(path.parent.glob(f"*run-{run}*stat-cfh_*clean_boldmap.nii.gz")))
        )
        for run in n
    }
    expected = (60 * both["1"] + 40 * both["2"]) / 100
    found = places.sample(nib.load(path))
    np.testing.assert_allclose(found[found != 0], expected[found != 0], rtol=1e-6)
    assert (np.abs(found - (both["1"] + both["2"]) / 2)[found != 0] > 1e-3).any()
