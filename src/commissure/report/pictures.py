"""The pictures of a participant's page: those that were drawn on the way, by run."""

import base64
import json
from collections.abc import Mapping
from functools import cache
from io import BytesIO
from pathlib import Path
from urllib.parse import quote

from PIL import Image

from commissure.files.bids_names import entity
from commissure.files.data_texts import read_data
from commissure.files.shared_paths import in_sentence
from commissure.report.contents import Participant
from commissure.report.page.parts import Figure, Link

_REGISTRATIONS = ("desc-epiOnT1w", "desc-epiOnTemplate", "desc-t1wOnTemplate")
_THUMBNAIL = 460


def picture_files(out_dir: Path, participant: Participant) -> list[Path]:
    """Return the pictures of a participant, in their order."""
    folder = out_dir / participant.participant_id
    if Path(participant.participant_id).name != participant.participant_id or not folder.is_dir():
        return []
    # Looked for once: of thousands of people that counts.
    found = (
        path
        for path in folder.rglob("*.png")
        if path.parent.name == "figures"
        or (path.parent.name == "func" and path.name.endswith("_boldmap.png"))
    )
    return sorted(found, key=lambda path: (_order(path), path.name))


def thumbnail(out_dir: Path, participant: Participant) -> tuple[str, str]:
    """Return a small picture of where a brain was put, as a data URI, and what it shows.

    Empty where there is none that can be read.
    """
    for path in picture_files(out_dir, participant):
        if any(what in path.name for what in _REGISTRATIONS):
            try:
                with Image.open(path) as picture:
                    small = picture.convert("RGB")
                    small.thumbnail((_THUMBNAIL, _THUMBNAIL))
            except (OSError, ValueError):
                continue
            content = BytesIO()
            small.save(content, format="JPEG", quality=75)
            encoded = base64.b64encode(content.getvalue()).decode("ascii")
            alt = f"Registration of {participant.participant_id}"
            return f"data:image/jpeg;base64,{encoded}", alt
    return "", ""


def participant_pictures(
    out_dir: Path, participant: Participant
) -> tuple[dict[str, list[Figure]], list[str]]:
    """Read the pictures of a participant.

    Returns
    -------
    dict of str to list of Figure
        By the name of the run, "" for those of the anatomy.
    list of str
        What could not be read.
    """
    names = {run.name for run in participant.runs}
    figures: dict[str, list[Figure]] = {}
    problems = []
    for path in picture_files(out_dir, participant):
        try:
            content = path.read_bytes()
        except OSError as error:
            why = in_sentence(str(error).rstrip("."))
            problems.append(f"{path.name} cannot be shown: {why}.")
            continue
        name = _run(path)
        if name not in names:
            # Runs whose files are not named after BIDS.
            name = next(iter(names)) if entity(path, "task") and len(names) == 1 else ""
        figures.setdefault(name, []).append(_figure(path, content, out_dir))
    return figures, problems


def _figure(path: Path, content: bytes, out_dir: Path) -> Figure:
    key = _what(path)
    about = _texts().get(key, {"title": path.stem, "caption": "", "good": ""})
    caption = about["caption"]
    if about["good"]:
        caption += f" Good: {about['good']}"
    href = quote(path.relative_to(out_dir).as_posix())
    return Figure(
        about["title"],
        f"{about['title']} of {path.name.partition('_')[0]}",
        caption,
        f"data:image/png;base64,{base64.b64encode(content).decode('ascii')}",
        (Link(path.name, href),),
    )


def _what(path: Path) -> str:
    """Return which kind of picture it is: a key of the texts, or ""."""
    parts = path.name.split("_")
    return next((part for key in ("stat-", "desc-") for part in parts if part.startswith(key)), "")


def _order(path: Path) -> int:
    known = list(_texts())
    what = _what(path)
    return known.index(what) if what in known else len(known)


def _run(path: Path) -> str:
    """Return the name of the run a picture is of, "" without a task: the anatomy's."""
    if entity(path, "task") is None:
        return ""
    labels = {key: entity(path, key) for key in ("ses", "task", "run")}
    return "_".join(f"{key}-{label}" for key, label in labels.items() if label)


@cache
def _texts() -> Mapping[str, Mapping[str, str]]:
    return dict(json.loads(read_data("report", "pictures.json")))
