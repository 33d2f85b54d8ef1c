"""What files are called in what is shared: never where they lie."""

from pathlib import Path

import pytest

from commissure.files.shared_paths import in_argument, in_sentence, recorded_name, shared_name


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/home/jane/study/sub-01/func/sub-01_bold.nii.gz", "sub-01/func/sub-01_bold.nii.gz"),
        ("/home/jane/FunImgARWS/Sub_001/4D.nii", "FunImgARWS/Sub_001/4D.nii"),
        ("/home/jane/mask.nii.gz", "mask.nii.gz"),
        ("mask.nii.gz", "mask.nii.gz"),
        ("bids::sub-01/func/x.nii.gz", "bids::sub-01/func/x.nii.gz"),
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
    ],
)
def test_a_sentence_keeps_all_but_folders(said, shown):
    assert in_sentence(said, Path("/my study/sub-02/anat"), Path("/my study")) == (shown or said)
