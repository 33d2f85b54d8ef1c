"""Formulas, contrasts, settings files, `--set` and sizes made by chance: nothing but `InputError`.

Each runs two seconds from a seed of its own; COMMISSURE_FUZZ_SECONDS makes it longer.
"""

import os
import time
from random import Random

import pytest

from commissure.cli.config import settings_of
from commissure.cli.sizes import parse_size
from commissure.inference.contrasts import read_contrast
from commissure.inference.grammar import read_formula
from commissure.problems import InputError
from commissure.settings.reading import read_settings
from commissure.settings.tables import table_classes

SECONDS = float(os.environ.get("COMMISSURE_FUZZ_SECONDS", "2"))
FACTORS = {"group": ["patient", "control", "a[1]", "b: c", 'd "e"'], "site": ["1", "2"]}
WORDS = ["group", "age", "site", "C(", "C", "mean", "cfh", "~", "group[patient]", "site[2]"]
WORDS += ["group[a[1]]", "0", "1", "2", "1e308", "1e-320", ".5", "9" * 400, "inf", "nan", "lambda"]
WORDS += [*"+-*/^()[]:,.=#\"'\\ \t\n\0", "\u2212", "\u201c", "\ud800", "\u00df", "\U0001f600"]
TOML = ["=", "[", "]", "[[", "{", "}", '"', "'''", "\n", "\n", ",", ".", "#", "true", "-0.0"]
TOML += ["1979-05-27", "07:32:00", "0x1F", "1_000", "dask", "preset", '"liu2025"', "= 1\n", "= 1\n"]
TABLES = tuple(table_classes())
NAMES = [name for cls in table_classes().values() for name in cls.__dataclass_fields__]


def text_of(chance, words, most=12):
    return "".join(chance.choice(words) for _ in range(chance.randint(0, most)))


def a_formula(chance, _folder):
    read_formula(text_of(chance, WORDS, 30), ["age", "a b", "1"])


def a_contrast(chance, _folder):
    rows = read_contrast(text_of(chance, WORDS, 20), FACTORS, ["age"])
    assert all(abs(weight) <= 1e6 for row in rows for weight in row.values())


def deep(chance, _folder):
    n, sign = chance.randint(1, 5000), chance.choice(["(", "-(", "C(", "[", "(a + "])
    for read in (read_formula, lambda text: read_contrast(text, FACTORS, ["a"])):
        with pytest.raises(InputError):
            read(sign * n)


def a_file(chance, folder):
    file = folder / "study.toml"
    words = [*TOML, *WORDS, *chance.sample(NAMES, 9), *(f"[{table}]\n" for table in TABLES)]
    text = text_of(chance, words, 25)
    coding = "utf-16" if chance.random() < 0.05 else "utf-8"
    file.write_bytes(text.encode(coding, "surrogatepass"))
    read_settings(None, file)


def a_setting(chance, _folder):
    class Options:
        preset, config = None, None

    name = f"{chance.choice([*TABLES, 'dask', 'x'])}.{chance.choice(NAMES)}"
    Options.changes = [f"{name}={text_of(chance, [*TOML, *WORDS], 6)}"]
    if chance.random() < 0.2:
        Options.changes.append(text_of(chance, WORDS, 4))
    settings_of(Options())


def a_size(chance, _folder):
    n_bytes = parse_size(text_of(chance, [*"0123456789.,eEkKmMgGbB -+", "9" * 400, "inf"], 8))
    assert 1 <= n_bytes <= 10**15


@pytest.mark.parametrize("kind", [a_formula, a_contrast, deep, a_file, a_setting, a_size])
def test_whatever_is_typed_is_understood_or_told(kind, tmp_path):
    chance, end, n = Random(kind.__name__), time.monotonic() + SECONDS, 0  # noqa: S311
    while time.monotonic() < end:
        n += 1
        try:
            kind(chance, tmp_path)
        except InputError as error:
            assert str(error).strip()  # noqa: PT017
    print(f"{kind.__name__}: {n:,} tried")  # noqa: T201
