"""Working folders of DPABI and DPARSF: the maps in Results."""

import logging
import re
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from commissure.files.images import load_image
from commissure.inputs.dpabi import DPABI_SPACE, Stage, name_problems
from commissure.inputs.folders import listing, subfolders
from commissure.inputs.scan import Scan
from commissure.inputs.selection import Selection, listed
from commissure.problems import InputError

_LOG = logging.getLogger(__name__)

# Results, smoothed and warped afterwards (S, W).
_RESULTS = re.compile(r"(?:S(\d+)_)?(Results[WS]*)")
_MEASURE = re.compile(r"(\w+?)(?:_(FunImg\w*))?")
# zVMHCMap_Sub_001.nii: s smoothed, w warped, m divided by the mean, z standardised or Fisher's z
_MAP = re.compile(r"(\w*?Map)_(.+?)\.nii(?:\.gz)?")
_STANDARD = re.compile(r"[sw]*z")


@dataclass(frozen=True)
class _Source:
    """A folder and a prefix of files: what one map of each participant is taken from."""

    results: str
    folder: str
    prefix: str

    @property
    def stage(self) -> Stage:
        found = _MEASURE.fullmatch(self.folder)
        return Stage((found[2] if found else None) or "FunImg")

    @property
    def is_normalised(self) -> bool:
        return self.stage.is_normalised or "W" in self.results.removeprefix("Results")

    def __str__(self) -> str:
        return f"{self.results}/{self.folder}/{self.prefix}"


def read_dpabi_maps(
    root: str | Path,
    measure: str,
    selection: Selection | None = None,
    *,
    folder: str | None = None,
    space: str | None = None,
) -> list[Scan]:
    """Find the maps of a measure in the results of DPABI, for the group stage.

    Parameters
    ----------
    root : path
        The working directory, in which the folders Results... are.
    measure : str
        As in the name of the folder ("VMHC") or of the files ("zVMHCMap"). Of several maps the
        standardised ones (z) are taken, of several folders the one processed furthest.
    selection : Selection, optional
    folder : str, optional
        Which folder to take: "VMHC_FunImgARCWFsymS", "ResultsS/ALFF_FunImgARCW".
    space : str, optional
        Name of the space that normalised maps are in, if it is known; else "MNI".

    Raises
    ------
    InputError
        With all the problems of the folder.
    """
    base = Path(root)
    selection = selection or Selection()
    sources = _sources(base)
    source = _choose(base, list(sources), measure, folder)
    found = sources[source]
    several = len({number for number, _ in found}) > 1
    wanted, problems = selection.participants({name for _, name in found}, base)
    problems += name_problems(base, wanted)
    scans = []
    for name in wanted:
        for number, path in sorted((n, p) for (n, who), p in found.items() if who == name):
            session = number if several else None
            if not selection.takes({"task": "rest", "ses": session}):
                continue
            try:
                img = load_image(path)
                if img.ndim != 3:
                    msg = f"{path} has {img.ndim} dimensions; a map has 3."
                    raise InputError(msg)
            except InputError as error:
                problems += error.problems
            scans.append(
                Scan(
                    participant_id=name,
                    session=session,
                    task="rest",
                    run=None,
                    bold=path,
                    t1w=None,
                    tr=0.0,
                    slice_times=None,
                    kind="map",
                    space=(space or DPABI_SPACE) if source.is_normalised else None,
                )
            )
    if not scans and not problems:
        problems.append(f"{base / str(source)}_... has no map that matches {selection}.")
    if problems:
        raise InputError(dict.fromkeys(problems))
    return scans


def _sources(base: Path) -> dict[_Source, dict[tuple[str, str], Path]]:
    """Return the maps of each source, by session and participant."""
    sources: dict[_Source, dict[tuple[str, str], Path]] = defaultdict(dict)
    twice = []
    for results in subfolders(base):
        found = _RESULTS.fullmatch(results.name)
        for folder in subfolders(results) if found else ():
            for path in listing(folder):
                parts = _MAP.fullmatch(path.name)
                if found and parts:
                    source = _Source(found[2], folder.name, parts[1])
                    key = found[1] or "1", parts[2]
                    if key in sources[source]:
                        twice.append(f"{path} is there twice, as .nii and .nii.gz. Remove one.")
                    sources[source][key] = path
    if twice:
        raise InputError(twice)
    if not sources:
        msg = f"{base} has no maps (Results/<measure>_FunImg.../<...>Map_<participant>.nii)."
        raise InputError(msg)
    return dict(sources)


def _choose(base: Path, sources: list[_Source], measure: str, folder: str | None) -> _Source:
    def is_meant(source: _Source) -> bool:
        found = _MEASURE.fullmatch(source.folder)
        return measure in (source.prefix, found[1] if found else None)

    meant = [source for source in sources if is_meant(source)]
    if not meant:
        names = sorted({source.folder.split("_FunImg")[0] for source in sources})
        msg = f"{base} has no maps of {measure}. It has those of {listed(names)}."
        raise InputError(msg)
    if folder is not None:
        end = f"/{folder.strip('/')}/"
        meant = [source for source in meant if f"/{source}".rpartition("/")[0].endswith(end[:-1])]
        if not meant:
            msg = f"{base} has no maps of {measure} in {folder}."
            raise InputError(msg)
    furthest = max(len(source.results) for source in meant)
    best = [source for source in meant if len(source.results) == furthest]
    standard = [source for source in best if _STANDARD.match(source.prefix)]
    best = standard or best
    if len(best) > 1:
        msg = (
            f"{base} has several maps of {measure}: {listed(f'{source}_...' for source in best)}. "
            "Say which are meant (measure and folder)."
        )
        raise InputError(msg)
    _LOG.info("Taking %s_... of %s.", best[0], base)
    return best[0]
