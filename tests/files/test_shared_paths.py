"""What files are called in what is shared: never where they lie."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commissure.files.shared_paths import in_argument, in_sentence, recorded_name, shared_name


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/home/jane/study/sub-01/func/sub-01_bold.nii.gz", "sub-01/func/sub-01_bold.nii.gz"),
        ("/home/jane/FunImgARWS/Sub_001/4D.nii", "FunImgARWS/Sub_001/4D.nii"),
        ("/home/jane/mask.nii.gz", "mask.nii.gz"),
        ("mask.nii.gz", "mask.nii.gz"),
        ("bids::sub-01/func/x.nii.gz", "bids::sub-01/func/x.nii.gz"),
        ("/home/sub-jane/in/sub-01/func/x.nii.gz", "sub-01/func/x.nii.gz"),
        ("/home/jane/FunImgARWS/sub-01/4D.nii", "FunImgARWS/sub-01/4D.nii"),
        (r"C:\Users\jane\sub-01\func\x.nii.gz", "sub-01/func/x.nii.gz"),
        (r"\\clinic\share\jane\mask.nii.gz", "mask.nii.gz"),
        (r"data\jane\mask.nii.gz", "mask.nii.gz"),
        ("file:///home/jane/mask.nii.gz", "mask.nii.gz"),
        ("/jane", "jane"),
    ],
)
def test_a_file_is_called_from_its_participant_on(path, name):
    assert shared_name(path) == name


def test_files_of_the_same_name_are_told_apart():
    names = {recorded_name(Path(f"/data/{who}/bold.nii.gz")) for who in ("a", "b")}
    assert len(names) == 2
    assert all(name.startswith("bold.nii.gz#") for name in names)


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("mine=/home/jane/roi.nii.gz", "mine=roi.nii.gz"),
        ("/a/atlas.nii.gz,/b/labels.tsv", "atlas.nii.gz,labels.tsv"),
        ("--config=~/study.toml", "--config=study.toml"),
        ("../study", "study"),
        ("/home/jane/study/", "study"),
        ("(group[a] + group[b])/2 - group[c]", "(group[a] + group[b])/2 - group[c]"),
        ("sphere=1,2,3,4", "sphere=1,2,3,4"),
        ("recommended", "recommended"),
        (r"mine=C:\Users\jane\roi.nii.gz", "mine=roi.nii.gz"),
        (r"\\clinic\jane\study", "study"),
        ("data/jane/roi.nii.gz,more/jane/b.tsv", "roi.nii.gz,b.tsv"),
        ("-o/home/jane/out", "-oout"),
        ("atlas:/home/jane/x", "atlas:x"),
        ("-1.5", "-1.5"),
    ],
)
def test_an_argument_keeps_all_but_folders(given, shown):
    assert in_argument(given) == shown


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("/home/jane/x/sub-01/func/y.nii is damaged.", "sub-01/func/y.nii is damaged."),
        ("(/home/jane/mask.nii, '/a/b.nii')", "(mask.nii, 'b.nii')"),
        ("my study: /my study/sub-02/anat/z.nii", "my study: sub-02/anat/z.nii"),
        ("(group[a] + group[b]) / 2, (a)/2/3, 1/20 and/or", None),
        ("https://example.org/a/b and bids::sub-01/func/x.nii", None),
        (r"C:\Users\jane\x.nii is cut; D:/jane/y.nii too", "x.nii is cut; y.nii too"),
        (r"see \\clinic\jane\x.", "see x."),
        ("/jane is full, and ../jane/x, ~jane/y", "jane is full, and x, y"),
        ("data/jane/x.nii.gz is cut, 5 mm/s, and/or 3/4", "x.nii.gz is cut, 5 mm/s, and/or 3/4"),
        ("from file:///home/jane/x.nii: no", "from x.nii: no"),
        ("p < 1/20 by ~5/7 of 10 /2", None),
        (r"C:\Users\jane roe\x.nii is cut; D:/y.nii too", "x.nii is cut; y.nii too"),
        (r"\\clinic\a share\jane roe\x.nii and \\b\d\c.nii", "x.nii and c.nii"),
    ],
)
def test_a_sentence_keeps_all_but_folders(said, shown):
    assert in_sentence(said, Path("/my study/sub-02/anat"), Path("/my study")) == (shown or said)


PART = (
    st.text("abcXYZ019 äé_-+", min_size=1, max_size=8)
    .map(str.strip)
    .filter(lambda p: p[:1].isalnum())
)
ROOTS = st.sampled_from(
    ["/", "~/", "./", "../", "C:\\", "d:/", "\\\\server\\", "file:///", "data/"]
)
AROUND = st.sampled_from(
    [("", ""), ("(", ")"), ("'", "'"), ("see ", "."), ("file: ", ", again"), ("x=", "")]
)


@given(ROOTS, st.lists(PART.filter(lambda p: " " not in p), min_size=1), AROUND, st.booleans())
def test_no_folder_of_any_path_is_left(root, parts, around, in_person):
    sign = "\\" if "\\" in root else "/"
    folders = [*(f"jane{part}" for part in parts), *(["sub-01", "func"] if in_person else [])]
    path = root + sign.join([*folders, "x.nii.gz"])
    name = "sub-01/func/x.nii.gz" if in_person else "x.nii.gz"
    assert shared_name(path) == name
    said = f"{around[0]}{path}{around[1]}"
    assert in_sentence(said) == f"{around[0]}{name}{around[1]}"
    assert "jane" not in in_argument(said)


@given(st.lists(PART, min_size=1), AROUND)
def test_known_folders_may_have_blanks(parts, around):
    folder = Path("/", *(f"jane {part}" for part in parts), "sub-01")
    said = f"{around[0]}{folder}/func/x.nii.gz{around[1]}"
    assert in_sentence(said, folder) == f"{around[0]}sub-01/func/x.nii.gz{around[1]}"


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("{}/jane roe/a study, (2)/sub-01/func/x y.nii is cut.", "sub-01/func/x y.nii is cut."),
        ("('{}/jane roe/mask a.nii', and/or 3/4)", "('mask a.nii', and/or 3/4)"),
        ("{}/jane roe/none/b.nii does not exist.", "b.nii does not exist."),
        ("see {}/jane roe/mask a.nii.gz: it is no file", "see mask a.nii.gz: it is no file"),
        ("file://{}/jane roe. Two: {}/jane roe", "jane roe. Two: jane roe"),
        ("mask: jane roe/mask a.nii is cut, 1/2", "mask: mask a.nii is cut, 1/2"),
        ("mask: jane roe/none.nii does not exist", "mask: none.nii does not exist"),
        ("the groups / 2, jane roe and jane roe", None),
    ],
)
def test_folders_that_exist_may_have_any_signs(said, shown, tmp_path, monkeypatch):
    scan = tmp_path / "jane roe" / "a study, (2)" / "sub-01" / "func" / "x y.nii"
    scan.parent.mkdir(parents=True)
    scan.write_text("")
    (tmp_path / "jane roe" / "mask a.nii").write_text("")
    monkeypatch.chdir(tmp_path)
    assert in_sentence(said.replace("{}", str(tmp_path))) == (shown or said)


@given(st.text("ab1/\\.:~-=, ()[]'"))
def test_what_was_shortened_stays(said):
    once = in_sentence(said)
    assert in_sentence(once).count("/") <= once.count("/")
    assert in_argument(said) is not None


@given(st.text())
def test_a_text_without_separators_is_kept(said):
    plain = said.replace("/", "").replace("\\", "")
    assert in_sentence(plain) == plain
