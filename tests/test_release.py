"""What is released: the version, and the files of an sdist."""

import re
import tomllib
from pathlib import Path

import commissure

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def test_an_sdist_has_the_package_and_no_scans():
    included = PROJECT["tool"]["hatch"]["build"]["targets"]["sdist"]["only-include"]
    files = [file for path in map(ROOT.joinpath, included) for file in (path, *path.rglob("*"))]
    assert ROOT / "src/commissure/__init__.py" in files
    assert all(ROOT.joinpath(path).exists() for path in included)
    assert not [file for file in files if file.is_relative_to(ROOT / "tests")]
    assert sum(file.stat().st_size for file in files if "__pycache__" not in file.parts) < 10e6


def test_the_version_is_nowhere_written_by_hand():
    assert PROJECT["project"]["dynamic"] == ["version"]
    assert "src/commissure/_version.py" in (ROOT / ".gitignore").read_text()
    assert not re.search(r"^version:", (ROOT / "CITATION.cff").read_text(), re.MULTILINE)
    assert re.match(r"\d+\.\d+", commissure.__version__)


def test_the_oldest_python_is_the_oldest_that_is_named():
    named = [c.rpartition(" ")[2] for c in PROJECT["project"]["classifiers"] if ":: 3." in c]
    assert PROJECT["project"]["requires-python"] == f">={named[0]}"
