"""The command as a user gives it: what appears, and what is said of wrong input."""

import gzip
import json
import os

import nibabel as nib
import numpy as np
import pytest

from commissure import Domain, __version__, cfh
from commissure.cli import main
from commissure.measures import noise_floor
from commissure.measures.matching import rarefied
from commissure.preprocessing import bandpass
from tests.conftest import ball_image

RNG_SEED = 4


def noise(domain, n_volumes=40, seed=RNG_SEED):
    rng = np.random.default_rng(seed)
    shared = rng.standard_normal((domain.n_places, 3)) @ rng.standard_normal((3, n_volumes))
    return (shared + rng.standard_normal((domain.n_places, n_volumes))).astype(np.float32)


@pytest.fixture
def mask(tmp_path):
    path = tmp_path / "gm.nii.gz"
    nib.save(ball_image(), path)
    return path


@pytest.fixture
def run(mask, tmp_path, capsys):
    """Run `commissure cfh` and return its exit code and what it said on standard error."""

    def run(*arguments, out=tmp_path / "out"):
        code = main(["cfh", *map(str, arguments), "--mask", str(mask), "-o", str(out)])
        said = capsys.readouterr()
        assert said.out == ""
        return code, said.err

    return run


def read(domain, out, stat, name="sub-01_space-MNI152NLin6Asym"):
    return domain.sample(nib.load(out / f"{name}_stat-{stat}_boldmap.nii.gz"))


def test_writes_maps_sidecars_and_pictures(run, write_scan, domain, tmp_path):
    series = noise(domain)
    code, _ = run(write_scan(series))
    assert code == 0
    out = tmp_path / "out"
    expected = cfh(series, domain)
    np.testing.assert_array_equal(read(domain, out, "cfh"), expected.z)
    np.testing.assert_array_equal(read(domain, out, "cfhr"), expected.r)
    np.testing.assert_allclose(read(domain, out, "cfhshift"), expected.shift(domain), rtol=1e-6)
    partner = read(domain, out, "cfhpartner")
    has = expected.partner >= 0
    np.testing.assert_allclose(partner[has], domain.coordinates[expected.partner[has]], rtol=1e-6)
    assert np.isnan(partner[~has]).all()
    names = {path.name for path in out.iterdir()}
    stem = "sub-01_space-MNI152NLin6Asym_stat-"
    assert names == {
        f"{stem}{stat}_boldmap{end}"
        for stat in ("cfh", "cfhr", "cfhpartner", "cfhshift", "cfhfloor")
        for end in (".nii.gz", ".json")
    } | {f"{stem}cfh_boldmap.png", f"{stem}cfhfloor_boldmap.png", ".commissure.json"}
    sidecar = json.loads((out / f"{stem}cfh_boldmap.json").read_text())
    assert sidecar["Settings"]["midline_mm"] == 3
    assert sidecar["GeneratedBy"][0]["Version"] == __version__
    assert sidecar["Places"]["Left"] == len(domain.left)
    assert sidecar["RepetitionTime"] == 2
    assert sidecar["Space"] == "MNI152NLin6Asym"


def test_the_same_command_gives_the_same_bytes(run, write_scan, domain, tmp_path):
    scan = write_scan(noise(domain))
    for out in ("a", "b"):
        assert run(scan, out=tmp_path / out)[0] == 0
    for path in (tmp_path / "a").iterdir():
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes(), path.name


def test_options_reach_the_kernel(run, write_scan, domain, tmp_path):
    series = noise(domain)
    arguments = ("--band", 0.02, 0.1, "--band-padding", "dpabi", "--tr", 1.5, "--dtype", "float64")
    assert run(write_scan(series), *arguments, "--midline-mm", 6, "--n-threads", 1)[0] == 0
    wide = Domain.from_mask(ball_image(), midline_mm=6)
    filtered = bandpass(series.astype(float), 1.5, 0.02, 0.1, "dpabi")
    expected = cfh(filtered, wide, dtype="float64")
    np.testing.assert_array_equal(
        read(wide, tmp_path / "out", "cfhr"), expected.r.astype(np.float32)
    )


def test_noise_floor(run, write_scan, domain, tmp_path):
    series = noise(domain)
    assert run(write_scan(series), "--noise-floor", 3, "--seed", 7)[0] == 0
    expected = noise_floor(series, domain, n_surrogates=3, seed=7)
    np.testing.assert_allclose(read(domain, tmp_path / "out", "cfhfloor"), expected.mean_z, 1e-6)
    folder = tmp_path / "out"
    floor, cfh_ = (
        json.loads((folder / f"sub-01_space-MNI152NLin6Asym_stat-{stat}_boldmap.json").read_text())
        for stat in ("cfhfloor", "cfh")
    )
    assert floor["Settings"]["noise_floor"] == 3
    assert floor["Settings"]["noise_floor_seed"] == 7
    assert "surrogates" in floor["Description"]
    assert [
        r.split()[0].rstrip(",") for r in floor["References"] if r not in cfh_["References"]
    ] == ["Prichard"]


def test_scans_are_matched(run, write_scan, domain, tmp_path):
    series = noise(domain)
    scan = write_scan(series)
    sidecar = scan.with_name(scan.name.replace(".nii.gz", ".json"))
    match = ("--match", "rarefied", "--match-draws", 2, "--noise-floor", 0)
    code, said = run(scan, *match, "--match-df", 12)
    assert code == 2
    assert f"{scan} has no EffectiveDegreesOfFreedom in a sidecar beside it" in said
    df = series.shape[1] - 1
    sidecar.write_text(json.dumps({"EffectiveDegreesOfFreedom": df}))
    assert f"these scans have {df} or more" in run(scan, *match)[1]
    assert "fewer than the 1000 of" in run(scan, *match, "--match-df", 1000)[1]
    assert run(scan, *match, "--match-df", 12)[0] == 0
    rng = np.random.default_rng([0, *scan.name.encode()])
    series = domain.sample(nib.load(scan))
    expected = [cfh(draw, domain).z for draw in rarefied(series, 12, df, 2, rng)]
    found = read(domain, tmp_path / "out", "cfh")
    np.testing.assert_allclose(found, np.mean(expected, axis=0), atol=1e-6)


def test_partner_of_the_group(run, write_scan, domain, tmp_path):
    series = [noise(domain, seed=n) for n in (1, 2)]
    scans = [write_scan(s, f"sub-0{n}_space-MNIx_bold") for n, s in enumerate(series)]
    assert run(*scans, "--partner", "group")[0] == 0
    for n, expected in enumerate(cfh(series, domain, partner="group")):
        found = read(domain, tmp_path / "out", "cfh", f"sub-0{n}_space-MNIx")
        np.testing.assert_array_equal(found, expected.z)
    assert sum(path.is_dir() for path in (tmp_path / "out").iterdir()) == 0


@pytest.mark.parametrize("name", ["sub-01_bold", "sub-01_space-T1w_bold"])
def test_native_space_is_warned_of(run, write_scan, domain, name):
    scan = write_scan(noise(domain), name)
    assert "no template space" in run(scan, "--quiet")[1]
    assert "no template space" not in run(scan, "--quiet", "--space", "MNI152NLin6Asym")[1]


def test_quiet_says_nothing(run, write_scan, domain):
    assert run(write_scan(noise(domain)), "--quiet") == (0, "")


def test_left_out_places_are_counted(run, write_scan, domain, tmp_path):
    series = noise(domain)
    series[domain.left[:2]] = 5
    series[domain.right[0], 3] = np.nan
    assert run(write_scan(series), "--band", "0.01", "0.1")[0] == 0
    path = tmp_path / "out/sub-01_space-MNI152NLin6Asym_stat-cfh_boldmap.json"
    counts = json.loads(path.read_text())["Places"]["LeftOut"]
    assert counts["Constant time series"] == 2
    assert counts["Time series with values that are not finite"] == 1


def save(img, path):
    nib.save(img, path)
    return path


def three_dimensional(domain, write_scan, tmp_path):
    return (save(domain.to_image(noise(domain)[:, 0]), tmp_path / "x.nii.gz"),), "3 dimensions"


def two_volumes(domain, write_scan, tmp_path):
    return (write_scan(noise(domain, 2)),), "2 volumes; correlations of fewer than 4"


def another_grid(domain, write_scan, tmp_path):
    data = np.zeros((*ball_image(step=2).shape, 5), np.float32)
    img = nib.Nifti1Image(data, ball_image(step=2).affine)
    return (save(img, tmp_path / "x.nii.gz"),), "is not on the grid of"


def not_a_number(domain, write_scan, tmp_path):
    return (write_scan(noise(domain) * np.nan),), "No time series of the left hemisphere"


def beyond_nyquist(domain, write_scan, tmp_path):
    return (write_scan(noise(domain)), "--band", "0.01", "0.4"), "Nyquist"


def no_repetition_time(domain, write_scan, tmp_path):
    img = nib.Nifti1Image(np.asarray(domain.to_image(noise(domain)).dataobj), ball_image().affine)
    return (save(img, tmp_path / "x.nii.gz"), "--band", "0.01", "0.1"), "Give --tr"


def milliseconds(domain, write_scan, tmp_path):
    scan = write_scan(noise(domain), "x_bold")
    (tmp_path / "x_bold.json").write_text('{"RepetitionTime": 2000}')
    return (scan, "--band", "0.01", "0.1"), "must be milliseconds"


def truncated(domain, write_scan, tmp_path):
    scan = write_scan(noise(domain))
    scan.write_bytes(scan.read_bytes()[:-2000])
    return (scan,), "damaged or cut short"


def truncated_unzipped(domain, write_scan, tmp_path):
    whole = gzip.decompress(write_scan(noise(domain)).read_bytes())
    scan = tmp_path / "x.nii"
    scan.write_bytes(whole[:-2000])
    return (scan,), "damaged or cut short"


def corrupted(domain, write_scan, tmp_path):
    scan = write_scan(noise(domain))
    whole = bytearray(scan.read_bytes())
    whole[len(whole) // 2] ^= 255
    scan.write_bytes(whole)
    return (scan,), "damaged or cut short"


def not_an_image(domain, write_scan, tmp_path):
    scan = tmp_path / "x.nii.gz"
    scan.write_text("hello")
    return (scan,), "cannot be read as an image"


def missing(domain, write_scan, tmp_path):
    return (tmp_path / "nobody.nii.gz",), "does not exist"


def not_nifti(domain, write_scan, tmp_path):
    scan = tmp_path / "x.txt"
    scan.write_text("hello")
    return (scan,), "must end in .nii or .nii.gz"


def same_names(domain, write_scan, tmp_path):
    scan = write_scan(noise(domain))
    return (scan, scan), "would have the same name"


def too_little_memory(domain, write_scan, tmp_path):
    return (write_scan(noise(domain)), "--max-memory", "1K"), "--max-memory"


def unreadable_memory(domain, write_scan, tmp_path):
    return (write_scan(noise(domain)), "--max-memory", "lots"), "is not a size"


def no_threads(domain, write_scan, tmp_path):
    return (
        write_scan(noise(domain)),
        "--n-threads",
        "0",
    ), "--n-threads 0: it must be a whole number"


def one_surrogate(domain, write_scan, tmp_path):
    return (write_scan(noise(domain)), "--noise-floor", "1"), "--noise-floor 1: give 2 or more"


def floor_of_the_group(domain, write_scan, tmp_path):
    return (
        write_scan(noise(domain)),
        "--noise-floor",
        "3",
        "--partner",
        "group",
    ), "--partner group"


def negative_seed(domain, write_scan, tmp_path):
    return (write_scan(noise(domain)), "--noise-floor", "3", "--seed", "-1"), "--seed -1: it must"


PROBLEMS = [
    three_dimensional, two_volumes, another_grid, not_a_number, beyond_nyquist, no_repetition_time,
    milliseconds, truncated, truncated_unzipped, corrupted, not_an_image, missing, not_nifti,
    same_names, too_little_memory, unreadable_memory, no_threads, one_surrogate,
    floor_of_the_group, negative_seed,
]  # fmt: skip


@pytest.mark.parametrize("problem", PROBLEMS, ids=lambda problem: problem.__name__)
def test_wrong_input_is_one_clear_line_and_no_output(run, problem, domain, write_scan, tmp_path):
    arguments, message = problem(domain, write_scan, tmp_path)
    code, said = run(*arguments, "--quiet", "--space", "MNI152NLin6Asym")
    assert code == 2
    assert said.count("\n") == 1
    assert said.startswith("commissure: ")
    assert message in said
    assert not (tmp_path / "out").exists()


def test_bad_masks_are_refused(run, write_scan, domain, mask, tmp_path):
    empty = nib.Nifti1Image(np.zeros((11, 10, 9), np.uint8), ball_image().affine)
    nib.save(empty, mask)
    code, said = run(write_scan(noise(domain)))
    assert code == 2
    assert f"{mask} is empty" in said


def test_all_problems_are_told_at_once(run, write_scan, domain, tmp_path):
    good = write_scan(noise(domain), "good_bold")
    cut = write_scan(noise(domain), "cut_bold")
    cut.write_bytes(cut.read_bytes()[:-2000])
    empty = write_scan(noise(domain) * np.nan, "empty_bold")
    code, said = run(good, cut, empty, "--quiet", "--space", "MNI")
    assert code == 2
    assert [line.split(":")[1].split("/")[-1].split()[0] for line in said.splitlines()] == [
        "cut_bold.nii.gz",
        "empty_bold.nii.gz",
    ]
    assert not (tmp_path / "out").exists()


def test_a_failure_leaves_earlier_results_alone(run, write_scan, domain, tmp_path):
    assert run(write_scan(noise(domain)))[0] == 0
    before = {path: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    assert run(write_scan(noise(domain) * np.nan))[0] == 2
    assert {path: path.read_bytes() for path in (tmp_path / "out").iterdir()} == before


def test_unwritable_output_is_refused(run, write_scan, domain, tmp_path):
    (tmp_path / "file").write_text("")
    code, said = run(write_scan(noise(domain)), "--quiet", out=tmp_path / "file" / "out")
    assert code == 2
    assert "Cannot write to" in said


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_read_only_output_is_refused(run, write_scan, domain, tmp_path):
    folder = tmp_path / "read-only"
    folder.mkdir(mode=0o500)
    code, said = run(write_scan(noise(domain)), "--quiet", out=folder / "out")
    assert code == 2
    assert "Cannot write to" in said


def test_version_and_help(capsys):
    for option in ("--version", "--help"):
        with pytest.raises(SystemExit) as stop:
            main([option])
        assert stop.value.code == 0
    assert f"commissure {__version__}" in capsys.readouterr().out
