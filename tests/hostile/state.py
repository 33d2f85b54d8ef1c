"""B6: the records of an output folder, edited, lost, replaced, or somebody else's."""

import gzip
import json
import os
import shutil
import time

import nibabel as nib
import numpy as np
from filelock import FileLock

from tests.hostile.harness import (
    Said,
    World,
    both,
    demand,
    fails,
    refused,
    run,
    survives,
    told,
    works,
)
from tests.study import studies

STUDY = "out/.commissure/study.json"
LEDGER = "out/.commissure/ledger/sub-02.json"
MAP = f"out/sub-02/func/sub-02_task-rest_space-{studies.SPACE}_stat-cfh_desc-clean_boldmap.nii.gz"
CHANGED = ("changed", "not the one", "written by", "is not")
RECORDS = ("records", "study.json", "ledger", "JSON", "read", "list", "object", "out")


def put(name: str, content: str | bytes):
    return lambda world: world.write(name, content)


def folder(name: str):
    def change(world: World) -> None:
        world.path(name).unlink()
        world.path(name).mkdir()

    return change


def gone(name: str):
    def change(world: World) -> None:
        path = world.path(name)
        shutil.rmtree(path) if path.is_dir() else path.unlink()

    return change


def other_map(world: World) -> None:
    """Another map of the same size and time."""
    path = world.path(MAP)
    status = path.stat()
    img = nib.load(path)
    values = np.asarray(img.dataobj)
    new = nib.Nifti1Image(np.where(np.isfinite(values), values[::-1], values), img.affine)
    raw = gzip.compress(new.to_bytes(), 1)
    size = max(status.st_size, len(raw))
    path.write_bytes(raw + bytes(size - len(raw)))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def other_map_to_be_read(world: World) -> None:
    """The group stage has to be done again, and reads it."""
    other_map(world)
    world.edit("study.toml", "n_permutations = 30", "n_permutations = 29")


def edited_bytes(world: World) -> None:
    """One bit of a map, the size and the time as before."""
    path = world.path(MAP)
    status = path.stat()
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 2] ^= 1
    path.write_bytes(raw)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns + 1_000_000))


def ledger_edit(function, name: str = LEDGER):
    def change(world: World) -> None:
        content = json.loads(world.path(name).read_text())
        function(content)
        world.write(name, json.dumps(content))

    return change


def more_freedom(content: dict) -> None:
    """Give sub-02 more degrees of freedom, in the records only."""
    measured = [s["facts"] for s in content["steps"].values() if "effective_df" in s["facts"]]
    demand(bool(measured), "nothing to change")
    for facts in measured:
        facts["effective_df"] = 1234.5


def point_elsewhere(content: dict) -> None:
    """Outputs of a step that lie outside, which a next step would remove."""
    for step in content["steps"].values():
        for name in list(step["outputs"]):
            step["outputs"][f"../letters/{len(name)}.txt"] = step["outputs"][name]
        step["outputs"]["../letters/to_mother.txt"] = next(iter(step["outputs"].values()), [])
        step["key"] = "stale"


def absolute_outputs(world: World) -> None:
    target = str(world.path("letters/to_mother.txt"))
    ledger_edit(lambda c: [s["outputs"].update({target: []}) for s in c["steps"].values()])(world)


def in_future(world: World) -> None:
    later = time.time() + 10 * 365 * 86400
    for path in world.path("out").rglob("*"):
        os.utime(path, (later, later), follow_symlinks=False)


def in_1970(world: World) -> None:
    for path in world.root.rglob("*"):
        os.utime(path, (0, 0), follow_symlinks=False)


def maps_as_they_were(world: World) -> None:
    world.seen["maps"] = {p: p.read_bytes() for p in world.path("out").glob("sub-*/func/*")}


def remember(change):
    return both(maps_as_they_were, change)


def restored(world: World, said: Said) -> None:
    """All maps are there, byte for byte as before."""
    demand((world.out / "group" / "clusters.tsv").is_file(), "no clusters.tsv")
    maps = world.seen["maps"]
    different = [p.name for p in maps if not p.exists() or p.read_bytes() != maps[p]]
    demand(not different, f"these are other than before: {different[:4]}")


def as_measured(world: World, said: Said) -> None:
    """All is as before, and what was changed in the records is nowhere."""
    restored(world, said)
    texts = [p.read_text() for p in world.out.rglob("*") if p.suffix in (".json", ".tsv")]
    demand(not any("1234.5" in text for text in texts), "the changed number is believed")


def link_out(name: str, target: str):
    """Put a link to somebody else's folder in place of one of ours."""

    def change(world: World) -> None:
        path = world.path(f"out/{name}")
        shutil.rmtree(path)
        path.symlink_to(world.path(target))
        world.edit("study.toml", "n_permutations = 30", "n_permutations = 29")
        world.edit("study.toml", "noise_floor = 0", "noise_floor = 0\nmidline_mm = 15.0")

    return change


def link_study(world: World) -> None:
    world.path("out").mkdir()
    world.path("out/sub-01").symlink_to(world.path("in/sub-01"))


def excel(name: str):
    """What a spreadsheet makes of a table: other separators, decimals and line ends."""

    def change(world: World) -> None:
        text = world.path(name).read_text()
        text = text.replace(".", ",").replace("\t", ";").replace("\n", "\r\n")
        world.write(name, "\ufeff" + text)

    return change


def locked(world: World) -> None:
    """Somebody else holds the lock of the group: the state of a run that is under way."""
    lock = FileLock(world.path("out/.commissure/locks/group.lock"), timeout=0)
    lock.acquire()
    lock.release()


def command(*arguments: str):
    def change(world: World) -> None:
        world.arguments = list(arguments)

    return change


def stats_again(change):
    """Run `stats` once, then change its output."""

    def all_of(world: World) -> None:
        said = run(world)
        assert said.code == 0, said.err
        change(world)

    return all_of


def kept(name: str, content: str):
    def check(world: World, said: Said) -> None:
        demand(world.path(name).read_text() == content, f"{name} was written over")

    return check


def fine(world: World, said: Said) -> None:
    pass


CASES = (
    works("nothing-changed", "finished", maps_as_they_were, restored),
    works("copied-study", "finished", both(maps_as_they_were, lambda w: [os.utime(p) for p in w.path("out").rglob("*")]), restored),
    works("clock-set-back", "finished", remember(in_future), restored),
    works("times-of-1970", "finished", remember(in_1970), restored),
    works("map-was-deleted", "finished", remember(gone(MAP)), restored),
    works("participant-was-deleted", "finished", remember(gone("out/sub-02")), restored),
    works("group-was-deleted", "finished", remember(gone("out/group")), restored),
    works("staging-was-left", "finished", remember(put("out/.commissure/staging/sub-02/x/half.nii.gz", b"half")), restored),
    survives("locks-were-deleted", "finished", remember(gone("out/.commissure/locks")), restored),
    survives("ledger-was-deleted", "finished", remember(gone(LEDGER)), restored),
    works("lock-was-left", "finished", both(maps_as_they_were, locked), restored),
    fails("map-of-same-size-and-time", "finished", other_map_to_be_read, ["sub-02", "boldmap"], CHANGED),
    refused("map-with-a-bit-changed", "finished", edited_bytes, ["sub-02", "boldmap"], CHANGED),
    refused("map-emptied", "finished", put(MAP, b""), ["sub-02", "boldmap"], CHANGED),
    refused("quality-edited", "finished", lambda w: w.edit("out/quality.tsv", "sub-02", "sub-2"), ["quality.tsv"], CHANGED),
    refused("verdicts-edited", "finished", lambda w: w.edit("out/verdicts.json", "sub-02", "sub-2"), ["verdicts.json"], CHANGED),
    refused("quality-by-a-spreadsheet", "finished", excel("out/quality.tsv"), ["quality.tsv"], CHANGED),
    refused("clusters-edited", "finished", lambda w: w.write("out/group/clusters.tsv", "mine\n"), ["clusters.tsv"], CHANGED),
    refused("methods-edited", "finished", lambda w: w.write("out/group/methods.md", "My text\n"), ["methods.md"], CHANGED),
    refused("settings-edited", "finished", put("out/settings.json", "{}"), ["settings.json"], CHANGED),
    survives("own-file-in-group", "finished", put("out/group/notes.txt", "mine\n"), kept("out/group/notes.txt", "mine\n")),
    survives("own-file-in-participant", "finished", put("out/sub-02/notes.txt", "mine\n"), kept("out/sub-02/notes.txt", "mine\n")),
    told("study-is-empty", "finished", remember(put(STUDY, "")), [("study.json", "out", "records")], RECORDS, restored),
    told("study-is-a-list", "finished", remember(put(STUDY, "[]")), [("study.json", "out", "records")], RECORDS, restored),
    told("study-is-broken", "finished", remember(put(STUDY, "{")), [("study.json", "out", "records")], RECORDS, restored),
    told("study-is-another-object", "finished", remember(put(STUDY, '{"a": 1}')), [("study.json", "out", "records")], RECORDS, restored),
    told("study-has-numbers", "finished", remember(put(STUDY, '{"input": 3, "runs": 4}')), [("study.json", "out", "records")], RECORDS, restored),
    told("study-is-no-text", "finished", remember(put(STUDY, b"\xff\xfe\x00")), [("study.json", "out", "records")], RECORDS, restored),
    refused("study-is-a-folder", "finished", folder(STUDY), [("study.json", "out")], (*RECORDS, "folder")),
    survives("ledger-is-empty", "finished", remember(put(LEDGER, "")), restored),
    survives("ledger-is-a-list", "finished", remember(put(LEDGER, "[]")), restored),
    survives("ledger-is-broken", "finished", remember(put(LEDGER, '{"steps": {')), restored),
    survives("ledger-is-no-text", "finished", remember(put(LEDGER, b"\xff\x00")), restored),
    survives("ledger-is-deep", "finished", remember(put(LEDGER, "[" * 100_000)), restored),
    survives("ledger-steps-are-a-list", "finished", remember(ledger_edit(lambda c: c.update(steps=[1]))), restored),
    survives("ledger-facts-are-text", "finished", remember(ledger_edit(lambda c: [s.update(facts="x") for s in c["steps"].values()])), restored),
    survives("ledger-facts-are-empty", "finished", remember(ledger_edit(lambda c: [s.update(facts={}) for s in c["steps"].values()])), restored),
    works("ledger-facts-are-others", "finished", remember(ledger_edit(more_freedom)), as_measured),
    survives("facts-of-the-group-are-empty", "finished", remember(ledger_edit(lambda c: [s.update(facts={}) for s in c["steps"].values()], LEDGER.replace("sub-02", "group"))), restored),
    survives("ledger-leads-elsewhere", "finished", remember(ledger_edit(point_elsewhere)), restored),
    survives("ledger-leads-elsewhere-absolutely", "finished", both(maps_as_they_were, absolute_outputs), restored),
    survives("ledger-is-a-folder", "finished", remember(folder(LEDGER)), restored),
    survives("lock-is-a-folder", "finished", remember(folder("out/.commissure/locks/sub-02.lock")), restored),
    refused("state-is-a-file", "finished", both(gone("out/.commissure"), put("out/.commissure", "x")), ["out"], ("commissure", "file", "holds")),
    refused("state-is-gone", "finished", gone("out/.commissure"), ["out"], ("holds", "commissure")),
    fails("group-is-a-link", "finished", link_out("group", "letters"), ["group"], ("link", "outside", "leaves", "not commissure")),
    refused("participant-is-a-link-to-the-input", "finished", link_out("sub-02", "in/sub-02"), ["sub-02"], ("link", "outside", "leaves", "not commissure")),
    refused("new-study-with-a-link-to-the-input", "study", link_study, ["out", "sub-01"], ("holds", "link", "not")),
    refused("report-of-letters", "study", command("report", "{root}/letters"), ["letters"], ("no study", "not", "no ")),
    refused("report-of-input", "study", command("report", "{in}"), ["in"], ("no study", "not", "no ")),
    refused("report-of-nothing", "study", command("report", "{root}/nowhere"), ["nowhere"], ("exist", "no ")),
    refused("report-of-broken-study", "finished", both(put(STUDY, "["), command("report", "{out}")), [("study.json", "out")], RECORDS),
    refused("report-of-a-spreadsheet", "finished", both(excel("out/quality.tsv"), command("report", "{out}")), ["quality.tsv"], (*CHANGED, "column", "table", "cells")),
    refused("report-of-broken-settings", "finished", both(put("out/settings.json", "["), command("report", "{out}")), ["settings.json"], (*CHANGED, *RECORDS)),
    refused("report-of-broken-findings", "finished", both(put("out/group/stats.json", "["), command("report", "{out}")), ["stats.json"], (*CHANGED, *RECORDS)),
    works("stats-again", "maps", stats_again(lambda w: None), lambda w, s: demand((w.out / "clusters.tsv").exists(), "none")),
    refused("stats-over-edited", "maps", stats_again(lambda w: w.write("out/clusters.tsv", "mine\n")), ["clusters.tsv"], (*CHANGED, "somebody", "not what")),
    survives("stats-beside-own-file", "maps", stats_again(lambda w: w.write("out/notes.txt", "mine\n")), kept("out/notes.txt", "mine\n")),
    refused("stats-into-a-study", "finished", command("stats", "--maps", "{in}/maps.tsv", "--participants", "{in}/participants.tsv", "--mask", "{in}/mask.nii.gz", "-o", "{out}", "--formula", "group", "--contrast", "group[patient] - group[control]"), [("out", "maps.tsv")], ("study", "exist")),
    told("settings-changed", "finished", lambda w: w.edit("study.toml", "n_permutations = 30", "n_permutations = 29"), [], ("",), fine),
)  # fmt: skip
