"""Where the table of participants lies, for each kind of input."""

from pathlib import Path
from urllib.parse import unquote, urlparse

from commissure.files.text import read_json
from commissure.problems import InputError

_NAME = "participants.tsv"


def find_participants(input_path: str | Path) -> Path:
    """Return participants.tsv of a study: with the input, or with the dataset it was made from.

    Parameters
    ----------
    input_path : path
        A folder or a table of files. A derived dataset may name its source as a local folder in
        dataset_description.json (SourceDatasets, DatasetLinks), or lie within it
        (``derivatives/fmriprep``).

    Raises
    ------
    InputError
        Saying where it was looked for.
    """
    path = Path(input_path).absolute()
    folder = path if path.is_dir() else path.parent
    sources = _sources(folder)
    # XCP-D's source is fMRIPrep's output, whose source is the raw dataset.
    places = [folder, *sources, *(further for near in sources for further in _sources(near))]
    places.append(folder.parent)
    if folder.parent.name == "derivatives":
        places.append(folder.parent.parent)
    for place in places:
        if (place / _NAME).is_file():
            return place / _NAME
    looked = ", ".join(map(str, dict.fromkeys(places)))
    msg = f"There is no {_NAME} for {input_path} (looked in {looked}). Give --participants."
    raise InputError(msg)


def _sources(folder: Path) -> list[Path]:
    """Return the local folders that a derived dataset says it was made from."""
    try:
        about = read_json(folder / "dataset_description.json")
        links = about.get("DatasetLinks") or {}
        named = [source.get("URL") for source in about.get("SourceDatasets") or ()]
        # fMRIPrep calls it "raw", XCP-D has "preprocessed" too.
        named += [links[name] for name in sorted(links, key=lambda name: name != "raw")]
    except (InputError, AttributeError, TypeError):
        return []
    return [place for url in named if isinstance(url, str) and (place := _local(folder, url))]


def _local(folder: Path, url: str) -> Path | None:
    parsed = urlparse(url)
    if parsed.scheme not in ("", "file") or not parsed.path:
        return None
    place = (folder / unquote(parsed.path)).resolve()
    return place if place.is_dir() else None
