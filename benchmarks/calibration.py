"""Count false findings of the group comparison in null studies of many designs.

Run: make calibration. Studies are added to those in docs/benchmarks/calibration.tsv, a batch of
each case after the other, until each case has as many as are asked for: stopped, it goes on where
it was. `OF_NAME` and `found_by_chance` also serve the test suite, which counts a few.
"""

import argparse
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache
from itertools import product, repeat
from typing import Any

import nibabel as nib
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats
from scipy.ndimage import gaussian_filter

from benchmarks.findings import STATISTICS, compared, found_by_each
from benchmarks.measure import DOCS, machine
from commissure.problems import InputError
from commissure.settings.group import GroupSettings
from commissure.simulation.comparison import ALPHA
from commissure.space import Domain

TABLE, PAGE = DOCS / "calibration.tsv", DOCS / "calibration.md"
METHODS = ("freedman-lane", "draper-stoneman")
KEYS = ["design", "method", "sigma"]
N_PERMUTATIONS, BATCH = 200, 25
SHAPE, SIGMAS, MARGIN = (13, 14, 12), (0.8, 1.6), 6
TWO = "group[patient] - group[control]"


@dataclass(frozen=True)
class Case:
    """A design without any effect of what is tested.

    Attributes
    ----------
    name : str
    formula, contrast : str
    people : callable
        Generator -> a row a scan.
    spread : dict of str to float
        Standard deviation of the maps of each group, 1 where it is not said.
    of_person : float
        Standard deviation of what a person's scans have in common.
    skew : float
        Of the maps, whose values then have gamma distributions.
    blocks : str, optional
    """

    name: str
    formula: str
    contrast: str
    people: Callable[[np.random.Generator], pd.DataFrame]
    spread: tuple[tuple[str, float], ...] = ()
    of_person: float = 0.0
    skew: float = 0.0
    blocks: str | None = None


def groups(*sizes: int, names: tuple[str, ...] = ("patient", "control", "other")) -> Any:
    """Return a maker of people in groups, with age and sex that do not go with them."""

    def make(rng: np.random.Generator) -> pd.DataFrame:
        group = np.repeat(names[: len(sizes)], sizes)
        n = len(group)
        return pd.DataFrame(
            {
                "participant_id": [f"sub-{i:03d}" for i in range(n)],
                "group": group,
                "age": rng.normal(45, 12, n).round(1),
                "score": rng.lognormal(1, 1, n).round(3),
            }
        )

    return make


def correlated(n: int, r: float) -> Any:
    """Return a maker of two groups whose three covariates each correlate with the group by r."""

    def make(rng: np.random.Generator) -> pd.DataFrame:
        people = groups(n, n)(rng)
        code = np.where(people["group"] == "patient", 1.0, -1.0)
        for name in ("one", "two", "three"):
            noise = rng.standard_normal(2 * n)
            noise -= noise.mean() + code * (code @ noise) / (2 * n)
            people[name] = r * code + np.sqrt(1 - r**2) * noise / noise.std()
        return people

    return make


def at_sites(*sizes: tuple[int, int]) -> Any:
    """Return a maker of patients and controls at sites."""

    def make(rng: np.random.Generator) -> pd.DataFrame:
        n_patients, n_controls = np.sum(sizes, axis=0)
        people = groups(n_patients, n_controls)(rng)
        sites = [f"site{i}" for i in range(len(sizes))]
        people["site"] = [s for j in (0, 1) for s, n in zip(sites, sizes, strict=True)
                          for _ in range(n[j])]  # fmt: skip
        return people

    return make


def visits(*sizes: int) -> Any:
    """Return a maker of people in groups who are scanned twice."""

    def make(rng: np.random.Generator) -> pd.DataFrame:
        people = groups(*sizes)(rng)
        return pd.concat([people.assign(visit="1"), people.assign(visit="2")], ignore_index=True)

    return make


BLOCKS: dict[str, Any] = {"blocks": "participant_id", "of_person": 1.0}
CASES = (
    Case("4 and 4", "group", TWO, groups(4, 4)),
    Case("8 and 8", "group + age", TWO, groups(8, 8)),
    Case("15 and 15", "group + age", TWO, groups(15, 15)),
    Case("15 and 45", "group + age", TWO, groups(15, 45)),
    Case("100 and 100", "group + age", TWO, groups(100, 100)),
    Case("10 and 10, SD 3:1", "group", TWO, groups(10, 10), (("patient", 3.0),)),
    Case("15 and 45, SD 1.5:1", "group + age", TWO, groups(15, 45), (("patient", 1.5),)),
    Case("15 and 45, SD 2:1", "group + age", TWO, groups(15, 45), (("patient", 2.0),)),
    Case("45 and 15, SD 2:1", "group + age", TWO, groups(45, 15), (("patient", 2.0),)),
    Case("30 and 30, SD 2:1", "group + age", TWO, groups(30, 30), (("patient", 2.0),)),
    Case("15 and 45, SD 1.25:1", "group + age", TWO, groups(15, 45), (("patient", 1.25),)),
    Case("15 and 45, skew 1", "group + age", TWO, groups(15, 45), skew=1),
    Case(
        "15 and 45, SD 2:1, skew 0.5",
        "group + age",
        TWO,
        groups(15, 45),
        (("patient", 2.0),),
        skew=0.5,
    ),
    Case(
        "15 and 45, SD 2:1, skew 1",
        "group + age",
        TWO,
        groups(15, 45),
        (("patient", 2.0),),
        skew=1,
    ),
    Case("5 and 5, SD 3:1", "group", TWO, groups(5, 5), (("patient", 3.0),)),
    Case("5 and 20, SD 2:1", "group", TWO, groups(5, 20), (("patient", 2.0),)),
    Case(
        "3 groups of 12, F",
        "group + age",
        "group[patient] - group[control], group[other] - group[control]",
        groups(12, 12, 12),
    ),
    Case(
        "two of 3 groups against the third",
        "group",
        "(group[patient] + group[other])/2 - group[control]",
        groups(8, 8, 8),
    ),
    Case("one group of 12, mean", "1", "mean", groups(12)),
    Case("one group of 20, skewed score", "score + age", "score", groups(20)),
    Case("covariates, r = 0.7", "group + one + two + three", TWO, correlated(15, 0.7)),
    Case("4 sites", "group + site", TWO, at_sites((8, 4), (3, 7), (6, 6), (2, 4))),
    Case("12 people twice", "visit", "visit[2] - visit[1]", visits(12), **BLOCKS),
    Case(
        "group x visit",
        "group * visit",
        "group[patient]:visit[2] - group[patient]:visit[1] - group[control]:visit[2] "
        "+ group[control]:visit[1]",
        visits(10, 14),
        **BLOCKS,
    ),
    Case(
        "patients against controls at visit 2",
        "group * visit",
        "group[patient]:visit[2] - group[control]:visit[2]",
        visits(10, 14),
        **BLOCKS,
    ),
)

OF_NAME = {case.name: case for case in CASES}


@cache
def domain() -> Domain:
    """Return a ball of places, 3 mm apart."""
    centre = (np.array(SHAPE) - 1) / 2
    away = ((np.moveaxis(np.indices(SHAPE), 0, -1) - centre) / (centre + 0.5)) ** 2
    affine = np.diag([3.0, 3, 3, 1])
    affine[:3, 3] = -3 * centre
    ball = nib.Nifti1Image((away.sum(axis=-1) < 1).astype(np.uint8), affine)
    return Domain.from_mask(ball, both_sides=False)


def smooth_noise(rng: np.random.Generator, n: int, sigma: float) -> NDArray[np.float64]:
    """Return Gaussian noise of standard deviation 1, shape (n, n_places)."""
    wide = rng.standard_normal((n, *(size + 2 * MARGIN for size in SHAPE)))
    smooth = gaussian_filter(wide, (0, sigma, sigma, sigma))
    inside = slice(MARGIN, -MARGIN)
    maps = smooth[:, inside, inside, inside][:, *domain().voxels.T]
    return np.asarray(maps / smooth.std())


def found_by_chance(
    name: str, method: str, sigma: float, seed: int, n_permutations: int = N_PERMUTATIONS
) -> list[bool]:
    """Return whether a null study has a finding, by each of `STATISTICS`.

    Raises
    ------
    InputError
        If commissure refuses the design.
    """
    case = OF_NAME[name]
    # Each case has its own studies, the same ones by either method.
    rng = np.random.default_rng([seed, int(10 * sigma), *name.encode()])
    people = case.people(rng)
    asked = GroupSettings(case.formula, case.contrast, method=method)  # type: ignore[arg-type]
    ids, person = np.unique(people["participant_id"], return_inverse=True)
    sd = people["group"].map(dict(case.spread)).fillna(1).to_numpy()[:, None]
    noise = smooth_noise(rng, len(people), sigma)
    if case.skew:
        shape = 4 / case.skew**2
        noise = (stats.gamma.ppf(stats.norm.cdf(noise), shape) - shape) / np.sqrt(shape)
    maps = sd * noise
    if case.of_person:
        maps += case.of_person * smooth_noise(rng, len(ids), sigma)[person]
    return found_by_each(
        compared(maps, people, domain(), asked, n_permutations, seed, blocks=case.blocks)
    )


def refusal(name: str, method: str) -> str:
    """Return why commissure does not test a design; empty if it does."""
    try:
        found_by_chance(name, method, SIGMAS[0], 0, 2)
    except InputError as error:
        return str(error.problems[0])
    return ""


def counted() -> pd.DataFrame:
    """Return how many studies there are of each case so far, and with how many findings."""
    if TABLE.is_file():
        return pd.read_csv(TABLE, sep="\t").set_index(KEYS)
    index = pd.MultiIndex.from_tuples([], names=KEYS)
    return pd.DataFrame(columns=["studies", *STATISTICS], index=index, dtype=int)


def page(table: pd.DataFrame, refused: dict[tuple[str, str], str]) -> str:
    """Return the text of the page of the documentation."""
    rows = []
    for (design, method, sigma), row in table.iterrows():
        n = int(row["studies"])
        low, high = stats.binom.interval(0.95, n, ALPHA)
        cells = [
            f"{row[name] / n:.3f}{'' if low <= row[name] <= high else ' *'}" for name in STATISTICS
        ]
        interval = f"{low / n:.3f} to {high / n:.3f}"
        rows.append(" | ".join(["", design, method, f"{sigma:g}", str(n), *cells, interval, ""]))
    not_tested = [f"- {design}, {method}: {why}" for (design, method), why in refused.items()]
    heads = ["design", "method", "sigma (voxels)", "studies", *STATISTICS, "95 % of exact tests"]
    lines = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|", *(r.strip() for r in rows)]
    return f"""# Permutation tests: how often they are wrong

Made by `benchmarks/calibration.py` (`make calibration`, {machine()}):
{int(table["studies"].sum()):,} null analyses. Each is of smooth Gaussian noise at
{domain().n_places:,} places without any effect of what is tested, by the program's own designs,
groups of variance (`variance_groups = "auto"`: with freedman-lane, groups of enough scans have a
variance of their own) and permutation test: {N_PERMUTATIONS} relabellings, clusters at p < 0.001,
two-sided. A study counts where any place (voxel, TFCE, FDR) or cluster (size, mass) has p of
{ALPHA} or less. * is outside what 95 % of exact tests give: one of 20 is by chance. FDR has next to
none by these relabellings: q is {ALPHA} or less only where {domain().n_places / N_PERMUTATIONS / ALPHA:.0f} places have the smallest p.

{chr(10).join(lines)}

Not tested:

{chr(10).join(not_tested)}
"""


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--studies", type=int, default=1000, help="of each case")
    n_studies = arguments.parse_args().studies
    table = counted()
    why = {(name, method): refusal(name, method) for name, method in product(OF_NAME, METHODS)}
    refused = {key: said for key, said in why.items() if said}
    asked = [(*key, sigma) for key, sigma in product(why, SIGMAS) if key not in refused]
    with ProcessPoolExecutor() as pool:
        for first in range(0, n_studies, BATCH):
            for key in asked:
                done = int(table.loc[key, "studies"]) if key in table.index else 0
                seeds = range(done, min(first + BATCH, n_studies))
                if not seeds:
                    continue
                jobs = map(repeat, key)
                found = np.sum(list(pool.map(found_by_chance, *jobs, seeds)), axis=0)
                before = table.loc[key].to_numpy(int) if done else 0
                table.loc[key, ["studies", *STATISTICS]] = before + np.r_[len(seeds), found]
                table.astype(int).to_csv(TABLE, sep="\t")
                print(*key, done + len(seeds), found, flush=True)
    PAGE.write_text(page(table.reindex(asked).dropna().astype(int), refused))


if __name__ == "__main__":
    main()
