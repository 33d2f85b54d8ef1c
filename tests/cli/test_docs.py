"""What the documentation names exists: commands, options, settings."""

import re
from contextlib import redirect_stdout
from functools import cache
from io import StringIO
from pathlib import Path

import pytest

from commissure.cli import main
from commissure.settings.description import as_tables
from commissure.settings.reading import read_settings

ROOT = Path(__file__).parents[2]
DOCS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
# Of other programs in the same line: docker, apptainer.
_OTHERS = {"-v", "-B", "-c", "-t", "--user", "--rm", "--cleanenv"}


@cache
def help_of(*command):
    said = StringIO()
    with redirect_stdout(said), pytest.raises(SystemExit):
        main([*command, "--help"])
    return said.getvalue()


def commands():
    return set(re.findall(r"(?m)^    (\w+)(?: |$)", help_of()))


def shown(text):
    """Return the command lines that a page shows."""
    blocks = re.findall(r"(?m)^(?: {4}\S.*\n(?: {4,}.*\n)*)|```bash\n[\s\S]*?```", text)
    joined = "\n".join(blocks).replace("\\\n", " ")
    lines = [line.partition(" #")[0] for line in joined.splitlines()]
    lines += re.findall(r"`(commissure [^`]+)`", text)
    found = [re.search(r"\bcommissure ([a-z]\w*)(?: |$)(.*)", line) for line in lines]
    return [(match[1], match[2]) for match in found if match]


def test_commands_are_found_in_the_pages():
    found = {command for page in DOCS for command, _ in shown(page.read_text(encoding="utf-8"))}
    assert {"run", "demo", "cfh", "stats", "preprocess", "simulate", "power", "report"} <= found
    assert len(commands()) >= 9


@pytest.mark.parametrize("page", DOCS, ids=lambda page: page.name)
def test_every_command_and_option_that_is_shown_exists(page):
    for command, rest in shown(page.read_text(encoding="utf-8")):
        assert command in commands(), (command, rest)
        sub = [
            word for word in rest.split()[:1] if command in ("config", "export") and word.isalpha()
        ]
        known = help_of(command, *sub)
        for option in re.findall(r"(?<!\S)(--?[a-z][\w-]*)", rest):
            assert re.search(rf"{option}\b", known) or option in _OTHERS, (command, option)


@pytest.mark.parametrize("page", DOCS, ids=lambda page: page.name)
def test_every_setting_that_is_named_exists(page):
    text = page.read_text(encoding="utf-8")
    named = re.findall(r"\[(\w+)\] (\w+)", text) + re.findall(r"--set (\w+)\.(\w+)=", text)
    for block in re.findall(r"```toml\n([\s\S]*?)```", text):
        table = None
        for line in block.splitlines():
            if head := re.fullmatch(r"\[(\w+)\]", line.strip()):
                table = head[1]
            elif table and (name := re.match(r"(\w+) =", line)):
                named.append((table, name[1]))
    tables = as_tables(read_settings())
    missing = [
        (table, name) for table, name in named if table in tables and name not in tables[table]
    ]
    assert not missing
