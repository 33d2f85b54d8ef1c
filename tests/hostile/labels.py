"""A1: labels are names of people, sessions and runs, never paths."""

import csv
import io
import shutil

import pandas as pd

from tests.hostile.harness import Case, Said, World, demand, refused, survives

FILES = "in/files.tsv"
WRONG_LABEL = (
    "letters", "character", "path", "label", "name", "/", "empty", "blank", "longer", "long",
)  # fmt: skip


def rename(label: str, number: int = 1):
    """Call somebody otherwise, in both tables."""

    def change(world: World) -> None:
        for name in (FILES, "in/participants.tsv"):
            rows = list(csv.reader(io.StringIO(world.path(name).read_text()), delimiter="\t"))
            rows[number][0] = label
            text = io.StringIO()
            csv.writer(text, delimiter="\t", lineterminator="\n").writerows(rows)
            world.write(name, text.getvalue())

    return change


def absolute(world: World) -> None:
    rename(str(world.path("letters")))(world)


def column_mix_up(world: World) -> None:
    """The path in the column of names, and the name in that of paths."""
    lines = [line.split("\t") for line in world.path(FILES).read_text().splitlines()]
    head, *rows = lines
    text = "\n".join("\t".join(r) for r in [head, *([b, a] for a, b in rows)])
    world.write(FILES, text + "\n")


def with_column(column: str, value: str):
    def change(world: World) -> None:
        head, first, *rest = world.path(FILES).read_text().splitlines()
        others = [f"{line}\ta" for line in rest]
        world.write(FILES, "\n".join([f"{head}\t{column}", f"{first}\t{value}", *others]) + "\n")

    return change


def contrast_name(world: World) -> None:
    """A level that is a path, which contrasts are named after."""
    world.edit("in/participants.tsv", "\tpatient\t", "\t../../letters/x\t")
    world.option("--contrast", "group[../../letters/x] - group[control]")


def roi(name: str):
    def change(world: World) -> None:
        world.add("--roi", f"{name}=sphere:9,3,0,5")

    return change


def in_participants_only(label: str):
    def change(world: World) -> None:
        text = world.path("in/participants.tsv").read_text()
        world.write("in/participants.tsv", text + f"{label}\tpatient\t40\t3\n")

    return change


def two(first: str, second: str):
    def change(world: World) -> None:
        rename(first, 1)(world)
        rename(second, 2)(world)

    return change


def six_people(world: World, said: Said) -> None:
    table = pd.read_csv(world.out / "quality.tsv", sep="\t", dtype=str, keep_default_na=False)
    demand(table["participant_id"].nunique() == 6, str(table["participant_id"].tolist()))
    maps = set(world.out.glob("sub-*/**/*stat-cfh_*.nii.gz"))
    demand(len(maps) == 6, f"{len(maps)} maps of six people: {sorted(maps)}")


def fine(world: World, said: Said) -> None:
    """What the harness looks at is enough."""


def participant_folder(name: str):
    """A folder in a BIDS derivative that is called as no participant can be."""

    def change(world: World) -> None:
        shutil.move(world.path("in/sub-01"), world.path(f"in/{name}"))

    return change


def option(*arguments: str):
    def change(world: World) -> None:
        world.add(*arguments)

    return change


def label_refused(name: str, label: str) -> Case:
    return refused(name, "table", rename(label), ["files.tsv", "participant_id"], WRONG_LABEL)


CASES = (
    refused("absolute-path", "table", absolute, ["files.tsv", "participant_id"], WRONG_LABEL),
    refused("columns-mixed-up", "table", column_mix_up, ["files.tsv"], WRONG_LABEL, lines=6),
    label_refused("dots", ".."),
    label_refused("dot", "."),
    label_refused("up-and-away", "../../letters"),
    label_refused("deep-dots", "sub-01/../../../letters"),
    label_refused("slash", "a/b"),
    label_refused("windows-separator", "a\\b"),
    label_refused("windows-path", "C:\\Users\\x"),
    label_refused("home-path", "~/letters"),
    label_refused("newline", "sub-01\nsub-77"),
    label_refused("tab-in-quotes", "sub\t01"),
    label_refused("escape-sequence", "sub-\x1b[31m01"),
    label_refused("right-to-left", "sub-\u202e10"),
    label_refused("no-break-space", "sub-\u00a001"),
    label_refused("very-long", "sub-" + "a" * 300),
    label_refused("prefix-only", "sub-"),
    label_refused("wildcard", "sub-*"),
    refused("nul", "table", rename("sub-\x0001"), ["files.tsv"], ("nul", "zero", *WRONG_LABEL)),
    survives("home", "table", rename("~"), six_people),
    survives("device", "table", rename("CON"), six_people),
    survives("device-with-ending", "table", rename("aux.nii"), six_people),
    survives("leading-dash", "table", rename("-rf"), six_people),
    survives("formula", "table", rename("=1+1"), six_people),
    survives("umlaut", "table", rename("sub-müller"), six_people),
    survives("emoji", "table", rename("sub-🧠"), six_people),
    survives("blank-inside", "table", rename("Anna B"), six_people),
    survives("underscore", "table", rename("Sub_001"), six_people),
    survives("number", "table", rename("007"), six_people),
    survives("n-a", "table", rename("None"), six_people),
    refused("two-by-case-only", "table", two("sub-anna", "sub-Anna"), ["anna"], ("case", "same", "differ")),
    refused("two-collide", "table", two("Sub_001", "Sub001"), ["Sub_001", "Sub001"], ("same", "collide", "both", "differ")),
    refused("two-collide-by-prefix", "table", two("sub-X1", "X1"), ["X1"], ("same", "collide", "both", "twice", "differ")),
    refused("two-by-unicode-form", "table", two("sub-m\u00fc", "sub-mu\u0308"), ["files.tsv"], ("same", "both", "differ", "letter", "character")),
    refused("session-is-a-path", "table", with_column("session_id", "../../letters"), ["files.tsv", "session"], WRONG_LABEL),
    refused("task-is-a-path", "table", with_column("task", "/etc"), ["files.tsv", "task"], WRONG_LABEL, lines=4),
    refused("run-is-a-path", "table", with_column("run", "1/2"), ["files.tsv", "run"], WRONG_LABEL, lines=4),
    survives("level-is-a-path", "maps", contrast_name, fine),
    survives("region-is-a-path", "maps", roi("../../letters/x"), fine),
    survives("region-is-absolute", "maps", roi("/letters/x"), fine),
    survives("region-with-newline", "maps", roi("a\nb"), fine),
    refused("participants-row-is-a-path", "maps", in_participants_only("../../letters"), ["participants.tsv"], (*WRONG_LABEL, "map")),
    survives("label-option-is-a-path", "study", option("--participant-label", "../../letters"), fine),
    refused("label-option-unknown", "study", option("--participant-label", "77"), ["sub-77"], ("no participant", "not", "has")),
    refused("label-option-empty", "study", option("--participant-label", ""), [("participant-label", "participant")], ("empty", "no participant", "not", "has")),
    refused("label-option-star", "study", option("--participant-label", "*"), [("participant-label", "participant")], ("no participant", "not", "letters")),
    refused("folder-with-blank", "study", participant_folder("sub-0 1"), [("sub-0 1", "sub-01")], ("letters", "name", "BIDS", "another")),
    refused("folder-other-than-files", "study", participant_folder("sub-77"), ["sub-77"], ("another", "name", "participant"), lines=3),
    refused("session-option-unknown", "study", option("--session-id", "x"), ["x"], ("session", "matches"), lines=7),
    refused("run-option-not-there", "study", option("--run", "9"), ["9"], ("run", "matches"), lines=7),
)  # fmt: skip
