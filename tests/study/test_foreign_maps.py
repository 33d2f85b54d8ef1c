"""Maps that DPABI made are told by their own name, from the command line to every text."""

import re
import zipfile

import nibabel as nib
import numpy as np
import pytest

from commissure.cli import main
from tests.study.studies import domain, write_participants

SETTINGS = """
[quality]
least_volumes = 10
[group]
formula = "group + age"
contrast = "group[patient] - group[control]"
mean_fd_covariate = false
clinical = ["score"]
within = "patient"
n_permutations = 60
atlas = "none"
"""


@pytest.fixture(scope="module")
def out(tmp_path_factory):
    root = tmp_path_factory.mktemp("dpabi")
    rng = np.random.default_rng(0)
    places = domain()
    folder = root / "in" / "Results" / "VMHC_FunImgARCWF"
    folder.mkdir(parents=True)
    for i in range(1, 11):
        values = 0.5 + 0.1 * rng.standard_normal(places.n_places)
        values += 0.3 * (i % 2) * (np.linalg.norm(places.coordinates - (30, 0, 6), axis=1) < 30)
        img = places.to_image(values.astype(np.float32))
        nib.save(img, folder / f"zVMHCMap_sub-{i:02d}.nii")
    write_participants(root / "in", 10)
    (root / "in" / "participants.json").write_text('{"age": {"Units": "year"}}')
    (root / "study.toml").write_text(SETTINGS)
    options = ["--config", str(root / "study.toml"), "--set", "input.measure=VMHC", "--quiet"]
    options += ["--set", 'input.space="MNI152NLin2009aSym"']
    assert main(["run", str(root / "in"), str(root / "out"), "all", *options]) == 0
    return root / "out"


def words_of(path):
    if path.suffix == ".docx":
        with zipfile.ZipFile(path) as file:
            return re.sub(r"<[^>]+>", " ", file.read("word/document.xml").decode())
    text = path.read_text(encoding="utf-8", errors="replace")
    if path.suffix == ".html":
        text = re.sub(r"<(script|style)\b[\s\S]*?</\1>|data:[\w/+;]+base64,[^\"]*", "", text)
    return text


def texts(out):
    kinds = {".html", ".md", ".txt", ".bib", ".docx", ".tsv", ".svg"}
    found = [path for path in out.rglob("*") if path.suffix in kinds]
    return [path for path in found if ".commissure" not in path.parts]


def test_no_text_calls_them_cfh(out):
    found = texts(out)
    assert {"report.html", "methods.docx", "clusters.docx"} <= {path.name for path in found}
    told = {
        path.name: line
        for path in found
        for line in words_of(path).splitlines()
        if re.search(r"\bCFH\b|functionally homotopic", line) and "simulated studies" not in line
    }
    assert not told


def test_they_have_their_name_and_their_source(out):
    methods = words_of(out / "group" / "methods.txt")
    assert "maps of voxel-mirrored homotopic connectivity (VMHC, Zuo et al., 2010)" in methods
    assert "10.1523/JNEUROSCI.2612-10.2010" in methods
    assert "Liu, " not in methods
    page = " ".join(words_of(out / "report.html").split())
    assert "VMHC study out" in page
    assert "VMHC was higher in patient than in control" in page
    assert "age (year), " in page


def test_nothing_is_said_to_come_that_never_comes(out):
    page = words_of(out / "sub-01.html")
    assert "taken as it is" in page
    assert " yet" not in page
    assert "there are none that were cleaned otherwise" in words_of(out / "report.html")


def test_units_are_in_table_1(out):
    assert "age (year), " in words_of(out / "group" / "table1.docx")


def test_svg_axes_have_their_name(out):
    # Text is drawn as outlines, each with what it says in a comment.
    said = [words_of(path) for path in (out / "figures").glob("effect_*.svg")]
    assert said
    assert all("adjusted VMHC (Fisher z)" in text for text in said)
