"""No path leads out of its folder, no two labels are one file, and only our own is removed."""

import pytest

from commissure.problems import InputError
from commissure.workspace.paths import (
    file_name,
    inside,
    label_of,
    make_folder,
    remove_folder,
)

LABELS = [
    "sub-01", "SUB-01", "Sub-01", "sub_01", "sub01", "con", "CON", "con.a", "nul", "lpt1",
    ".", "..", "a.", ".a",
    "a.b", "../../x", "/home/me", "~",
    "C:\\x", "a\0", "a\nb", "é", "É", "", " ", "=a", "A", "%41", "%", "左",
]  # fmt: skip


def test_files_named_after_labels_are_distinct_and_harmless(tmp_path):
    names = [file_name(label) for label in LABELS if label]
    assert len({name.lower() for name in names}) == len(names)
    for name in names:
        assert inside(tmp_path, f"{name}.json").parent == tmp_path
        assert not name.startswith(".")
        assert not name.endswith((".", " "))
        assert not set(name) & set('/\\:*?"<>|\0\n')
        assert name.partition(".")[0] not in ("con", "nul", "lpt1")


@pytest.mark.parametrize("label", LABELS)
def test_the_label_is_found_in_the_name(label):
    assert label_of(file_name(label)) == label


def test_plain_labels_are_names_as_they_are():
    assert file_name("sub-01") == "sub-01"
    assert file_name("group") == "group"


@pytest.mark.parametrize("part", ["..", "../x", "/etc/x", "a/../../x", "", ".", "a\0b", "link/x"])
def test_no_path_leads_out(tmp_path, part):
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "link").symlink_to(tmp_path)
    with pytest.raises(InputError, match="leads out of"):
        inside(folder, part)


def test_only_what_was_made_is_removed(tmp_path):
    ours, other, link = make_folder(tmp_path / "ours"), tmp_path / "other", tmp_path / "link"
    (ours / "x").write_text("x")
    other.mkdir()
    (other / "scan.nii").write_text("x")
    link.symlink_to(ours)
    for path in (other, link, make_folder(other)):
        with pytest.raises(InputError, match="not made by commissure"):
            remove_folder(path)
    assert (other / "scan.nii").exists()
    remove_folder(ours)
    remove_folder(ours)
    assert not ours.exists()
