"""The report of whole output folders: finished, half done, damaged, changed."""

import json
import re
import shutil
from urllib.parse import unquote

import numpy as np
import pandas as pd
import pytest

from commissure.cli import main
from commissure.problems import InputError
from commissure.report.figures import critical_value
from commissure.report.files import write_report
from commissure.report.reading import page_name, read_study
from commissure.workspace.ledger import Ledger, lock_of
from tests.report.conftest import NASTY
from tests.report.fake_study import fake_study
from tests.report.test_pages import read

SECTIONS = (
    "participants",
    "left-out",
    "told",
    "coverage",
    "means",
    "differences",
    "effects",
    "clinical",
    "chance",
    "rivals",
    "motion",
    "secondary",
    "variants",
    "freedom",
    "methods",
    "provenance",
)


def html(out, name="report.html"):
    return (out / name).read_text(encoding="utf-8")


def text_of(html):
    return " ".join(" ".join(read(html).text).split())


@pytest.fixture
def copy(half_done, tmp_path):
    """Return a half-done study that may be changed."""
    return shutil.copytree(half_done, tmp_path / "study")


@pytest.mark.parametrize("study", ["finished", "half_done"])
def test_every_section_is_there(study, request):
    reader = read(html(request.getfixturevalue(study)))
    ids = [value for tag, name, value in reader.attributes if (tag, name) == ("section", "id")]
    assert tuple(ids) == SECTIONS
    targets = [v for tag, n, v in reader.attributes if (tag, n) == ("a", "href")]
    assert {f"#{name}" for name in SECTIONS} <= set(targets)


def test_numbers_of_the_tables_are_in_the_page(finished):
    page = text_of(html(finished))
    clusters = pd.read_csv(finished / "group" / "clusters.tsv", sep="\t")
    first = clusters[clusters["significant"]].iloc[0]
    assert f"peak t = {first['peak_t']:.2f}, {first['voxels']:.0f} voxels" in page
    record = json.loads((finished / "group" / "stats.json").read_text())
    assert f"{record['VoxelsAnalysed']:,} voxels were analysed" in page
    table1 = pd.read_csv(finished / "group" / "table1.tsv", sep="\t", index_col="variable")
    assert table1.loc["age", "summary_patient"] in page
    correlations = pd.read_csv(finished / "group" / "partial_correlations.tsv", sep="\t")
    assert f"{correlations['r'][0]:.2f}" in page
    assert "21 participants took part and 18 were compared" in page
    assert "3 were left out (2 for head motion and 1 for processing that failed)" in page
    regions = pd.read_csv(finished / "group" / "region_tests.tsv", sep="\t")
    assert f"putamen (higher in patient than in control, t = {regions['t'][0]:.2f}" in page
    assert regions["voxels_without_data"][1] > 0
    n_midline = regions["voxels"][1] + regions["voxels_without_data"][1]
    assert f"The region midline has {n_midline} places in the mask" in page
    assert "Not done yet" not in page.replace("methods text is written with", "")


def test_who_was_left_out_is_told_with_the_group(finished):
    left_out = re.search(r'<section id="left-out".*?</section>', html(finished), re.S)[0]
    words = text_of(left_out)
    assert re.search(r"sub-02 patient mean FD \(Jenkinson\) 0\.\d+ mm > 0\.2", words)
    assert re.search(r"sub-13 control mean FD", words)
    assert re.search(r"sub-05 patient \S*sub-05_task-rest_bold.nii.gz is damaged", words)


def test_all_links_lead_somewhere(finished):
    for page in sorted(finished.glob("*.html")):
        reader = read(page.read_text(encoding="utf-8"))
        ids = {value for _, name, value in reader.attributes if name == "id"}
        for tag, name, value in reader.attributes:
            if (tag, name) == ("a", "href"):
                if value.startswith("#"):
                    assert value[1:] in ids
                else:
                    assert (finished / unquote(value)).is_file(), value


def test_everyone_has_a_page_with_the_pictures(finished):
    words = html(finished, "sub-01.html")
    for title in ("Head motion", "Carpet plot", "EPI on the T1w", "T1w on the template"):
        assert f"<h3>{title}" in words
    assert words.count("data:image/png") == 7
    assert "sub-02 (patient) is left out of the group stage because of head motion" in text_of(
        html(finished, "sub-02.html")
    )
    assert "is damaged or cut short" in html(finished, "sub-05.html")
    assert "(control) is good enough for the group stage" in text_of(html(finished, "sub-14.html"))


def test_a_participant_called_script_stays_text(finished):
    name = page_name(NASTY)
    assert re.fullmatch(r"[A-Za-z0-9_-]+\.html", name)
    for page in (html(finished), html(finished, name)):
        assert "<script>alert" not in page
        assert NASTY in "".join(read(page).text)


def test_figures_are_files_of_two_kinds(finished):
    stems = {path.stem for path in (finished / "figures").iterdir()}
    assert {"effect_cluster-1", "glass-brain", "surface", "null-distribution"} <= stems
    for stem in stems:
        svg = (finished / "figures" / f"{stem}.svg").read_text(encoding="utf-8")
        assert "<svg" in svg
        png = (finished / "figures" / f"{stem}.png").read_bytes()
        # 300 dpi are 11,811 pixels a metre.
        assert int.from_bytes(png[png.index(b"pHYs") + 4 :][:4]) == 11811


def test_a_half_done_study_says_what_is_missing(half_done):
    words = text_of(html(half_done))
    assert "3 of 6 participants are finished, 1 failed and 2 are still to be done" in words
    assert words.count("Not done yet") >= 6
    states = {who.participant_id: who.state for who in read_study(half_done).participants}
    assert states == {
        "sub-01": "done",
        "sub-02": "failed",
        "sub-03": "done",
        "sub-04": "done",
        "sub-05": "waiting",
        "sub-06": "waiting",
    }


def test_only_what_changed_is_written_again(copy):
    write_report(copy)
    before = {path.name: path.stat().st_mtime_ns for path in copy.glob("*.html")}
    write_report(copy)
    assert {path.name: path.stat().st_mtime_ns for path in copy.glob("*.html")} == before
    Ledger(copy, "sub-05").fail("clean sub-05_task-rest", ["No room on the disk."])
    write_report(copy)
    after = {path.name: path.stat().st_mtime_ns for path in copy.glob("*.html")}
    changed = {name for name in after if after[name] != before[name]}
    assert changed == {"report.html", "quality.html", "sub-05.html"}
    assert "No room on the disk." in html(copy)


def test_pages_of_those_who_are_gone_go(copy):
    write_report(copy)
    identity = copy / ".commissure" / "study.json"
    content = json.loads(identity.read_text())
    del content["runs"]["sub-06_task-rest"]
    identity.write_text(json.dumps(content))
    write_report(copy)
    assert not (copy / "sub-06.html").exists()
    assert (copy / "sub-05.html").exists()


def test_damaged_files_are_told_and_stop_nothing(finished, tmp_path):
    out = shutil.copytree(finished, tmp_path / "study")
    (out / "group" / "clusters.tsv").write_bytes(b"\xff\xfe\x00")
    (out / "settings.json").write_text("{")
    (out / "group" / "group-patient_stat-mean_statmap.nii.gz").write_bytes(b"no image")
    (out / "sub-01" / "figures" / "sub-01_desc-tissues_T1w.png").unlink()
    write_report(out)
    words = text_of(html(out))
    assert "group/clusters.tsv cannot be read" in words
    assert "settings.json cannot be read" in words
    assert "The figure of the groups' means could not be drawn" in words
    assert tuple(re.findall(r'<section id="([a-z-]+)"', html(out))) == SECTIONS


def test_a_picture_that_cannot_be_read_is_told_on_the_page_of_its_participant(finished, tmp_path):
    out = shutil.copytree(finished, tmp_path / "study")
    floor = out / "sub-01" / "figures" / "sub-01_task-rest_stat-cfhfloor_boldmap.png"
    floor.mkdir()
    write_report(out)
    words = text_of(html(out, "sub-01.html"))
    assert f"{floor.name} cannot be shown" in words
    assert str(tmp_path) not in words


def test_tables_that_are_missing_leave_gaps_only(finished, tmp_path):
    out = shutil.copytree(finished, tmp_path / "study")
    for path in (out / "group").iterdir():
        if path.name != "stats.json":
            path.unlink()
    write_report(out)
    assert tuple(re.findall(r'<section id="([a-z-]+)"', html(out))) == SECTIONS


def test_relabellings_too_few_for_any_finding_are_told_first(finished, tmp_path):
    assert "Nothing can be significant here" not in html(finished)
    copy = tmp_path / "copy"
    shutil.copytree(finished, copy)
    path = copy / "group" / "stats.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"LeastP": 0.07}))
    write_report(copy)
    assert "no corrected p is below 0.07" in html(copy)


def test_methods_are_shown_to_be_copied(copy):
    (copy / "group").mkdir()
    (copy / "group" / "methods.txt").write_text("Methods\n\nScans of <b>10</b> people.\n")
    (copy / "group" / "methods.bib").write_text("@article{a,\n title={T}}\n")
    write_report(copy)
    page = html(copy)
    assert "Scans of &lt;b&gt;10&lt;/b&gt; people." in page
    assert "Copy the methods text" in page
    assert "@article{a," in page


def test_a_noise_floor_is_shown_where_there_is_one(copy):
    (drawn,) = (copy / "sub-01").rglob("*_stat-cfh_*boldmap.png")
    shutil.copy(drawn, drawn.with_name(drawn.name.replace("stat-cfh", "stat-cfhfloor")))
    write_report(copy)
    assert "<h3>Noise floor of CFH</h3>" in html(copy, "sub-01.html")
    assert "<h3>Noise floor of CFH</h3>" not in html(copy, "sub-03.html")


def test_the_ledger_is_not_written_for_each_page(copy, monkeypatch):
    written = []
    monkeypatch.setattr(Ledger, "write", _counting(Ledger.write, written))
    for page in copy.glob("sub-*.html"):
        page.unlink()
    write_report(copy)
    assert len(list(copy.glob("sub-*.html"))) > 4
    assert len(written) <= 4


def _counting(function, called):
    def counted(*arguments):
        called.append(arguments)
        return function(*arguments)

    return counted


def test_another_process_writes_already(copy):
    lock = lock_of(copy, "report")
    with lock:
        assert write_report(copy, wait=False) is None


def test_a_folder_without_a_study_is_refused(tmp_path, capsys):
    with pytest.raises(InputError, match="holds no study"):
        write_report(tmp_path)
    assert main(["report", str(tmp_path), "--quiet"]) == 2
    assert "holds no study" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_the_command_writes_the_pages(tmp_path):
    out = fake_study(tmp_path / "s", 3, waiting=(2,))
    assert main(["report", str(out), "--quiet"]) == 0
    names = {path.name for path in out.glob("*.html")}
    assert names == {"report.html", "quality.html", "sub-01.html", "sub-02.html", "sub-03.html"}


@pytest.mark.parametrize("alpha", [0.05, 0.01, 0.013])
def test_beyond_the_critical_value_p_is_at_most_alpha(alpha):
    rng = np.random.default_rng(0)
    for n in (20, 99, 100, 1000):
        null = rng.integers(0, 30, n).astype(float)
        critical = critical_value(null, alpha)
        for value in np.arange(0, 32):
            with_observed = np.append(null[1:], value)
            if value > critical:
                assert (null >= value).sum() / n <= alpha
            elif value >= null.min():
                assert (with_observed >= value).sum() / n > alpha or value > critical


def test_names_of_pages_are_safe_and_differ():
    assert page_name("sub-01") == "sub-01.html"
    nasty = ["sub-a/b", "sub-a\\b", "sub-ab", "../sub-ab", "sub-ä b", "sub-<a>b"]
    names = [page_name(name) for name in nasty]
    assert len(set(names)) == len(nasty)
    for name in names:
        assert re.fullmatch(r"sub-[A-Za-z0-9_-]*\.html", name)


def test_no_page_tells_where_folders_of_this_machine_lie(finished, tmp_path):
    out = shutil.copytree(finished, tmp_path / "moved")
    record = json.loads((out / "group" / "stats.json").read_text())
    record["Settings"]["rois"] = ["seed=/home/someone/secret/place/seed.nii.gz"]
    record["Notes"] = [f"{out}/sub-01/func/x.nii.gz is odd; /data/bids/sub-02/y.nii too."]
    (out / "group" / "stats.json").write_text(json.dumps(record))
    chosen = json.loads((out / "settings.json").read_text())
    chosen["settings"]["cfh"]["mask"] = "/home/someone/secret/place/mask.nii.gz"
    (out / "settings.json").write_text(json.dumps(chosen))
    write_report(out)
    for page in out.glob("*.html"):
        words = text_of(page.read_text(encoding="utf-8"))
        assert not re.search(r"/home/someone|/data/bids|secret/|" + re.escape(str(tmp_path)), words)
    words = text_of(html(out))
    # What is named is still told, from the folder of the study on.
    assert "mask.nii.gz" in words
    assert "sub-05/func/sub-05_task-rest_bold.nii.gz is damaged" in words
    assert re.search(r"input bids ", words)


def test_what_was_told_in_the_terminal_is_on_the_page(finished, tmp_path):
    out = shutil.copytree(finished, tmp_path / "study")
    runs = [{"Notes": ["Told before."]}, {"Notes": ["Scans differ in length.", "Task rest."]}]
    (out / "provenance.json").write_text(json.dumps({"Runs": runs}))
    record = json.loads((out / "group" / "stats.json").read_text())
    record["Notes"] = ["The map of sub-04 spreads 20 times as much."]
    (out / "group" / "stats.json").write_text(json.dumps(record))
    write_report(out)
    words = text_of(html(out))
    for told in ("Scans differ in length.", "Task rest.", "The map of sub-04 spreads 20 times"):
        assert told in words
    assert "Told before." not in words
    # Nothing else of the study has to change for the page to follow.
    (out / "provenance.json").write_text(json.dumps({"Runs": [*runs, {"Notes": ["Now this."]}]}))
    write_report(out)
    assert "Now this." in text_of(html(out))


def test_settings_that_were_changed_after_the_group_stage_are_told(finished, tmp_path):
    out = shutil.copytree(finished, tmp_path / "study")
    assert "made with other settings" not in text_of(html(out))
    chosen = json.loads((out / "settings.json").read_text())
    chosen["settings"]["group"]["alpha"] = 0.01
    (out / "settings.json").write_text(json.dumps(chosen))
    write_report(out)
    assert "[group] alpha was 0.05, it is 0.01 now" in text_of(html(out))


def test_a_region_called_by_a_number_keeps_its_name(finished, tmp_path):
    out = shutil.copytree(finished, tmp_path / "study")
    path = out / "group" / "region_tests.tsv"
    path.write_text(re.sub("(?m)^(putamen|midline)\t", "1.50\t", path.read_text()))
    write_report(out)
    assert "significant: 1.50 (higher" in text_of(html(out))


def test_pages_of_participants_lead_to_those_before_and_after(half_done):
    pages = [half_done / f"sub-0{i}.html" for i in range(1, 7)]
    for number, page in enumerate(pages):
        menu = page.read_text().partition("<nav")[2].partition("<ol>")[0]
        near = [pages[i].name for i in (number - 1, number + 1) if 0 <= i < len(pages)]
        assert re.findall(r'href="(sub-[^"]+)"', menu) == near
