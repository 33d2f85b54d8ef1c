"""Steps are done once, and a crash at any moment leaves the old files or the new ones, known."""

import errno
import json
import os
import resource
import shutil
from pathlib import Path

import pytest

from commissure.problems import InputError
from commissure.workspace import paths, written
from commissure.workspace.ledger import Ledger
from commissure.workspace.staging import replace_file
from commissure.workspace.step_name import StepName


class CrashError(BaseException):
    """As if the process had been killed: nothing may catch it."""


def write(text, names=("a.txt", "deep/b.txt")):
    def make(folder):
        for name in names:
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_text(f"{text} {name}")
        return {"text": text}

    return make


def content(out):
    return {
        p.relative_to(out).as_posix(): p.read_text()
        for p in out.rglob("*.txt")
        if ".commissure" not in p.parts
    }


def test_a_step_is_done_once_for_each_key(tmp_path):
    ledger = Ledger(tmp_path, "sub-01")
    assert ledger.do("clean", "k1", write("one")) == {"text": "one"}
    assert ledger.do("clean", "k1", write("two")) == {"text": "one"}
    assert Ledger(tmp_path, "sub-01").do("clean", "k1", write("two")) == {"text": "one"}
    assert Ledger(tmp_path, "sub-01").do("clean", "k2", write("two", ("a.txt",))) == {"text": "two"}
    # what the step wrote before and does not write now is gone
    assert content(tmp_path) == {"a.txt": "two a.txt"}


def test_files_that_are_gone_are_made_again(tmp_path):
    ledger = Ledger(tmp_path, "sub-01")
    ledger.do("clean", "k", write("one"))
    (tmp_path / "deep/b.txt").unlink()
    assert ledger.done("clean", "k") is None
    ledger.do("clean", "k", write("one"))
    assert content(tmp_path) == {"a.txt": "one a.txt", "deep/b.txt": "one deep/b.txt"}


@pytest.mark.parametrize("key", ["k", "other"])
@pytest.mark.parametrize("text", ["", "two a.txt", "much longer than it was"])
def test_changed_files_are_neither_used_nor_replaced(tmp_path, text, key):
    Ledger(tmp_path, "sub-01").do("clean", "k", write("one"))
    file = tmp_path / "a.txt"
    file.write_text(text)
    ledger = Ledger(tmp_path, "sub-01")
    with pytest.raises(InputError, match=r"a\.txt was changed .* Put back .* or move it away"):
        ledger.do("clean", key, write("three"))
    with pytest.raises(InputError, match="was changed"):
        ledger.check()
    assert file.read_text() == text
    assert (tmp_path / "deep/b.txt").read_text() == "one deep/b.txt"
    # either remedy helps
    file.write_text("one a.txt")
    assert Ledger(tmp_path, "sub-01").done("clean", "k") == {"text": "one"}
    file.unlink()
    assert Ledger(tmp_path, "sub-01").do("clean", key, write("three")) == {"text": "three"}


def test_a_study_that_is_copied_is_done_and_its_content_read_once(tmp_path, monkeypatch):
    Ledger(tmp_path / "a", "sub-01").do("clean", "k", write("one"))
    shutil.copytree(tmp_path / "a", tmp_path / "b", copy_function=shutil.copyfile)
    for file in (tmp_path / "b").rglob("*.txt"):
        os.utime(file, (1, 1))
    ledger = Ledger(tmp_path / "b", "sub-01")
    assert ledger.done("clean", "k") == {"text": "one"}
    ledger.keep_times()
    monkeypatch.setattr(written.hashlib, "file_digest", None)
    assert Ledger(tmp_path / "b", "sub-01").done("clean", "k") == {"text": "one"}


def test_files_of_others_are_never_replaced(tmp_path):
    (tmp_path / "a.txt").write_text("mine")
    ledger = Ledger(tmp_path, "sub-01")
    with pytest.raises(InputError, match=r"a\.txt is not commissure's"):
        ledger.do("clean", "k", write("one"))
    assert content(tmp_path) == {"a.txt": "mine"}
    # the same content is nobody's loss
    (tmp_path / "a.txt").write_text("one a.txt")
    assert ledger.do("clean", "k", write("one")) == {"text": "one"}


def test_what_one_ledger_wrote_another_may_replace(tmp_path):
    one, other = Ledger(tmp_path, "sub-01"), Ledger(tmp_path, "group")
    one.do("maps", "k", write("one"))
    other.do("maps", "k", write("two"))
    assert one.done("maps", "k") is None
    one.keep_only([])
    assert content(tmp_path) == {"a.txt": "two a.txt", "deep/b.txt": "two deep/b.txt"}


@pytest.mark.parametrize("name", ["../victim.txt", "/etc/hostname", "link/victim.txt", "a/../../x"])
def test_a_ledger_that_names_files_elsewhere_is_not_believed(tmp_path, name):
    out, victim = tmp_path / "out", tmp_path / "victim.txt"
    Ledger(out, "sub-01").do("clean", "k", write("one"))
    victim.write_text("not yours")
    (out / "link").symlink_to(tmp_path)
    path = out / ".commissure" / "ledger" / "sub-01.json"
    record = json.loads(path.read_text())
    files = record["steps"]["clean"]["outputs"]
    files[name] = files.pop("a.txt")
    path.write_text(json.dumps(record))
    ledger = Ledger(out, "sub-01")
    assert ledger.done("clean", "k") is None
    ledger.keep_only([])
    Ledger(out, "sub-01").do("clean", "k2", write("two"))
    assert victim.read_text() == "not yours"


def test_outputs_do_not_follow_links_out_of_the_folder(tmp_path):
    out, elsewhere = tmp_path / "out", tmp_path / "elsewhere"
    elsewhere.mkdir()
    out.mkdir()
    (out / "deep").symlink_to(elsewhere)
    with pytest.raises(InputError, match="leads out of"):
        Ledger(out, "sub-01").do("clean", "k", write("one"))
    assert not list(elsewhere.iterdir())
    assert not content(out)


DAMAGED = [
    b"", b"\xff\xfe\x00", b"[]", b"null", b"3", b'"x"', b"{", b'{"steps": []}',
    b'{"steps": {"clean": 1}}',
    b'{"steps": {"clean": {"key": 1, "outputs": {}, "facts": {}}}}',
    b'{"steps": {"clean": {"key": "k", "outputs": {"a.txt": -1}, "facts": {}}}}',
    b'{"steps": {"clean": {"key": "k", "outputs": {"a.txt": []}, "facts": {}}}}',
    b'{"steps": {"clean": {"key": "k", "outputs": {"a.txt": [{"size": "x"}]}, "facts": {}}}}',
    b'{"steps": {"clean": {"key": "k", "outputs": {}, "facts": []}}}',
    b'{"steps": {}, "inputs": 3, "failures": [1]}', b'{"inputs": {"/x": 3}, "failures": {"x": 3}}',
    b"[" * 100_000,
]  # fmt: skip


@pytest.mark.parametrize("record", DAMAGED)
def test_a_damaged_ledger_is_an_empty_one(tmp_path, record):
    Ledger(tmp_path, "sub-01").do("clean", "k", write("one"))
    (tmp_path / ".commissure" / "ledger" / "sub-01.json").write_bytes(record)
    ledger = Ledger(tmp_path, "sub-01")
    assert ledger.done("clean", "k") is None
    ledger.check()
    ledger.stamp(tmp_path / "a.txt")
    assert ledger.do("clean", "k", write("one")) == {"text": "one"}


def test_staging_that_is_not_ours_is_not_cleared(tmp_path):
    ledger = Ledger(tmp_path, "sub-01")
    mine = tmp_path / ".commissure" / "staging" / "sub-01"
    mine.mkdir(parents=True)
    (mine / "scan.nii").write_text("mine")
    with pytest.raises(InputError, match="not made by commissure"):
        ledger.clear_staging()
    assert (mine / "scan.nii").read_text() == "mine"


def test_steps_that_are_no_more_take_their_files_along(tmp_path):
    ledger = Ledger(tmp_path, "sub-01")
    ledger.do("run 1", "k", write("one", ("a.txt",)))
    ledger.do("run 2", "k", write("one", ("b.txt",)))
    ledger.fail("run 3", ["It is damaged."])
    ledger.keep_only(["run 2"])
    assert content(tmp_path) == {"b.txt": "one b.txt"}
    again = Ledger(tmp_path, "sub-01")
    assert again.done("run 1", "k") is None
    assert again.done("run 2", "k") is not None
    assert not again.failures


@pytest.mark.parametrize("started", [False, True])
def test_killed_at_any_moment_it_goes_on_to_the_same_files(tmp_path, monkeypatch, started):
    """Every call that changes the disk is in turn the last one before the crash."""
    calls = {"left": 0}

    def crashing(owner, name):
        original = getattr(owner, name)

        def call(*arguments, **options):
            calls["left"] -= 1
            if calls["left"] == 0:
                raise CrashError
            return original(*arguments, **options)

        return call

    changing = [
        *((Path, name) for name in ("replace", "unlink", "write_text", "mkdir")),
        (os, "fsync"),
        (paths.shutil, "rmtree"),
    ]
    n_crashes = 0
    for moment in range(1, 60):
        out = tmp_path / f"{started}-{moment}"
        if started:
            Ledger(out, "sub-01").do("clean", "old", write("old", ("a.txt", "c.txt")))
        crashed = False
        with monkeypatch.context() as patch:
            for owner, name in changing:
                patch.setattr(owner, name, crashing(owner, name))
            calls["left"] = moment
            try:
                Ledger(out, "sub-01").do("clean", "new", write("new"))
            except CrashError:
                crashed = True
        n_crashes += crashed
        ledger = Ledger(out, "sub-01")
        for key, text in (("old", "old"), ("new", "new")):
            if ledger.done("clean", key) is not None:
                assert all(v.startswith(text) for v in content(out).values()), moment
        # The settings may be the old ones again: whichever comes next must come out right.
        for key, names in (("old", ("a.txt", "c.txt")), ("new", ("a.txt", "deep/b.txt"))):
            ledger = Ledger(out, "sub-01")
            ledger.clear_staging()
            ledger.do("clean", key, write(key, names))
            assert content(out) == {n: f"{key} {n}" for n in names}
        if not crashed:
            break
    assert not crashed
    assert n_crashes > 10


def test_a_full_disk_is_said_and_loses_nothing(tmp_path, monkeypatch):
    ledger = Ledger(tmp_path, "sub-01")
    ledger.do("clean", "old", write("old"))

    def full(_folder):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.raises(InputError, match="No space left on device"):
        ledger.do("clean", "new", full)
    assert Ledger(tmp_path, "sub-01").done("clean", "old") is not None
    assert set(content(tmp_path)) == {"a.txt", "deep/b.txt"}


def test_a_limit_on_the_size_of_files_is_said(tmp_path):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    big = write("x" * 100_000)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))
    try:
        with pytest.raises(InputError, match="File too large"):
            Ledger(tmp_path, "sub-01").do("clean", "k", big)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert not content(tmp_path)


def test_a_ledger_that_the_disk_lost_is_written_anew(tmp_path):
    Ledger(tmp_path, "sub-01").do("clean", "k", write("one"))
    (tmp_path / ".commissure" / "ledger" / "sub-01.json").write_text("")
    assert Ledger(tmp_path, "sub-01").do("clean", "k", write("two")) == {"text": "two"}


def test_inputs_are_known_by_their_content(tmp_path):
    file, ledger = tmp_path / "in.nii", Ledger(tmp_path / "out", "sub-01")
    file.write_text("one")
    first = ledger.stamp(file)
    os.utime(file, (1, 1))
    assert ledger.stamp(file) == first
    file.write_text("two")
    assert ledger.stamp(file) != first
    with pytest.raises(InputError, match="cannot be read"):
        ledger.stamp(tmp_path / "none.nii")


def test_replacing_a_file_leaves_no_other(tmp_path, monkeypatch):
    replace_file(tmp_path / "a.json", "one")
    monkeypatch.setattr(Path, "replace", lambda *_: (_ for _ in ()).throw(OSError(28, "full")))
    with pytest.raises(InputError, match="full"):
        replace_file(tmp_path / "a.json", "two")
    assert [p.read_text() for p in tmp_path.iterdir()] == ["one"]


def test_killed_while_a_file_is_replaced_the_next_leaves_no_other(tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", lambda *_: (_ for _ in ()).throw(CrashError))
        patch.setattr(Path, "unlink", lambda *_, **__: None)
        with pytest.raises(CrashError):
            replace_file(tmp_path / "a.json", "one")
    replace_file(tmp_path / "a.json", "two")
    assert [(p.name, p.read_text()) for p in tmp_path.iterdir()] == [("a.json", "two")]


def test_steps_come_back_as_what_is_done_and_of_what(tmp_path):
    ledger = Ledger(tmp_path, "sub-01")
    ledger.do(StepName.named("clean", "a b_bold.nii"), "key", lambda _: {"n": 1})
    ledger.fail("findings", ["broken"])
    again = Ledger(tmp_path, "sub-01")
    assert [(step.kind, step.of) for step in again.facts] == [("clean", "a b_bold.nii")]
    assert [(step.kind, step.of) for step in again.failures] == [("findings", "")]


def test_steps_that_are_done_together_are_kept_apart(tmp_path, monkeypatch):
    ledger = Ledger(tmp_path, "report")
    ledger.do("one", "k", write("old", ("a.txt", "was.txt")))
    steps = {"one": ("k2", write("new", ("a.txt",))), "two": ("k", write("two", ("b.txt",)))}
    assert ledger.do_all(steps) == {"one": {"text": "new"}, "two": {"text": "two"}}
    assert content(tmp_path) == {"a.txt": "new a.txt", "b.txt": "two b.txt"}
    again = Ledger(tmp_path, "report")
    assert (again.outputs("one"), again.outputs("two")) == ([Path("a.txt")], [Path("b.txt")])
    monkeypatch.setattr(Ledger, "write", None)
    assert again.do_all(steps) == {"one": {"text": "new"}, "two": {"text": "two"}}
    (tmp_path / "b.txt").write_text("mine")
    with pytest.raises(InputError, match=r"b\.txt was changed"):
        again.do_all(steps)


def test_a_file_may_go_from_one_step_to_another_that_is_done_with_it(tmp_path):
    ledger = Ledger(tmp_path, "report")
    ledger.do("one", "k", write("one", ("a.txt",)))
    ledger.do_all({"one": ("k2", write("x", ("b.txt",))), "two": ("k", write("y", ("a.txt",)))})
    assert content(tmp_path) == {"a.txt": "y a.txt", "b.txt": "x b.txt"}


@pytest.mark.parametrize("n_moved", [0, 1, 2])
def test_killed_between_the_files_of_steps_done_together(tmp_path, monkeypatch, n_moved):
    old = {"one": ("k", write("old", ("a.txt",))), "two": ("k", write("old", ("b.txt",)))}
    new = {"one": ("k2", write("new", ("a.txt",))), "two": ("k2", write("new", ("b.txt",)))}
    ledger = Ledger(tmp_path, "report")
    ledger.do_all(old)
    replace, moved = Path.replace, []

    def until_killed(self, to):
        if self.suffix == ".txt":
            if len(moved) == n_moved:
                raise CrashError
            moved.append(self)
        return replace(self, to)

    monkeypatch.setattr(Path, "replace", until_killed)
    if n_moved < 2:
        with pytest.raises(CrashError):
            ledger.do_all(new)
    monkeypatch.setattr(Path, "replace", replace)
    again = Ledger(tmp_path, "report")
    assert again.do_all(new) == {"one": {"text": "new"}, "two": {"text": "new"}}
    assert content(tmp_path) == {"a.txt": "new a.txt", "b.txt": "new b.txt"}
