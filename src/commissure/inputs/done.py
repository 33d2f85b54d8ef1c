"""What was done to derived series: what "desc-" says of them, and who made them."""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from commissure.inputs.scan import CLEANED, CleaningStep, ScanKind
from commissure.problems import InputError

# By the label after "desc-"; of several the first is taken. What "denoised" is depends on who says
# so; "clean" is ours.
DESCS: dict[str, tuple[ScanKind, frozenset[CleaningStep]]] = {
    "clean": ("clean", CLEANED),
    "denoisedSmoothed": ("clean", CLEANED),
    "denoised": ("clean", CLEANED - {"smoothing"}),
    "preproc": ("preprocessed", frozenset()),
    "smoothAROMAnonaggr": ("preprocessed", frozenset(("smoothing",))),
}
_OF_XCP_D = ("denoisedSmoothed", "denoised")
# Tables that XCP-D writes beside its series, and nobody else.
_TABLES_OF_XCP_D = ("_motion.tsv", "_outliers.tsv", "_design.tsv")


def programs(about: Mapping[str, Any]) -> tuple[str, ...]:
    """Return who made a dataset, by its dataset_description.json: "xcpd", "tedana"."""
    made_by = about.get("GeneratedBy") or [about.get("PipelineDescription")]
    names = [
        one.get("Name")
        for one in (made_by if isinstance(made_by, list) else [made_by])
        if isinstance(one, Mapping)
    ]
    return tuple(
        "".join(c for c in name.lower() if c.isalnum()) for name in names if isinstance(name, str)
    )


def what_was_done(
    path: Path,
    desc: str,
    made_by: Collection[str],
    metadata: Mapping[str, Any],
    beside: Collection[str],
) -> tuple[ScanKind, frozenset[CleaningStep]]:
    """Tell the kind of a derived series and the steps that were done.

    XCP-D's denoised series are filtered, unless that was switched off (``SoftwareFilters`` is null
    in the sidecar); those of tedana had components removed and nothing else.

    Parameters
    ----------
    path : Path
    desc : str
        One of `DESCS`.
    made_by : collection of str
        See `programs`.
    metadata : mapping
        What the sidecars say.
    beside : collection of str
        Names of the files of the run that lie beside.

    Raises
    ------
    InputError
        If the series are not filtered and cannot be any more, or nothing tells.
    """
    if desc not in _OF_XCP_D or metadata.get("SoftwareFilters"):
        return DESCS[desc]
    if any("tedana" in name for name in made_by):
        return DESCS["preproc"]
    is_of_xcp_d = any(name.startswith("xcp") for name in made_by) or any(
        name.endswith(_TABLES_OF_XCP_D) for name in beside
    )
    if not is_of_xcp_d:
        msg = (
            f"{path}: desc-{desc} does not tell whether a band-pass filter was applied (XCP-D's "
            "are filtered, tedana's are not). Name the program in dataset_description.json "
            '("GeneratedBy": [{"Name": "XCP-D"}]), or SoftwareFilters in the sidecar; or take '
            'desc = "preproc".'
        )
        raise InputError(msg)
    if "SoftwareFilters" in metadata:
        msg = (
            f"{path} was cleaned without a band-pass filter (SoftwareFilters in its sidecar), and "
            "none can be applied to what may be censored. Run XCP-D with its filter, or take "
            'desc = "preproc".'
        )
        raise InputError(msg)
    return DESCS[desc]
