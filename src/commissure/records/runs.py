"""Runs: how they are called, and what was measured of them to judge them by."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from pydantic import TypeAdapter


@dataclass(frozen=True)
class RunKey:
    """Which run it is.

    Attributes
    ----------
    participant_id : str
    session, task, run : str or None
        Labels.
    """

    participant_id: str
    session: str | None = None
    task: str | None = None
    run: str | None = None

    @property
    def label(self) -> str:
        """What it is called among those of its participant: "ses-2_task-rest"; may be empty."""
        parts = (("ses", self.session), ("task", self.task), ("run", self.run))
        return "_".join(f"{name}-{label}" for name, label in parts if label)


# Columns of tables that tell which run a row is of.
KEYS = [field.name for field in fields(RunKey)]


@dataclass(frozen=True)
class RegistrationCheck:
    """How plausible it is where an image was put in the template.

    Attributes
    ----------
    axes, turn, doubt
        See `commissure.preprocessing.orientation.Orientation`.
    apart : float
        Mean distance over the brain, mm, between where the image was put and where the search for
        its orientation put it.
    coverage : float
        Share of the template's brain where the image has data.
    stretch : float or None
        Factor by which the affine part lengthens or shortens the template's brain in the direction
        that it changes most; None where there is none but that of another image.
    warped : float or None
        Share of the brain that the warp folds, or makes more than 5 times larger or smaller.
    border : float or None
        Of an EPI in a T1w: how badly the border of white matter shows in it, 0 well, 1 not.
    sides : float or None
        Of an EPI in a T1w: how surely left and right of both are the same, in standard errors; far
        below 0 they are exchanged.
    shifted : float or None
        Of an EPI in a T1w: mean size of the shifts by distortion that were corrected, mm; 0 where
        none were found.
    """

    axes: str
    turn: float
    doubt: float
    apart: float
    coverage: float
    stretch: float | None = None
    warped: float | None = None
    border: float | None = None
    sides: float | None = None
    shifted: float | None = None


@dataclass(frozen=True)
class Measured:
    """What there is to judge a run by; None and missing is what its input cannot tell.

    Attributes
    ----------
    of : RunKey
    mean_fd_jenkinson, mean_fd_power : float or None
        Mean framewise displacement, mm.
    max_motion, max_rotation : float or None
        Largest translation, mm, and rotation, degrees.
    n_volumes : int or None
        After trimming and censoring.
    effective_df, nominal_df : float or None
        Degrees of freedom of the clean series, and what white noise would have left of it.
    overlaps : mapping of str to float
        Dice overlap of brain masks by registration: "epi_t1w", "epi_template".
    checks : mapping of str to RegistrationCheck
        By image that was registered: "t1w", "epi".
    coverage : float or None
        Of runs that others brought to template space, share of the grey matter with data.
    """

    of: RunKey
    mean_fd_jenkinson: float | None = None
    mean_fd_power: float | None = None
    max_motion: float | None = None
    max_rotation: float | None = None
    n_volumes: int | None = None
    effective_df: float | None = None
    nominal_df: float | None = None
    overlaps: Mapping[str, float] = field(default_factory=dict)
    checks: Mapping[str, RegistrationCheck] = field(default_factory=dict)
    coverage: float | None = None

    @property
    def known(self) -> dict[str, float | str]:
        """What is known, by the columns of quality.tsv: ``turn_epi`` is the EPI's turn."""
        found = {
            name: getattr(self, name)
            for name in (f.name for f in fields(self))
            if name not in ("of", "overlaps", "checks")
        }
        found |= {f"overlap_{name}": overlap for name, overlap in self.overlaps.items()}
        for image, check in self.checks.items():
            found |= {f"{name}_{image}": value for name, value in asdict(check).items()}
        return {name: value for name, value in found.items() if value is not None}


_MEASURED = TypeAdapter(Measured)


def measured_to_json(measured: Measured) -> dict[str, Any]:
    """Return measurements as plain values; a number that is none is null."""
    plain: dict[str, Any] = TypeAdapter(dict[str, Any]).validate_json(_MEASURED.dump_json(measured))
    return plain


def measured_from_json(content: object) -> Measured:
    """Return measurements that were plain values; raise `ValueError` if they are none."""
    return _MEASURED.validate_python(content)
