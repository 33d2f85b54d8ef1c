"""Rules of quality held against what was measured of a run."""

from collections.abc import Iterator

from commissure.preprocessing.orientation import fits_when
from commissure.records.runs import Measured, RegistrationCheck
from commissure.records.verdicts import Kind, Reason, Verdict
from commissure.settings.quality import QualityRules
from commissure.settings.registration import RegistrationRules


def judge(
    measured: Measured,
    rules: QualityRules,
    *,
    match_df: float | None = None,
    best_volumes: int | None = None,
) -> Verdict:
    """Return whether a run is included, and what speaks against it.

    Parameters
    ----------
    measured : Measured
        What a kind of input cannot tell is None, and not judged.
    rules : QualityRules
    match_df : float, optional
        Degrees of freedom to which all runs are matched.
    best_volumes : int, optional
        As many are kept of every run.
    """
    excludes = rules.exclude_motion
    moved = [
        *_beyond("mean_fd", measured.mean_fd_jenkinson, rules.mean_fd_mm, excludes=excludes),
        *_beyond("moved", measured.max_motion, rules.max_mm, excludes=excludes),
        *_beyond("turned", measured.max_rotation, rules.max_degrees, excludes=excludes),
    ]
    others = [
        *_below("volumes", measured.n_volumes, max(rules.least_volumes, best_volumes or 0)),
        *_below("df", measured.effective_df, rules.least_df),
        *_below("match", measured.effective_df, match_df or 0),
        *_registration(measured, rules),
        *([] if measured.coverage is None else _covers("run", measured.coverage, rules)),
    ]
    reasons = [*moved, *others] if excludes else [*others, *moved]
    return Verdict(measured, tuple(sorted(reasons, key=lambda reason: not reason.excludes)))


def _beyond(
    kind: Kind, value: float | None, limit: float, *, excludes: bool = True
) -> Iterator[Reason]:
    if value is not None and value > limit:
        yield Reason(kind, value, limit, excludes=excludes)


def _below(kind: Kind, value: float | None, limit: float) -> Iterator[Reason]:
    if value is not None and value < limit:
        yield Reason(kind, value, limit)


def _registration(measured: Measured, rules: RegistrationRules) -> Iterator[Reason]:
    """Give what speaks against a run's registrations."""
    for image in ("epi", "t1w"):
        if image in measured.checks:
            yield from _place(image, measured.checks[image], rules)
    if "epi" in measured.checks and "t1w" not in measured.checks:
        yield Reason("no_t1w", excludes=False)
    for pair in ("epi_t1w", "epi_template"):
        overlap = measured.overlaps.get(pair, 1.0)
        if overlap < rules.least_overlap:
            yield Reason("overlap", overlap, rules.least_overlap, pair)
        elif overlap < rules.doubtful_overlap:
            yield Reason("overlap", overlap, rules.doubtful_overlap, pair, excludes=False)


def _place(image: str, check: RegistrationCheck, rules: RegistrationRules) -> Iterator[Reason]:
    """Give what speaks against where one image was put."""
    # A search that is not sure of its result is no witness against a registration.
    sure = check.doubt < rules.doubtful_orientation
    turned = check.turn > rules.max_turn
    if turned:
        said = fits_when(check.axes, check.turn)
        yield Reason("header", check.turn, rules.max_turn, image, said, excludes=sure)
    elif check.apart > rules.max_apart:
        yield Reason("apart", check.apart, rules.max_apart, image, excludes=sure)
    if not sure:
        limit = rules.doubtful_orientation
        yield Reason("ambiguous", check.doubt, limit, image, excludes=False)
    limits: tuple[tuple[Kind, float | None, float, float], ...] = (
        ("stretched", check.stretch, rules.doubtful_stretch, rules.max_stretch),
        ("warped", check.warped, rules.doubtful_warped, rules.max_warped),
    )
    for kind, value, doubtful, most in limits:
        if value is not None and value > doubtful:
            against = value > most
            yield Reason(kind, value, most if against else doubtful, image, excludes=against)
    # A header that is turned by reversing an axis is mirrored too: that is the same fault.
    if check.border is not None and check.sides is not None and not (turned and sure):
        yield from _in_t1w(check.border, check.sides, rules)
    yield from _covers(image, check.coverage, rules)


def _in_t1w(border: float, sides: float, rules: RegistrationRules) -> Iterator[Reason]:
    """Give what speaks against where an EPI was put in its T1w, and whose left is whose."""
    told = abs(sides) >= rules.sure_sides
    limit = rules.max_border if told else min(rules.max_border, rules.doubtful_border)
    if border > limit:
        yield Reason("border", border, limit)
        return
    if border > rules.doubtful_border:
        yield Reason("border", border, rules.doubtful_border, excludes=False)
    if not told:
        yield Reason("sides", sides, rules.sure_sides, excludes=False)
    elif sides < 0:
        yield Reason("mirrored", -sides, rules.sure_sides)


def _covers(image: str, share: float, rules: RegistrationRules) -> Iterator[Reason]:
    """Give what speaks against an image that does not show the whole brain."""
    if share < rules.doubtful_coverage:
        limit = min(rules.least_coverage, rules.doubtful_coverage)
        limit = limit if share < limit else rules.doubtful_coverage
        yield Reason("coverage", share, limit, image, excludes=share < rules.least_coverage)
