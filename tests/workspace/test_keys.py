"""Mended code makes new results: the key of a step changes with what computes it."""

import pytest

from commissure.workspace import keys as code
from commissure.workspace.keys import code_of

MADE = ("anatomy", "clean", "maps", "partners", "findings", "methods", "study", "report")


@pytest.fixture
def hashes(monkeypatch):
    """Give what returns all hashes, with a file or a version changed."""

    def read(file=None, program=None):
        real, versions = code.sources.__wrapped__(), code.generated_by
        if file is not None:
            assert file in real
            real[file] = "mended"
        monkeypatch.setattr(code, "sources", lambda: real)
        monkeypatch.setattr(
            code,
            "generated_by",
            lambda *names: [
                one | ({"Version": "mended"} if one["Name"] == program else {})
                for one in versions(*names)
            ],
        )
        found = {made: code_of.__wrapped__(made) for made in MADE}
        monkeypatch.undo()
        return found

    return read


@pytest.mark.parametrize(
    ("file", "made"),
    [
        ("preprocessing/realignment.py", {"anatomy", "clean"}),
        ("measures/kernel.py", {"maps", "partners"}),
        ("space/domain.py", {"anatomy", "clean", "maps", "partners", "findings"}),
        ("inference/glm.py", {"findings"}),
        ("clinical/table1.py", {"findings"}),
        ("study/group/stage.py", {"findings"}),
        ("study/participant/clean_files.py", {"anatomy", "clean"}),
        ("inputs/confounds.py", {"clean"}),
        ("report/data/methods/cfh.md.j2", {"methods", "report"}),
        ("report/assets/report.css", {"methods", "report"}),
        ("files/data/study_readme.md", {"study"}),
        ("cli/run.py", set()),
    ],
)
def test_what_depends_on_a_file_is_made_again(hashes, file, made):
    before, after = hashes(), hashes(file=file)
    assert {name for name in MADE if before[name] != after[name]} == made


@pytest.mark.parametrize(
    ("program", "made"),
    [
        ("greedy", {"anatomy", "clean"}),
        ("numba", {"anatomy", "clean", "maps", "partners", "findings", "report"}),
        ("pandas", {"clean", "findings", "study"}),
    ],
)
def test_what_depends_on_a_library_is_made_again(hashes, program, made):
    before, after = hashes(), hashes(program=program)
    assert {name for name in MADE if before[name] != after[name]} == made


def test_all_sources_are_known():
    names = code.sources()
    assert {"__init__.py", "measures/cfh.py", "report/data/references.bib"} <= names.keys()
    assert not any("__pycache__" in name for name in names)


def test_another_version_of_the_same_code_makes_the_same(hashes):
    assert hashes(program="commissure") == hashes()
