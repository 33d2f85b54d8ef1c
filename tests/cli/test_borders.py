"""What enters by the command line: one sentence and exit code 2, whatever it is."""

import os
import subprocess
import sys

import nibabel as nib
import numpy as np
import pytest

from commissure.cli import main
from commissure.cli.arguments import in_flags
from commissure.cli.main import BAD_INPUT, DEFECT
from tests.conftest import ball_image

STATS = ["stats", "--maps", "m", "--participants", "p", "--mask", "k", "--formula", "a"]
STATS += ["--contrast", "b", "-o", "o"]
CFH = ["cfh", "a.nii", "--mask", "m", "-o", "o"]
RUN = ["run", "a", "b", "all"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "arguments are required: COMMAND. See commissure --help"),
        (["rum"], "invalid choice: 'rum'"),
        (["run"], "required: INPUT, OUT_DIR, stage. See commissure run --help"),
        ([*STATS, "--alpha"], "--alpha: expected one argument"),
        ([*STATS, "--alpha", "nan"], "--alpha NaN: it must be a number from"),
        ([*STATS, "--seed", "-1"], "--seed -1: it must be a whole number from 0"),
        ([*STATS, "--seed", str(2**70)], "it must be a whole number from 0"),
        ([*STATS, "--n-permutations", str(10**12)], "would take about 181 years"),
        ([*STATS, "--cluster-forming-p", "0.7"], "--cluster-forming-p 0.7: it must be"),
        ([*STATS, "--n-threads", "0"], "--n-threads 0: it must be a whole number from 1"),
        ([*STATS, "--max-memory", "1e400G"], "is not a size"),
        ([*STATS, "--max-memory", "9" * 400 + "G"], "is not a size"),
        ([*STATS, "--alpha", "0.01", "--alpha", "0.05"], "--alpha: it is given twice"),
        ([*CFH, "--midline-mm", "inf"], "--midline-mm Infinity: it must be a number"),
        ([*CFH, "--tr", "1e308"], "--tr 1e+308: it must be a number from 0.02 to 20"),
        ([*CFH, "--band", "0.01", "nan"], "--band [0.01, NaN]: a number in it is not finite"),
        ([*CFH, "--band", "0.1", "99"], "a list of 2, each a number from 0 to 10"),
        ([*CFH, "--noise-floor", "1"], "--noise-floor 1: give 2 or more surrogates"),
        (["preprocess", "a", "b", "--fwhm", "1e308"], "--fwhm 1e+308: it must be"),
        (["preprocess", "a", "b", "--max-mean-fd", "nan"], "--max-mean-fd NaN: it must be"),
        (["preprocess", "a", "b", "--fwhm", "4mm"], '--fwhm "4mm": it must be a number'),
        ([*RUN, "--mem-gb", "inf"], "--mem-gb Infinity: it must be a number from 0.1"),
        ([*RUN, "--seed", "-1"], "--seed -1: it must be"),
        ([*RUN, "--set", "group.seed=-1"], "[group] seed = -1: it must be"),
        ([*RUN, "--set", "group.seed=1", "--seed", "2"], "--set group.seed: --seed gives it too"),
        ([*RUN, "--set", "group.seed"], "Write --set TABLE.NAME=VALUE"),
        ([*RUN, "--set", "group.seed=1", "--set", "group.seed=2"], "gives it too"),
        ([*RUN, "--set", "grop.seed=1"], "there is no table [grop]. Is group meant?"),
        ([*RUN, "--set", "group.seed=1\nalpha = 0.9"], "[group] seed"),
        ([*RUN, "--formula", "a + \ud800"], "has characters that no file can have"),
        ([*RUN, "--config", "/dev/zero"], "/dev/zero cannot be read"),
        (["simulate", "o", "--seed", "-1"], "--seed: -1 is no whole number"),
        (["simulate", "o", "--seed", "1", "--effect", "inf"], "--effect: inf is no number"),
        (["power", "--effect", "nan", "-o", "o"], "--effect: nan is no number"),
    ],
)
def test_wrong_arguments_are_told_in_one_form(tmp_path, monkeypatch, capsys, arguments, said):
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == BAD_INPUT
    err = capsys.readouterr().err
    assert said in err
    assert all(line.startswith("commissure: ") for line in err.splitlines())
    assert not list(tmp_path.iterdir())


def test_settings_are_called_as_the_user_wrote_them():
    said = '[group] within = "x": nobody. Set [group] subset.'
    assert in_flags(said, {"group.within": "--within"}) == (
        '--within "x": nobody. Set [group] subset.'
    )


def test_a_defect_is_called_one_and_shows_where_it_is(monkeypatch, capsys):
    def defect(*_):
        raise KeyError("inside")

    monkeypatch.setattr("commissure.cli.config.settings_of", defect)
    assert main(["config", "show"]) == DEFECT
    said = capsys.readouterr().err
    assert said.startswith("commissure: this is a defect of commissure, not of your input.")
    assert "KeyError: 'inside'" in said


def test_what_is_wrong_with_the_machine_is_no_defect(monkeypatch, capsys):
    def full(*_):
        raise OSError(28, "No space left on device", "/out/map.nii.gz")

    monkeypatch.setattr("commissure.cli.config.settings_of", full)
    assert main(["config", "show"]) == BAD_INPUT
    assert "/out/map.nii.gz: No space left on device. Make room" in capsys.readouterr().err


def test_what_config_show_prints_is_read_again(tmp_path, capsys):
    changes = ["--set", "group.formula=group:smile:age + sex", "--set", 'dask.env = ["a=\\"b"]']
    assert main(["config", "show", *changes]) == 0
    shown = capsys.readouterr().out
    file = tmp_path / "study.toml"
    file.write_text(shown)
    assert main(["config", "show", "--config", str(file)]) == 0
    assert capsys.readouterr().out == shown


def _program(*arguments, **how):
    return subprocess.Popen(
        [sys.executable, "-m", "commissure", *arguments], stderr=subprocess.PIPE, **how
    )


def test_a_reader_who_has_gone_is_no_traceback():
    read, write = os.pipe()
    os.close(read)
    with _program("config", "schema", stdout=write) as process:
        os.close(write)
        assert process.stderr.read() == b""
    assert process.returncode == 141


def test_closed_and_narrow_streams_and_no_home(tmp_path):
    bare = {"PATH": os.environ["PATH"], "PYTHONPATH": ":".join(sys.path), "LC_ALL": "C"}
    bare |= {"PYTHONIOENCODING": "ascii", "PYTHONDONTWRITEBYTECODE": "1"}
    argument = "group.formula=größe + alter"
    for close in (">&-", "2>&-", ">/dev/null"):
        command = f'exec "$0" -m commissure config show --set "$1" {close}'
        done = subprocess.run(
            ["/bin/sh", "-c", command, sys.executable, argument], env=bare, capture_output=True
        )
        assert done.returncode == 0, done.stderr
        assert b"Traceback" not in done.stderr


def test_version_and_help_load_no_numbers():
    code = "import sys; from commissure.cli import main\ntry: main(['--help'])\nexcept SystemExit: "
    code += "pass\nassert not {'numpy', 'numba', 'pydantic'} & set(sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True).returncode == 0


def test_backend_of_a_notebook_is_not_asked_for(tmp_path):
    """Jupyter leaves MPLBACKEND to what it starts, where its backend may not be installed."""
    environment = {**os.environ, "MPLBACKEND": "module://not_installed.backend_inline"}
    command = [sys.executable, "-m", "commissure", "stats", "--help"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_home_is_where_outputs_go(write_scan, domain, tmp_path, monkeypatch):
    """Of --out=~/maps shells leave the ~ to the program, and nibabel takes it for the home."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    nib.save(ball_image(), tmp_path / "gm.nii.gz")
    series = np.random.default_rng(0).standard_normal((domain.n_places, 40)).astype(np.float32)
    scan = write_scan(series)
    code = main(
        ["cfh", str(scan), "--mask", "gm.nii.gz", "--out=~/maps", "--set", "cfh.noise_floor=0"]
    )
    assert code == 0
    assert list((tmp_path / "home" / "maps").glob("*stat-cfh_boldmap.nii.gz"))
    assert not (tmp_path / "~").exists()
