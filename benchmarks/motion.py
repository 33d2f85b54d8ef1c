"""What is found where groups only move unlike, and what is found where they differ?

Run: make bench-truth, or python -m benchmarks.motion. Results go to docs/benchmarks/motion.tsv, a
comparison a row; seeds that are in it are not made again: stopped, it goes on where it was. The
page docs/benchmarks/motion.md is made of it.
"""

import argparse
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from itertools import product

import numpy as np
import pandas as pd

from benchmarks.findings import STATISTICS, compared, found_by_each
from benchmarks.measure import DOCS, exact_rates, machine, table
from commissure.preprocessing.recipe import Recipe
from commissure.settings.group import GroupSettings
from commissure.simulation import REGIONS, Effects
from commissure.simulation.comparison import ALPHA, CONTRAST, COVARIATES
from commissure.simulation.movement import Movement
from commissure.simulation.moving_groups import MovingStudy, moving_groups
from commissure.threads import one_blas_thread

RESULTS, PAGE = DOCS / "motion.tsv", DOCS / "motion.md"
RESOLUTION_MM, N, N_PERMUTATIONS = 8, 30, 999
RATIOS = (1.0, 1.25, 1.5, 2.0)
# In standard deviations between people; none, and one that is found in about half of the studies.
EFFECTS = (0.0, 2.0)
CRITERIA = ("size", "mass", "tfce")
# More studies are made of this way than of those beside it.
MAIN, N_BESIDE = "`recommended`", 40
_REACH_MM = 20.0


@dataclass(frozen=True)
class Way:
    """A way of meeting motion: how series are cleaned, who is left out, what is in the model."""

    recipe: Recipe = field(default_factory=Recipe)
    rules: bool = True
    covariates: tuple[str, ...] = ("mean_fd",)


WAYS = {
    "nothing done": Way(rules=False, covariates=()),
    "mean FD a covariate": Way(rules=False),
    "rules": Way(covariates=()),
    MAIN: Way(),
    "`recommended`, censored": Way(Recipe(censor_mm=0.3), covariates=("mean_fd", "effective_df")),
}


def one(asked: tuple[float, int]) -> list[dict[str, object]]:
    """Compare the groups of a seed at all ratios of motion in all ways."""
    effect, seed = asked
    groups = moving_groups(
        seed,
        n_patients=N,
        n_controls=N,
        effects=Effects(effect),
        resolution_mm=RESOLUTION_MM,
        n_threads=1,
    )
    rows = []
    ratios = RATIOS if effect == 0 else RATIOS[:1]
    for ratio, (name, way) in product(ratios, WAYS.items()):
        if name == MAIN or seed < N_BESIDE:
            study = groups.study(ratio, way.recipe, rules=way.rules)
            of_study = {"effect": effect, "seed": seed, "ratio": ratio, "way": name}
            rows.append(of_study | compare(study, way, seed))
    return rows


def compare(study: MovingStudy, way: Way, seed: int) -> dict[str, object]:
    """Return what a comparison finds, and what went into it."""
    formula = " + ".join(["group", *COVARIATES, *way.covariates])
    result = compared(
        study.maps,
        study.table,
        study.domain,
        GroupSettings(formula, CONTRAST),
        N_PERMUTATIONS,
        seed,
    )
    patient = (study.table["group"] == "patient").to_numpy()
    near = [
        np.linalg.norm(study.domain.coordinates - region.centre, axis=1) <= _REACH_MM
        for region in REGIONS
    ]
    hit = {
        "size": [c.places for c in result.clusters if c.sign > 0 and c.p_size <= ALPHA],
        "mass": [c.places for c in result.clusters if c.sign > 0 and c.p_mass <= ALPHA],
        "tfce": [np.flatnonzero((result.p_tfce <= ALPHA) & (result.t > 0))],
    }
    mean_z = study.maps.mean(axis=1, dtype=np.float64)
    return {
        **dict(zip(STATISTICS, found_by_each(result), strict=True)),
        **{
            f"regions_{name}": np.mean([any(own[p].any() for p in places) for own in near])
            for name, places in hit.items()
        },
        "mean_t": float(result.t.mean()),
        "mean_z_difference": float(mean_z[patient].mean() - mean_z[~patient].mean()),
        "n_patients": int(patient.sum()),
        "n_controls": int((~patient).sum()),
        "fd_patients": float(study.table["mean_fd"][patient].mean()),
        "fd_controls": float(study.table["mean_fd"][~patient].mean()),
        "df_patients": float(study.table["nominal_df"][patient].mean()),
        "df_controls": float(study.table["nominal_df"][~patient].mean()),
    }


def lines(results: pd.DataFrame) -> Iterator[list[str]]:
    """Give the rows of the table of false findings."""
    for ratio, name in product(RATIOS, WAYS):
        own = results[(results["ratio"] == ratio) & (results["way"] == name)]
        if len(own) == 0:
            continue
        low, high = exact_rates(len(own), ALPHA)
        mean = own.mean(numeric_only=True)
        yield [
            f"{ratio:g}",
            name,
            str(len(own)),
            f"{mean['n_patients']:.0f} / {mean['n_controls']:.0f}",
            f"{mean['fd_patients']:.2f} / {mean['fd_controls']:.2f}",
            f"{mean['df_patients']:.0f} / {mean['df_controls']:.0f}",
            f"{mean['mean_t']:+.2f} ± {own['mean_t'].sem():.2f}",
            *(
                f"{mean[name]:.3f}" + ("" if low <= mean[name] <= high else " *")
                for name in CRITERIA
            ),
            f"{low:.3f} to {high:.3f}",
        ]


def page(results: pd.DataFrame) -> str:
    """Return the text of the page of the documentation."""
    null = results[results["effect"] == 0]
    planted = results[results["effect"] > 0]
    movement = Movement()
    header = ["patients move", "", "studies", "included", "mean FD (mm)", "degrees of freedom"]
    header += ["mean t over places", *(f"found by {name}" for name in CRITERIA)]
    header += ["95 % of exact tests"]
    power = [
        [
            name,
            str(len(own)),
            f"{own['n_patients'].mean():.0f} / {own['n_controls'].mean():.0f}",
            *(f"{own[f'regions_{criterion}'].mean():.3f}" for criterion in CRITERIA),
        ]
        for name in WAYS
        if len(own := planted[planted["way"] == name])
    ]
    power_header = ["", "studies", "included", *(f"found by {name}" for name in CRITERIA)]
    return f"""# Groups that move unlike

Made by `benchmarks/motion.py` ({machine()}). In every study there are {N} patients and {N}
controls. The mean framewise displacement (Jenkinson) of a run is log-normal over people: median
{movement.median_fd_mm:g} mm, standard deviation of its logarithm {movement.spread:g}; patients move 1
to 2 times as much as controls. A displacement of 1 mm adds to its volume {movement.artefact:g}
standard deviations of neural activity: half of the variance is shared by all grey matter (with a
gain that changes over the brain), half are smooth patterns in which near places go together; half of it
is there in the next volume still. Series on the {RESOLUTION_MM} mm grid are cleaned by the recipe of
`recommended` (Friston-24, global signal, trend, band-pass), censored where it says so (FD, Power, above
0.3 mm); people are judged by its rules (mean FD of 0.2 mm, 3 mm, 3 degrees, 100 volumes, 20
degrees of freedom); groups are compared as `recommended` does (five covariates, mean FD, {N_PERMUTATIONS}
relabellings, two-sided). Each comparison is in [motion.tsv](motion.tsv).

## Groups that do not differ in coupling

A study counts where any cluster (size, mass) or place (TFCE) has a corrected p of {ALPHA:g} or less.
Numbers are means, patients / controls; * is outside what 95 % of exact tests give.

{table(header, list(lines(null)))}

## Groups that move alike and differ in coupling

Share of the {len(REGIONS)} planted regions in which higher CFH is found in patients (effect
{EFFECTS[1]:g} standard deviations between people).

{table(power_header, power)}
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--studies", type=int, default=500)
    parser.add_argument("--planted", type=int, default=100)
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args()
    rows = pd.read_csv(RESULTS, sep="\t").to_dict("records") if RESULTS.exists() else []
    done = {(row["effect"], row["seed"]) for row in rows}
    # Seed by seed, so that whenever it is stopped there is something of both.
    work = [
        (effect, seed)
        for seed in range(max(options.studies, options.planted))
        for effect, n in zip(EFFECTS, (options.studies, options.planted), strict=True)
        if seed < n and (effect, seed) not in done
    ]
    with ProcessPoolExecutor(options.processes, initializer=one_blas_thread) as pool:
        for number, found in enumerate(pool.map(one, work), start=1):
            rows += found
            if number % 5 == 0 or number == len(work):
                pd.DataFrame(rows).to_csv(RESULTS, sep="\t", index=False, float_format="%.5g")
                print(f"{number} of {len(work)}", flush=True)
    PAGE.write_text(page(pd.read_csv(RESULTS, sep="\t")), encoding="utf-8")


if __name__ == "__main__":
    main()
