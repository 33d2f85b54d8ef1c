"""Doors beside the input: work folders, homes, schedulers, and whom to forget."""

from pathlib import Path

import pandas as pd

from tests.hostile.harness import Case, Said, World, demand, refused, told, works

NOTHING = ("nothing was removed",)


def option(*arguments: str):
    return lambda world: world.add(*arguments)


def forget(*labels: str):
    def change(world: World) -> None:
        world.arguments = ["forget", "{out}", "--participant-label", *labels, "--quiet"]

    return change


def home_of_nobody(world: World) -> None:
    world.out_is(Path("~nobody-of-this-name/maps"))


def six_maps(world: World, said: Said) -> None:
    demand(len(list(world.out.glob("sub-*/func/*stat-cfh_desc-clean_boldmap.nii.gz"))) == 6, "none")


def six_people(world: World, said: Said) -> None:
    people = pd.read_csv(world.out / "quality.tsv", sep="\t")["participant_id"]
    demand(len(people) == 6, str(list(people)))


def wrong_label(label: str, name: str, meant: str = "") -> Case:
    return refused(name, "finished", forget("sub-01", label), [label, meant], NOTHING, lines=1)


CASES = (
    refused("work-in-the-input", "study", option("-w", "{in}"), ["--work-dir"], ("holds the input",), lines=1),
    refused("work-in-a-participant", "study", option("-w", "{in}/sub-01/work"), ["--work-dir", "sub-01"], ("participant",), lines=1),
    refused("work-is-a-file", "study", option("-w", "{root}/study.toml"), ["--work-dir", "study.toml"], ("file",), lines=1),
    works("work-elsewhere", "study", option("-w", "{out}/.commissure/other"), six_maps),
    refused("home-of-nobody", "scan", home_of_nobody, ["nobody-of-this-name"], ("home",), lines=1),
    refused("scheduler-without-dask", "study", option("--scheduler", "tcp://127.0.0.1:8786"), ["scheduler", "dask"], ("this machine",), lines=1),
    wrong_label("2", "forget-without-zero", "sub-02"),
    wrong_label("SUB-02", "forget-in-capitals"),
    wrong_label("02,03", "forget-with-comma"),
    wrong_label(" 02", "forget-with-blank"),
    wrong_label("*", "forget-everybody"),
    wrong_label("..", "forget-dots"),
    told("forget-nobody", "finished", forget("77"), ["sub-77"], ("holds nothing",), six_people),
)  # fmt: skip
