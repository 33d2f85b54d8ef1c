"""Whether groups differ: means, ranks and shares, each by the test that suits it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

# Up to this size of a group the normal approximation of U is poor and its distribution cheap.
LARGEST_EXACT_U = 8
N_RANDOM_TABLES = 99_999


@dataclass(frozen=True)
class GroupTest:
    """A test of whether groups differ, or why there is none.

    Attributes
    ----------
    name : str
        Empty where nothing was tested.
    note : str
        How the test was done, or why nothing was tested.
    statistic : float
        t is the first group's mean minus the second's; U is that of the first group.
    df : tuple of float
        Degrees of freedom, where the test has some and SciPy gives them.
    p : float
    """

    name: str
    note: str
    statistic: float = np.nan
    df: tuple[float, ...] = ()
    p: float = np.nan


def compare_means(samples: list[NDArray[np.float64]], *, welch: bool) -> GroupTest:
    """Compare means: of two groups by t, of more by an analysis of variance."""
    k, n = len(samples), sum(map(len, samples))
    if k == 2:
        t = stats.ttest_ind(*samples, equal_var=not welch)
        name = "Welch's t test" if welch else "Student's t test"
        return GroupTest(name, "", float(t.statistic), (float(t.df),), float(t.pvalue))
    f = stats.f_oneway(*samples, equal_var=not welch)
    name = "Welch's ANOVA" if welch else "one-way ANOVA"
    return GroupTest(name, "", float(f.statistic), () if welch else (k - 1, n - k), float(f.pvalue))


def compare_ranks(samples: list[NDArray[np.float64]]) -> GroupTest:
    """Compare ranks: of two groups by U, exact where they are small, of more by H."""
    if len(samples) > 2:
        h = stats.kruskal(*samples)
        df = (float(len(samples) - 1),)
        name = "Kruskal-Wallis test"
        return GroupTest(name, "corrected for ties", float(h.statistic), df, float(h.pvalue))
    first, second = samples
    pooled = np.concatenate(samples)
    tied = len(np.unique(pooled)) < len(pooled)
    if min(map(len, samples)) <= LARGEST_EXACT_U and not tied:
        u = stats.mannwhitneyu(first, second, method="exact")
        note = "exact"
    else:
        u = stats.mannwhitneyu(first, second, method="asymptotic")
        note = "asymptotic, corrected for ties and continuity"
    return GroupTest("Mann-Whitney U test", note, float(u.statistic), (), float(u.pvalue))


def compare_counts(table: NDArray[np.intp]) -> GroupTest:
    """Compare shares, by a table of groups and levels: exactly where counts are small."""
    if stats.contingency.expected_freq(table).min() >= 5:
        chi2 = stats.chi2_contingency(table, correction=False)
        name, note = "chi-square test", "without Yates' correction"
        return GroupTest(name, note, float(chi2.statistic), (float(chi2.dof),), float(chi2.pvalue))
    note = "as an expected count is below 5"
    if table.shape == (2, 2):
        return GroupTest("Fisher's exact test", note, p=float(stats.fisher_exact(table).pvalue))
    # A generator of its own: the p of a row does not depend on the rows before it.
    method = stats.MonteCarloMethod(n_resamples=N_RANDOM_TABLES, rng=np.random.default_rng(0))
    note += f"; Monte Carlo over {N_RANDOM_TABLES:,} random tables"
    p = float(stats.fisher_exact(table, method=method).pvalue)
    return GroupTest("Fisher's exact test", note, p=p)
