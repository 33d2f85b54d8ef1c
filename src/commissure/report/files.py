"""Writing the report: report.html and a page for each participant."""

import base64
import json
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

from filelock import Timeout

from commissure.files.data_texts import read_data
from commissure.files.shared_paths import in_sentence
from commissure.problems import InputError
from commissure.report.contents import Findings, Participant, Study
from commissure.report.drawn import Drawn
from commissure.report.figures import FIGURES_FOLDER, draw_figures
from commissure.report.maps import make_viewer
from commissure.report.page.html import render
from commissure.report.page.parts import Figure, Link
from commissure.report.page.quality import QUALITY, quality_page
from commissure.report.page.study import participant_page, study_page
from commissure.report.pictures import participant_pictures, picture_files, thumbnail
from commissure.report.quality_figure import quality_drawn
from commissure.report.reading import read_study
from commissure.report.rivals import caption_with
from commissure.report.wording import direction
from commissure.workspace.keys import code_of, hash_of
from commissure.workspace.ledger import Ledger, Make, lock_of
from commissure.workspace.paths import GROUP_FOLDER, STATE_FOLDER

log = logging.getLogger(__name__)

REPORT = "report.html"
_TYPES = {".png": "image/png", ".svg": "image/svg+xml"}
# Keys of the figures that show what is significant.
_OF_FINDINGS = ("figure1", "glass", "surface", "effect")
# Pages that are put in place together; the ledger, which tells of all, is written for each lot.
_AT_A_TIME = 100
_FEW = 50
# Files of the study that the page leads to, besides all of group/.
_STUDY_FILES = ("quality.tsv", "settings.json", "provenance.json", "README.md")


def write_report(out_dir: Path, *, wait: bool = True) -> Path | None:
    """Write the pages of a study, finished or not, from the files of its output folder.

    Parameters
    ----------
    out_dir : Path
    wait : bool
        Whether to wait for another process that writes the report, or to leave it to that one.

    Returns
    -------
    Path or None
        Of report.html; None if it was left to another process.

    Raises
    ------
    InputError
        If the folder holds no study, or cannot be written to. What is missing or cannot be read
        is said in the pages.

    Notes
    -----
    Each page appears whole or stays as it was, and is made again only if what it shows, or this
    program, has changed: calling this often costs little.
    """
    study = read_study(out_dir)
    try:
        with lock_of(out_dir, "report").acquire(timeout=-1 if wait else 0):
            _write(study, out_dir)
    except Timeout:
        return None
    return out_dir / REPORT


def _write(study: Study, out_dir: Path) -> None:
    ledger = Ledger(out_dir, "report")
    ledger.clear_staging()
    steps = ["figures", "study"]
    group_files = _stamps(out_dir, [*(out_dir / GROUP_FOLDER).glob("*"), out_dir / "quality.tsv"])
    facts = ledger.do(
        "figures",
        hash_of(code_of("report"), group_files),
        lambda folder: draw_figures(study, out_dir, folder),
    )
    people = study.participants
    pages = {
        f"page {one.page}": _page(one, out_dir, _neighbours(people, number))
        for number, one in enumerate(people)
    }
    steps += pages
    for first in range(0, len(pages), _AT_A_TIME):
        ledger.do_all(dict(list(pages.items())[first : first + _AT_A_TIME]))

    def make_study(folder: Path) -> dict[str, Any]:
        figures = _figures(facts["drawn"], out_dir, study.findings)
        viewer = None
        problems = [*study.problems, *map(in_sentence, facts["problems"])]
        if study.findings is not None:
            try:
                viewer = make_viewer(study.findings, out_dir)
            except (OSError, ValueError, EOFError, InputError) as error:
                problems.append(in_sentence(f"The viewer has no map: {error}."))
        page = study_page(_with_problems(study, problems), figures, _links(out_dir), viewer)
        _write_page(folder / REPORT, render(page))
        return {}

    ledgers = [
        path for path in (out_dir / STATE_FOLDER / "ledger").glob("*.json") if path.stem != "report"
    ]
    others = [out_dir / name for name in ("settings.json", "dataset_description.json")]
    shown = [*map(asdict, study.participants), study.notes]
    key = hash_of(
        code_of("report"), group_files, facts, shown, _stamps(out_dir, [*ledgers, *others])
    )
    ledger.do("study", key, make_study)
    if len(people) <= _FEW or not study.unfinished:
        # It has everyone's pictures: of many people it is not made anew after each of them.
        pictures = [path for who in people for path in picture_files(out_dir, who)]
        key = hash_of(key, _stamps(out_dir, pictures))
        ledger.do("quality", key, lambda folder: _make_quality(study, out_dir, folder))
    ledger.keep_only([*steps, "quality"])


def _make_quality(study: Study, out_dir: Path, folder: Path) -> dict[str, Any]:
    """Write the page of everyone's quality."""
    small = {who.participant_id: thumbnail(out_dir, who) for who in study.participants}
    page = quality_page(study, quality_drawn(study), small)
    _write_page(folder / QUALITY, render(page))
    return {}


def _neighbours(people: Sequence[Participant], number: int) -> list[Link]:
    """Return links to the pages of those before and after."""
    before, after = people[max(number - 1, 0) : number], people[number + 1 : number + 2]
    links = [Link(f"← {who.participant_id}", quote(who.page)) for who in before]
    return links + [Link(f"{who.participant_id} →", quote(who.page)) for who in after]


def _page(participant: Participant, out_dir: Path, beside: Sequence[Link]) -> tuple[str, Make]:
    """Return of a participant's page what it depends on, and what makes it."""
    pictures = picture_files(out_dir, participant)
    key = hash_of(
        code_of("report"),
        asdict(participant),
        list(map(asdict, beside)),
        _stamps(out_dir, pictures),
    )

    def make(folder: Path) -> dict[str, Any]:
        shown, problems = participant_pictures(out_dir, participant)
        page = participant_page(participant, shown, problems, beside)
        _write_page(folder / participant.page, render(page))
        return {}

    return key, make


def _with_problems(study: Study, problems: Iterable[str]) -> Study:
    return Study(**{**vars(study), "problems": tuple(problems)})


def _figures(
    drawn: Iterable[Mapping[str, Any]], out_dir: Path, findings: Findings | None
) -> dict[str, Figure]:
    """Return the figures with their pictures, and those that the group stage drew itself."""
    figures = {}
    for about in (Drawn(**each) for each in drawn):
        stem = out_dir / FIGURES_FOLDER / about.stem
        shown = stem.with_name(f"{stem.name}{'.svg' if about.vector else '.png'}")
        figures[about.key] = Figure(
            about.title,
            about.alt,
            about.caption,
            data_uri(shown),
            (
                Link("SVG", f"{FIGURES_FOLDER}/{quote(about.stem)}.svg"),
                Link("PNG, 300 dpi", f"{FIGURES_FOLDER}/{quote(about.stem)}.png"),
            ),
            about.narrow,
        )
    said = {} if findings is None else _said(findings)
    for key, text in _own_figures().items() if findings else ():
        path = out_dir / GROUP_FOLDER / text["file"]
        if path.is_file():
            links = tuple(
                Link(what, f"{GROUP_FOLDER}/{path.stem}{ending}")
                for what, ending in (("SVG", ".svg"), ("PNG, 300 dpi", ".png"))
                if path.with_suffix(ending).is_file()
            )
            title, alt, caption = (
                text[name].format(**said) for name in ("title", "alt", "caption")
            )
            figures[key] = Figure(title, alt, caption, data_uri(path), links)
    cautious = {
        key: replace(figure, caption=caption_with(figure.caption, findings))
        for key, figure in figures.items()
        if findings and key.startswith(_OF_FINDINGS)
    }
    return figures | cautious


def _said(findings: Findings) -> dict[str, str]:
    """Return what the captions of figures say of these findings."""
    colours = f"red is {direction(findings, 'positive')}, blue {direction(findings, 'negative')}"
    if findings.statistic == "F":
        colours = "the redder, the larger F"
    value = findings.measure.value
    return {"colours": colours, "value": value, "dots": findings.dots}


@cache
def _own_figures() -> Mapping[str, Mapping[str, str]]:
    """Return what is said of the figures that the group stage drew itself."""
    return dict(json.loads(read_data("report", "figures.json")))


def _links(out_dir: Path) -> dict[str, Link]:
    """Return links to the files that people may want, by name."""
    group = sorted((out_dir / GROUP_FOLDER).glob("*"))
    wanted = (".tsv", ".docx", ".md", ".bib", ".json", ".gz")
    links = {name: Link(name, quote(name)) for name in _STUDY_FILES if (out_dir / name).is_file()}
    for path in group:
        sidecar = path.suffix == ".json" and path.name.endswith("_statmap.json")
        if path.suffix in wanted and not sidecar:
            name = f"{GROUP_FOLDER}/{path.name}"
            links[path.name] = Link(name, quote(name))
    return links


def data_uri(path: Path) -> str:
    """Return a picture as a text that stands for it in a page."""
    content = base64.b64encode(path.read_bytes()).decode("ascii")
    return f"data:{_TYPES[path.suffix]};base64,{content}"


def _write_page(path: Path, html: str) -> None:
    path.write_text(html, encoding="utf-8")


def _stamps(out_dir: Path, paths: Iterable[Path]) -> list[list[Any]]:
    """Return what changes when files do: names, sizes and times."""
    found = []
    for path in sorted(paths):
        try:
            status = path.stat()
        except FileNotFoundError:
            continue
        name = path.relative_to(out_dir).as_posix()
        found.append([name, status.st_size, status.st_mtime_ns])
    return found
