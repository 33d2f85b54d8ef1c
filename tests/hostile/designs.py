"""B11: designs whose statements would be wrong are refused."""

import json

import nibabel as nib
import numpy as np
import pandas as pd
from scipy.special import gamma

from tests.hostile.harness import Said, World, demand, refused, survives, told, works
from tests.hostile.settings import options
from tests.hostile.tables import column, df, people, then

DEPENDS = ("depend", "computed from", "separate", "told apart", "same", "rank", "estimated")


def record(world: World) -> dict:
    return json.loads((world.out / "stats.json").read_text())


def maps_of(names: list[str]):
    """Give the maps in the order as scans of these people."""

    def change(world: World) -> None:
        lines = world.path("in/maps.tsv").read_text().splitlines()
        rows = [
            f"{who}\t{line.split(chr(9))[1]}" for who, line in zip(names, lines[1:], strict=True)
        ]
        world.write("in/maps.tsv", "\n".join([lines[0], *rows]) + "\n")

    return change


def g_of(contrast, levels: str = "pc", pick=lambda i: i >= 6):
    """Hedges' g is that of the weighted means, by normal equations and the exact correction."""

    def check(world: World, said: Said) -> None:
        table = pd.read_csv(world.path("in/participants.tsv"), sep="\t")
        inside = nib.load(world.path("in/mask.nii.gz")).get_fdata() > 0
        paths = pd.read_csv(world.path("in/maps.tsv"), sep="\t")["path"]
        y = np.stack([nib.load(world.path("in") / p).get_fdata()[inside] for p in paths])
        group = np.array([float(pick(i)) for i in range(len(y))]).astype(int)
        dummies = np.eye(len(levels))[group]
        x = np.column_stack([dummies, table["age"] - table["age"].mean()])
        c = np.array([*contrast, 0.0])
        inverse = np.linalg.inv(x.T @ x)
        beta = inverse @ x.T @ y
        df = len(x) - x.shape[1]
        variance = ((y - x @ beta) ** 2).sum(axis=0) / df
        t = c @ beta / np.sqrt(variance * (c @ inverse @ c))
        j = gamma(df / 2) / (np.sqrt(df / 2) * gamma((df - 1) / 2))
        expected = t * np.sqrt((c[:-1] ** 2 / dummies.sum(axis=0)).sum()) * j
        (path,) = world.out.glob("*stat-g_*.nii.gz")
        found = nib.load(path).get_fdata()[inside]
        there = found != 0
        demand(bool(there.any()), "no g")
        wrong = np.abs(found - expected)[there].max()
        demand(wrong < 1e-4, f"g differs by {wrong}")

    return check


def no_g(world: World, said: Said) -> None:
    demand(not list(world.out.glob("*stat-g_*")), "Hedges' g of a slope")


def few(n: int):
    def change(world: World) -> None:
        for name in ("in/maps.tsv", "in/participants.tsv"):
            lines = world.path(name).read_text().splitlines()
            rows = lines[1 : 1 + n] + lines[7 : 7 + n]
            world.write(name, "\n".join([lines[0], *rows]) + "\n")

    return change


def four_and_four_of_other_ages(world: World) -> None:
    few(4)(world)
    column("age", lambda i, v: str(30.5 + i if i < 4 else 60.5 + i))(world)


def slope(world: World, said: Said) -> None:
    demand(not list(world.out.glob("*stat-g_*")), "Hedges' g of a slope")
    df(9)(world, said)


CASES = (
    refused("covariate-is-the-group", "maps", then(column("copy", lambda i, v: "a" if i < 6 else "b"), "--formula", "group + copy"), [("copy", "group")], DEPENDS),
    refused("covariate-separates-groups", "maps", column("age", lambda i, v: str(30.5 + i if i < 6 else 60.5 + i)), ["age"], DEPENDS),
    told("covariate-separates-four-and-four", "maps", four_and_four_of_other_ages, ["age"], ("may be chance",)),
    refused("covariate-is-a-sum", "maps", then(column("sum", lambda i, v: str(2.5 * i + 1)), "--formula", "group + age + sum:sum + C(sex):sum + sex:sum"), ["sum"], (*DEPENDS, "scans", "column")),
    refused("factor-of-names", "maps", options("--formula", "group + participant_id"), ["participant_id"], ("scans", "columns", *DEPENDS)),
    refused("more-columns-than-scans", "maps", then(column("site", lambda i, v: f"s{i}"), "--formula", "group + site"), ["site"], ("scans", "columns", "level", *DEPENDS)),
    refused("two-a-group", "maps", few(2), [], ("scans", "few", "permut", "leverage", "least")),
    refused("one-a-group", "maps", few(1), [], ("scans", "few", "permut", "leverage", "least")),
    told("three-a-group", "maps", then(few(3), "--formula", "group"), [], ("significant", "smallest", "scans", "few")),
    refused("one-level-of-blocks", "maps", then(column("site", lambda i, v: "a"), "--blocks", "site"), ["site"], ("one", "level", "block", "all")),
    refused("blocks-cannot-test-groups", "maps", then(column("family", lambda i, v: f"f{i // 6}"), "--blocks", "family"), ["family"], ("block", "exchange", "within", "vary")),
    refused("blocks-of-one", "maps", then(column("family", lambda i, v: f"f{i}"), "--blocks", "family"), ["family"], ("block", "exchange", "one", "nothing")),
    refused("blocks-with-gaps", "maps", then(column("family", lambda i, v: "n/a" if i == 3 else f"f{i % 2}"), "--blocks", "family"), ["family", "sub-04"], ("missing", "empty")),
    works("blocks-of-pairs", "maps", then(column("pair", lambda i, v: f"p{i % 6}"), "--blocks", "pair", "--formula", "group + pair"), lambda w, s: demand(record(w)["Permutations"] > 10, "too few")),
    works("slope-has-no-g", "maps", options("--contrast", "age"), slope),
    works("weighted-contrast-has-its-g", "maps", then(column("group", lambda i, v: ["a", "b", "c"][i % 3]), "--variance-groups", "none", "--contrast", "0.5 * group[a] + 0.5 * group[b] - group[c]"), g_of((0.5, 0.5, -1), "abc", lambda i: i % 3)),
    works("double-contrast-has-its-g", "maps", options("--variance-groups", "none", "--contrast", "2 * group[patient] - 2 * group[control]"), g_of((2, -2))),
    works("mean-of-a-group-has-its-g", "maps", options("--variance-groups", "none", "--contrast", "group[patient]"), g_of((1, 0))),
    survives("level-and-slope", "maps", options("--contrast", "group[patient] - group[control] + age"), no_g),
    survives("interaction", "maps", options("--formula", "group * age"), lambda w, s: demand(record(w)["DegreesOfFreedom"] == 8, "not 8")),
    survives("mean-of-one-group", "maps", options("--formula", "1", "--contrast", "Intercept"), lambda w, s: demand(record(w)["DegreesOfFreedom"] == 11, "not 11")),
    refused("repeated-scans-without-blocks", "maps", lambda w: (maps_of([f"sub-{1 + i // 2:02d}" for i in range(12)])(w),), ["sub-01"], ("more than once", "several", "twice", "row", "blocks")),
    refused("score-is-in-the-formula", "maps", options("--formula", "group + score"), ["score"], ("missing", "empty")),
    survives("group-column-other", "maps", then(people(lambda t: t.rename(columns={"group": "dx"})), "--formula", "dx + age", "--contrast", "dx[patient] - dx[control]", "--clinical", "score", "--within", "patient"), df(9)),
    works("group-column-named", "maps", then(people(lambda t: t.rename(columns={"group": "dx"})), "--formula", "dx + age", "--contrast", "dx[patient] - dx[control]", "--group", "dx"), df(9)),
    refused("statistic-not-computed", "maps", options("--criterion", "mass"), ["mass"], ("statistics",)),
    refused("method-other-name", "maps", options("--method", "manly"), ["manly"], ("freedman-lane",)),
)  # fmt: skip
