"""A2 and A3: what is not ours is not written over; who is taken out is taken out."""

import os
import shutil

from tests.hostile.harness import Said, World, demand, fails, refused, survives, told, works

OTHERS = ("not", "other", "else", "holds", "already", "lies", "contains", "empty", "input", "inside", "within", "belongs", "part")  # fmt: skip


def out_holds(name: str, content: str = "my own\n"):
    def change(world: World) -> None:
        world.write(f"out/{name}", content)

    return change


def out_at(place: str):
    def change(world: World) -> None:
        world.out_is(world.path(place))

    return change


def out_is_input(world: World) -> None:
    world.out_is(world.path("in"))


def out_is_link_to_input(world: World) -> None:
    world.path("out").symlink_to("in")


def out_is_link_into_participant(world: World) -> None:
    world.path("out").symlink_to("in/sub-01")


def out_is_dangling_link(world: World) -> None:
    world.path("out").symlink_to("nowhere/at/all")


def out_is_file(world: World) -> None:
    world.write("out", "a file\n")


def out_through_file(world: World) -> None:
    world.write("file", "a file\n")
    world.out_is(world.path("file/out"))


def out_is_loop(world: World) -> None:
    world.path("out").symlink_to("out")


def out_with_dots(world: World) -> None:
    (world.root / "x").mkdir()
    world.out_is(world.root / "x" / ".." / "in")


def long_out(world: World) -> None:
    world.out_is(world.path("/".join(["a" * 250] * 20)))


def long_name(world: World) -> None:
    world.out_is(world.path("a" * 300))


def nul_in_out(world: World) -> None:
    world.arguments = [a.replace("{out}", "{out}\x00x") for a in world.arguments]


def empty_out(world: World) -> None:
    world.arguments = [a.replace("{out}", "") for a in world.arguments]


def other_study(world: World) -> None:
    shutil.copytree(world.path("in"), world.path("other"))
    for path in world.path("other").rglob("*.nii.gz"):
        path.write_bytes(path.read_bytes() + b"\0" * 8)
    world.arguments[1] = "{root}/other"


def without(*names: str):
    def change(world: World) -> None:
        for name in names:
            shutil.rmtree(world.path(f"in/{name}"))

    return change


def command(*arguments: str):
    def change(world: World) -> None:
        world.arguments = list(arguments)

    return change


def gone(world: World, said: Said) -> None:
    left = [
        str(p.relative_to(world.out)) for p in world.out.rglob("*") if "sub-02" in p.name
        and ".lock" not in p.name
    ]  # fmt: skip
    left += [
        str(p.relative_to(world.out)) for p in world.out.rglob("*")
        if p.is_file() and b"sub-02" in p.read_bytes()
    ]  # fmt: skip
    demand(not left, f"of sub-02 these are left: {left}")
    demand((world.out / "sub-03").is_dir(), "sub-03 is gone too")


def kept(name: str):
    def check(world: World, said: Said) -> None:
        demand((world.out / name).read_text() == "my own\n", f"{name} was written over")

    return check


def all_there(world: World, said: Said) -> None:
    demand((world.out / "group" / "clusters.tsv").is_file(), "no clusters.tsv")
    demand((world.out / "quality.tsv").is_file(), "no quality.tsv")


def input_is_gone(world: World) -> None:
    world.arguments[1] = "{root}/nowhere"


def input_is_file(world: World) -> None:
    world.arguments[1] = "{in}/participants.json"
    world.write("in/participants.json", "{}")


def input_is_empty(world: World) -> None:
    world.path("nothing").mkdir()
    world.arguments[1] = "{root}/nothing"


def move_place(name: str):
    """Put the input in a folder of another name."""

    def change(world: World) -> None:
        world.path(name).parent.mkdir(parents=True, exist_ok=True)
        world.path("in").rename(world.path(name))
        world.arguments = [a.replace("{in}", f"{{root}}/{name}") for a in world.arguments]
        world.out_is(world.path(f"{name} out"))

    return change


def loop_in_input(world: World) -> None:
    world.path("in/sub-01/loop").symlink_to("..")
    world.path("in/sub-02/func/here").symlink_to(".")
    world.path("in/self").symlink_to("self")


def as_nobody(*modes: tuple[str, int], owner: str = ""):
    """Be another user, to whom some paths are closed."""

    def change(world: World) -> None:
        from tests.hostile.harness import NOBODY, need_root

        need_root()
        for path in [world.root, *world.root.rglob("*")]:
            os.lchown(path, NOBODY, NOBODY)
        for name, mode in modes:
            world.path(name).chmod(mode)
        world.as_nobody = True

    return change


SCAN = "in/sub-02/func/sub-02_task-rest_space-MNI152NLin2009aSym_desc-clean_bold.nii.gz"
CLOSED = ("read", "permission", "access", "open", "allowed", "rights")
UNWRITABLE = ("write", "permission", "read-only", "rights")


def out_of_somebody_else(world: World) -> None:
    as_nobody()(world)
    world.path("out").mkdir(mode=0o755)
    os.chown(world.path("out"), 0, 0)


def finished_read_only(world: World) -> None:
    as_nobody()(world)
    for path in [world.path("out"), *world.path("out").rglob("*")]:
        os.lchown(path, 0, 0)
    world.edit("study.toml", "n_permutations = 30", "n_permutations = 29")


CASES = (
    refused("holds-own-report", "study", out_holds("report.html"), ["out", "report.html"], OTHERS),
    refused("holds-own-clusters", "study", out_holds("group/clusters.tsv"), ["out", "group"], OTHERS),
    refused("holds-a-letter", "study", out_holds("letter.docx"), ["out", "letter.docx"], OTHERS),
    refused("holds-an-empty-file", "study", out_holds("x", ""), ["out", "x"], OTHERS),
    survives("holds-hidden-folder", "study", out_holds(".git/config"), kept(".git/config")),
    refused("holds-other-dataset", "study", out_holds("dataset_description.json", "{}"), ["out", "dataset_description.json"], OTHERS),
    survives("holds-fake-state", "study", out_holds(".commissure/mine.txt"), kept(".commissure/mine.txt")),
    survives("holds-own-bidsignore", "study", out_holds(".bidsignore"), kept(".bidsignore")),
    survives("holds-own-record", "maps", out_holds(".commissure.json"), kept(".commissure.json")),
    refused("holds-own-report-stats", "maps", out_holds("clusters.tsv"), ["out", "clusters.tsv"], OTHERS),
    refused("holds-own-letter-stats", "maps", out_holds("letter.docx"), ["out", "letter.docx"], OTHERS),
    refused("holds-own-letter-cfh", "scan", out_holds("letter.docx"), ["out", "letter.docx"], OTHERS),
    works("holds-finder-files", "study", out_holds(".DS_Store"), all_there),
    works("holds-finder-files-stats", "maps", out_holds(".DS_Store"), lambda w, s: demand((w.out / "clusters.tsv").exists(), "none")),
    survives("holds-explorer-files", "study", out_holds("Thumbs.db"), kept("Thumbs.db")),
    refused("is-input", "study", out_is_input, ["in"], OTHERS),
    refused("is-input-stats", "maps", out_is_input, ["in"], OTHERS),
    refused("is-input-cfh", "scan", out_is_input, ["in"], OTHERS),
    refused("is-input-by-dots", "study", out_with_dots, ["in"], OTHERS),
    refused("is-input-by-link", "study", out_is_link_to_input, ["out"], OTHERS),
    refused("holds-input", "study", out_at("."), [("place", "in")], OTHERS),
    refused("inside-participant", "study", out_at("in/sub-01/out"), ["sub-01"], OTHERS),
    refused("inside-func", "study", out_at("in/sub-01/func/out"), ["sub-01"], OTHERS),
    refused("inside-participant-stats", "maps", out_at("in/sub-01/out"), ["sub-01"], OTHERS),
    refused("inside-participant-cfh", "scan", out_at("in/sub-01/out"), ["sub-01"], OTHERS),
    refused("inside-participant-by-link", "study", out_is_link_into_participant, ["out"], OTHERS),
    refused("inside-anothers-participant", "study", out_at("elsewhere/sub-99/out"), ["sub-99"], OTHERS),
    survives("inside-derivatives", "study", out_at("in/derivatives/commissure"), all_there),
    survives("dangling-link", "study", out_is_dangling_link, all_there),
    refused("is-file", "study", out_is_file, ["out"], ("file", "folder", "write")),
    refused("is-file-stats", "maps", out_is_file, ["out"], ("file", "folder", "write")),
    refused("through-file", "study", out_through_file, ["file"], ("file", "folder", "write")),
    refused("through-file-stats", "maps", out_through_file, ["file"], ("file", "folder", "write")),
    refused("loop", "study", out_is_loop, ["out"], ("link", "write", "circle", "folder", "loop")),
    refused("path-too-long", "study", long_out, ["aaaa"], ("long", "write")),
    refused("name-too-long", "maps", long_name, ["aaaa"], ("long", "write")),
    refused("nul", "study", nul_in_out, [], ("nul", "null", "character", "zero", "no text")),
    refused("empty", "study", empty_out, [("OUT", "output")], ("empty", "input", "holds", "not", "lies")),
    refused("other-study", "finished", other_study, ["out"], ("study of", "another")),
    told("taken-out", "finished", without("sub-02"), ["sub-02"], ("forget", "no longer", "not in", "gone")),
    works("forget", "finished", command("forget", "{out}", "--participant-label", "02"), gone),
    works("forget-with-prefix", "finished", command("forget", "{out}", "--participant-label", "sub-02"), gone),
    told("forget-unknown", "finished", command("forget", "{out}", "--participant-label", "77"), ["77"], ("nothing", "no", "not"), all_there),
    told("forget-a-path", "finished", command("forget", "{out}", "--participant-label", "../../letters"), ["letters"], ("nothing", "no", "not", "label"), all_there),
    told("forget-everything", "finished", command("forget", "{out}", "--participant-label", "*"), ["*"], ("nothing", "no", "not", "label"), all_there),
    refused("forget-in-no-study", "finished", command("forget", "{in}", "--participant-label", "02"), ["in"], ("no study", "not", "no output")),
    refused("forget-nowhere", "finished", command("forget", "{root}/none", "--participant-label", "02"), ["none"], ("exist", "no", "not")),
    refused("input-is-gone", "study", input_is_gone, ["nowhere"], ("exist", "not a folder")),
    refused("input-is-a-json", "study", input_is_file, ["participants.json"], ("table", "tsv")),
    refused("input-is-empty", "study", input_is_empty, ["nothing"], ("no ", "empty")),
    works("umlauts-and-blanks", "study", move_place("Büro Köln/Studie (neu) #1 & 50%"), all_there),
    works("emoji-and-quotes", "study", move_place("🧠 it's \"mine\""), all_there),
    works("brackets", "study", move_place("[x]*{y}?"), all_there),
    survives("newline-in-folder", "study", move_place("a\nb"), all_there),
    works("links-in-circles", "study", loop_in_input, all_there),
    fails("scan-is-closed", "study", as_nobody((SCAN, 0)), ["sub-02"], CLOSED),
    refused("participants-are-closed", "study", as_nobody(("in/participants.tsv", 0)), ["participants.tsv"], CLOSED),
    refused("settings-are-closed", "study", as_nobody(("study.toml", 0)), ["study.toml"], CLOSED),
    refused("input-is-closed", "study", as_nobody(("in", 0)), ["in"], CLOSED),
    refused("participant-is-closed", "study", as_nobody(("in/sub-03", 0)), ["sub-03"], CLOSED),
    refused("func-is-closed", "study", as_nobody(("in/sub-03/func", 0)), ["sub-03"], CLOSED),
    refused("func-cannot-be-entered", "study", as_nobody(("in/sub-03/func", 0o444)), ["sub-03"], CLOSED, lines=6),
    refused("raw-func-is-closed", "raw", as_nobody(("in/sub-03/func", 0)), ["sub-03"], CLOSED),
    refused("raw-sidecar-is-closed", "raw", as_nobody(("in/task-rest_bold.json", 0)), ["task-rest_bold.json"], CLOSED),
    refused("mask-is-closed", "maps", as_nobody(("in/mask.nii.gz", 0)), ["mask.nii.gz"], CLOSED),
    refused("maps-are-closed", "maps", as_nobody(("in/maps.tsv", 0)), ["maps.tsv"], CLOSED),
    refused("map-is-closed", "maps", as_nobody(("in/sub-04_space-MNI152NLin2009aSym_stat-cfh_boldmap.nii.gz", 0)), ["sub-04"], CLOSED),
    refused("scan-is-closed-cfh", "scan", as_nobody(("in/sub-01_space-MNI152NLin6Asym_bold.nii.gz", 0)), ["sub-01"], CLOSED),
    refused("nothing-can-be-written", "study", as_nobody((".", 0o555)), ["out"], UNWRITABLE),
    refused("nothing-can-be-written-stats", "maps", as_nobody((".", 0o555)), ["out"], UNWRITABLE),
    refused("nothing-can-be-written-cfh", "scan", as_nobody((".", 0o555)), ["out"], UNWRITABLE),
    refused("out-of-somebody-else", "study", out_of_somebody_else, ["out"], UNWRITABLE),
    refused("finished-of-somebody-else", "finished", finished_read_only, ["out"], UNWRITABLE),
    refused("finished-cannot-be-entered", "finished", as_nobody(("out", 0)), ["out"], (*CLOSED, *UNWRITABLE)),
    refused("ledger-is-closed", "finished", as_nobody(("out/.commissure/ledger/sub-02.json", 0)), [("sub-02.json", "ledger")], CLOSED),
    works("input-is-read-only", "study", as_nobody(("in", 0o555), ("in/sub-01", 0o555), ("in/participants.tsv", 0o444)), all_there),
)  # fmt: skip
