"""Reading atlases that people have: an image and a table of its labels."""

from pathlib import Path

from commissure.files.images import check_to_end, load_image
from commissure.files.tables import read_table
from commissure.problems import InputError
from commissure.space import Atlas


def load_atlas(image: Path, labels: Path, *, note: str = "") -> Atlas:
    """Read an atlas from an image and a table of its labels.

    Parameters
    ----------
    image : Path
        NIfTI, see `commissure.space.Atlas.from_image`.
    labels : Path
        A table with the columns ``index`` and ``name``, see `commissure.files.tables.read_table`.
    note : str
        Licence and space, to be shown wherever its labels are.

    Raises
    ------
    InputError
        If a file is missing or cannot be read, or if both do not fit together.
    """
    missing = [
        f"There is no file {path} (an atlas). Check the path."
        for path in (image, labels)
        if not path.is_file()
    ]
    if missing:
        raise InputError(missing)
    # Not read whole: an atlas of many probabilities is large, and most of it is 0.
    check_to_end(image)
    img, table = load_image(image), read_table(labels)
    if lacking := {"index", "name"} - set(table):
        msg = (
            f"{labels} has no column {' and '.join(sorted(lacking))}; a table of labels has the "
            f"columns index and name, this one {', '.join(map(str, table))}."
        )
        raise InputError(msg)
    strange = [str(value) for value in table["index"] if not _is_index(value)]
    if strange:
        msg = (
            f"{labels} has an index that is no whole number: {', '.join(strange[:5])}. Correct it."
        )
        raise InputError(msg)
    twice = sorted({int(index) for index in table["index"][table["index"].duplicated()]})
    if twice:
        msg = f"{labels} has more than one name for {', '.join(map(str, twice))}. Keep one."
        raise InputError(msg)
    if nameless := [str(i) for i in table["index"][table["name"].isna()]]:
        msg = f"{labels} has no name for {', '.join(nameless)}. Fill it in."
        raise InputError(msg)
    return Atlas.from_image(img, table, name=image.name, note=note)


def _is_index(value: object) -> bool:
    return isinstance(value, int) or (isinstance(value, float) and value.is_integer())
