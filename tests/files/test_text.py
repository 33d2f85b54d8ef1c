"""The border for JSON: whatever is wrong with a file, one sentence names it."""

import os
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from commissure.files.text import read_json
from commissure.problems import InputError


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "not valid JSON"),
        (b"{", "not valid JSON"),
        (b"[1]", "must hold an object"),
        (b'"x"', "must hold an object"),
        (b'{"a": NaN}', "NaN is no number"),
        (b'{"a": -Infinity}', "Infinity is no number"),
        (b'{"a": 1, "a": 2}', "names 'a' twice"),
        (b'{"x": {"a": 1, "b": 3, "a": 2}}', "names 'a' twice"),
        (b'{"a": "\xe9"}', "no text in UTF-8"),
        (b'\xff\xfe{\x00"\x00', "no text in UTF-8"),
        (b'{"a": "\\ud800"}', "surrogates not allowed"),
        (b'{"a":' * 100_000, "nested too deeply"),
        (b"[" * 100_000 + b"]" * 100_000, "nested too deeply"),
        (b'{"a": ' + b"9" * 10_000 + b"}", "not valid JSON"),
    ],
)
def test_what_is_no_json_object_is_named(tmp_path, content, said):
    path = tmp_path / "x.json"
    path.write_bytes(content)
    with pytest.raises(InputError, match=said) as caught:
        read_json(path)
    (problem,) = caught.value.problems
    assert problem.startswith(str(path))
    assert problem.endswith(("Correct it.", "Save it as UTF-8."))


def test_files_that_cannot_be_read(tmp_path):
    closed = tmp_path / "closed.json"
    closed.write_text("{}")
    closed.chmod(0)
    (tmp_path / "folder.json").mkdir()
    (tmp_path / "broken.json").symlink_to("nowhere")
    names = ["folder.json", "broken.json", "none.json"]
    for name in names + ["closed.json"] * (os.geteuid() != 0):
        with pytest.raises(InputError, match=rf"{name} cannot be read .*you may read"):
            read_json(tmp_path / name)


def test_what_is_right_is_read(tmp_path):
    path = tmp_path / "x.json"
    path.write_bytes(b'\xef\xbb\xbf{"a": {"b": [1.5, null, "\\u00e9", "\\ud83d\\ude00"]}}')
    assert read_json(path) == {"a": {"b": [1.5, None, "é", "\U0001f600"]}}


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.one_of(st.binary(max_size=60), st.text('{}[]":,a1.-eE \\unN', max_size=60)))
def test_any_bytes_are_an_object_or_an_input_error(tmp_path_factory, content):
    path = tmp_path_factory.getbasetemp() / "fuzz.json"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    # Anything else that is raised fails the test.
    with suppress(InputError):
        assert isinstance(read_json(path), dict)
