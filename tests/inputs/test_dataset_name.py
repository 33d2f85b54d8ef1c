"""A study is called what its dataset calls itself."""

import json

import pytest

from commissure.inputs.source_software import dataset_name
from commissure.report.reading import read_study
from commissure.study.participant.clean_files import write_dataset_description
from tests.report.fake_study import fake_study


@pytest.mark.parametrize(
    ("content", "name"),
    [
        ('{"Name": "Blepharospasm,\\n Beijing"}', "Blepharospasm, Beijing"),
        ('{"Name": ["x"]}', ""),
        ("{}", ""),
        ("[", ""),
        (None, ""),
    ],
)
def test_the_name_is_read_where_there_is_one(tmp_path, content, name):
    if content is not None:
        (tmp_path / "dataset_description.json").write_text(content)
    assert dataset_name(tmp_path) == name


def test_a_table_of_files_has_no_name(tmp_path):
    table = tmp_path / "scans.tsv"
    table.write_text("participant_id\tpath\n")
    assert dataset_name(table) == ""


@pytest.mark.parametrize(("name", "shown"), [("Blepharospasm", "Blepharospasm"), (None, "out")])
def test_the_page_has_the_name_of_the_dataset(tmp_path, name, shown):
    bids = tmp_path / "bids"
    bids.mkdir()
    if name:
        (bids / "dataset_description.json").write_text(json.dumps({"Name": name}))
    out = fake_study(tmp_path / "out", 3, waiting=(2,))
    write_dataset_description(out, bids)
    assert read_study(out).name == shown
