"""One run of one participant, and whether its image can be used."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from commissure.files.image_timing import is_number
from commissure.files.labels import alnum
from commissure.inputs.bids_files import BidsFile
from commissure.inputs.selection import bare
from commissure.space.templates import TEMPLATE_SPACE

ScanKind = Literal["raw", "preprocessed", "clean", "map"]
CleaningStep = Literal["trim", "smoothing", "regression", "filter"]
CLEANED: frozenset[CleaningStep] = frozenset(("trim", "smoothing", "regression", "filter"))

# What a name says of how a file was made, not of which run it is.
DERIVED_ENTITIES = ("space", "cohort", "res", "den", "hemi", "stat", "desc")


@dataclass(frozen=True)
class Scan:
    """One resting-state run, whatever kind of folder it comes from.

    Attributes
    ----------
    participant_id : str
        With its prefix: "sub-01".
    session, task, run : str or None
        Labels, without "ses-", "task-" and "run-".
    bold : Path
    t1w : Path or None
    tr : float
        Seconds; 0, as in NIfTI headers, if it is not known (maps, clean series).
    slice_times : tuple of float or None
        Seconds, in the order of the image's third axis.
    metadata : dict
        All that the sidecars say.
    warnings : tuple of str
        What the user should know, though the scan can be used.
    notes : tuple of str
        What was chosen of the whole input without being asked for; the same for all its scans.
    kind : {"raw", "preprocessed", "clean", "map"}
        What is still to be done: everything; smoothing and cleaning (fMRIPrep's output), but for
        what is in `done`; nothing (DPABI's `FunImgARWSDCF`, tables of clean files). Of a map,
        `bold` is a finished 3D map for the group stage.
    space : str or None
        Template space that `bold` is in; None for raw runs and in native space.
    mask : Path or None
        Brain mask on the grid of `bold`.
    confounds : Path or None
        Table of confounds or of realignment parameters.
    done : frozenset of {"trim", "smoothing", "regression", "filter"}
        Steps that must not be done again.
    n_non_steady : int
        Volumes at the beginning that are flagged as before the steady state: if volumes are still
        to be dropped, at least these.
    n_discarded : int
        Volumes at the beginning that the scanner or somebody dropped before, by the sidecars: they
        count among those that are to be dropped.
    template_t1ws : tuple of Path
        Of a preprocessed run that is brought to the symmetric template: T1w images of people in
        `space`, by whose mean the way there is found.
    """

    participant_id: str
    session: str | None
    task: str | None
    run: str | None
    bold: Path
    t1w: Path | None
    tr: float
    slice_times: tuple[float, ...] | None
    metadata: dict[str, Any] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    kind: ScanKind = "raw"
    space: str | None = None
    mask: Path | None = None
    confounds: Path | None = None
    done: frozenset[CleaningStep] = frozenset()
    n_non_steady: int = 0
    n_discarded: int = 0
    notes: tuple[str, ...] = ()
    template_t1ws: tuple[Path, ...] = ()

    @property
    def name(self) -> str:
        """The BIDS entities that tell the run from all others of a study, to name files by."""
        told = {"sub": bare("sub", self.participant_id), "ses": self.session}
        told |= {"task": self.task, "run": self.run}
        labels = {key: alnum(label) for key, label in told.items() if label}
        named = BidsFile.of(self.bold).entities
        if f"sub-{named.get('sub')}" == self.participant_id:
            of_run = {key: label for key, label in named.items() if key not in DERIVED_ENTITIES}
            first = {key: labels[key] for key in ("sub", "ses") if key in labels}
            labels = first | of_run | labels
        return "_".join(f"{key}-{label}" for key, label in labels.items())

    def n_to_drop(self, n_trim: int) -> int:
        """Return how many volumes are still to be dropped where `n_trim` are unwanted."""
        return 0 if "trim" in self.done else max(n_trim - self.n_discarded, self.n_non_steady, 0)

    @property
    def is_resampled(self) -> bool:
        """Whether it is interpolated on the grid of the symmetric template."""
        return self.kind == "raw" or bool(self.template_t1ws)

    @property
    def clean_space(self) -> str | None:
        """Where its clean series are."""
        return TEMPLATE_SPACE if self.is_resampled else self.space


def volume_problems(path: Path, img: Any, n_trim: int) -> list[str]:
    """Say why an image has too few volumes for a run of which some will be dropped."""
    if img.ndim != 4 or img.shape[3] < 2:
        return [
            (
                f"{path} is a single volume ({' x '.join(map(str, img.shape))}); a run has four "
                "dimensions. Convert the whole run again, or .bidsignore the file."
            )
        ]
    if img.shape[3] <= n_trim:
        return [
            (
                f"{path} has {img.shape[3]} volumes and {n_trim} are to be dropped. Drop fewer, "
                "or leave the run out."
            )
        ]
    return []


def slice_timing_problems(path: Path, times: Any, n_slices: int, tr: float) -> list[str]:
    """Say what is wrong with slice times (s) that a sidecar gives."""
    if not isinstance(times, list) or not all(is_number(time) for time in times):
        return [f"{path}: SliceTiming must be a list of numbers, in seconds; it is {times!r:.60}."]
    if len(times) != n_slices:
        return [
            (
                f"{path}: SliceTiming has {len(times)} values and the image has {n_slices} slices. "
                "Give one for each slice, in the order of the third axis."
            )
        ]
    if min(times) < 0:
        return [f"{path}: SliceTiming has negative values ({min(times):g}). The first slice is 0."]
    if max(times) >= tr:
        unit = " They may be milliseconds; seconds are meant." if max(times) >= 10 * tr else ""
        return [
            (
                f"{path}: SliceTiming goes up to {max(times):g}, past the repetition time {tr:g} s."
                f"{unit} Correct the sidecar."
            )
        ]
    return []
