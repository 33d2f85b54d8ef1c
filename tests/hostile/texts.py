"""B7 and B9: sentences come from the values that they are about."""

import json
import shutil

import pandas as pd

from tests.hostile.harness import Said, World, demand, fails, told, works
from tests.hostile.settings import options
from tests.study import studies


def methods(world: World) -> str:
    return (world.out / "group" / "methods.txt").read_text()


def says(*words: str, never: tuple[str, ...] = ()):
    def check(world: World, said: Said) -> None:
        text = methods(world)
        missing = [word for word in words if word not in text]
        demand(not missing, f"methods.txt does not say {missing}: {text[:900]!r}")
        wrong = [word for word in never if word in text]
        demand(
            not wrong,
            f"methods.txt says {wrong}: ...{text[text.find(wrong[0]) - 300 :][:500]!r}"
            if wrong
            else "",
        )

    return check


def vmhc(world: World) -> None:
    """Maps of another measure, made by others."""
    folder = world.path("in/Results/VMHC_FunImgARWSDCFsymS")
    folder.mkdir(parents=True)
    places = studies.domain()
    for i in range(1, 7):
        values = studies.series_of(i).mean(axis=1)
        path = folder / f"zVMHCMap_sub-{i:02d}.nii"
        studies.nib.save(places.to_image(values.astype("float32")), path)
    shutil.rmtree(world.path("in/FunImgARWSDCF"))
    world.add("--set", "input.measure=VMHC")


def excluded(world: World) -> None:
    world.edit("study.toml", "least_df = 0", "least_df = 51.5")


def counts(world: World, said: Said) -> None:
    record = json.loads((world.out / "group" / "stats.json").read_text())
    quality = pd.read_csv(world.out / "quality.tsv", sep="\t")
    demand(sum(record["ScansCompared"].values()) == quality["included"].sum() == 5, "not 5")
    excluded_table = pd.read_csv(world.out / "group" / "excluded.tsv", sep="\t")
    demand(list(excluded_table["participant_id"]) == ["sub-01"], str(excluded_table))
    says("5", never=("6 participants were",))(world, said)


def damaged_and_excluded(world: World, said: Said) -> None:
    pass


CASES = (
    works("alpha-of-one-in-hundred", "study", options("--set", "group.alpha=0.01"), says("0.01", never=("p ≤ 0.05", "0.05 (", "= 0.05"))),
    works("alpha-of-one-in-ten", "study", options("--set", "group.alpha=0.1"), says("0.1", never=("< 0.05", "= 0.05"))),
    works("permutations-are-counted", "study", options("--seed", "17"), says("19", never=("5000", "5,000"))),
    works("seed-is-told", "maps", options("--seed", "4711"), lambda w, s: demand(json.loads((w.out / "stats.json").read_text())["Seed"] == 4711, "other seed")),
    works("covariates-are-told", "study", options("--formula", "group + age"), says("age", never=("sex", "education", "SDS"))),
    works("no-covariates-are-told", "study", options("--formula", "group"), says("general linear model", never=("with age", "as covariate"))),
    works("levels-are-told", "study", lambda w: (w.write("in/participants.tsv", w.path("in/participants.tsv").read_text().replace("patient", "bruxer")), options("--contrast", "group[bruxer] - group[control]", "--within", "bruxer")(w)), says("bruxer", never=("patient",))),
    works("vmhc-is-not-cfh", "dpabi", vmhc, says("VMHC", never=("CFH", "functionally homotopic"))),
    works("who-is-left-out-is-counted", "study", excluded, counts),
    fails("nobody-is-left", "study", options("--set", "quality.least_df=1000"), [("least_df", "quality.tsv")], ("everybody", "nobody", "no run", "excluded", "all")),
    told("no-motion-is-told", "study", options("--set", "group.mean_fd_covariate=true"), [("mean_fd", "motion")], ("motion", "displacement")),
)  # fmt: skip
