"""A participant's anatomy on disk, so that what is done again does not begin with it."""

import glob
import json
import logging
import os
import uuid
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
from filelock import FileLock
from numpy.typing import NDArray

from commissure.preprocessing.anatomy import Anatomy, prepare_anatomy
from commissure.preprocessing.registration import Image, Warp
from commissure.preprocessing.template_space import mean_head
from commissure.records.runs import RegistrationCheck
from commissure.study.participant.clean import load_volumes
from commissure.workspace.keys import code_of, hash_of
from commissure.workspace.paths import file_name, inside

# In place of a participant's name: what is found of the mean of many people.
SHARED = "everybody"
# Of the hash of all that an anatomy depends on.
_N_KEY = 16

log = logging.getLogger(__name__)


class Anatomies:
    """What is found of a participant's T1w images: the last in memory, all in the work folder.

    Parameters
    ----------
    work_dir : Path
    participant_id : str
    stamp : callable
        Returns a hash of a file's content.
    n_threads : int, optional
    """

    def __init__(
        self,
        work_dir: Path,
        participant_id: str,
        stamp: Callable[[Path], str],
        n_threads: int | None = None,
    ) -> None:
        self._work_dir, self._participant_id = work_dir, participant_id
        self._stamp, self._n_threads = stamp, n_threads
        self._last: tuple[object, str, Anatomy] | None = None

    def of(self, t1w: Path, warp: str) -> Anatomy:
        """Return what is found of a T1w; `warp` is that of the recipe."""
        if self._last is None or self._last[:2] != (t1w, warp):
            cached = self._file(self._participant_id, self._stamp(t1w), warp)
            self._last = t1w, warp, self._found(cached, lambda: load_volumes(t1w), warp)
        return self._last[2]

    def of_space(self, t1ws: Sequence[Path], warp: str) -> Anatomy:
        """Return what is found of the mean of T1w images in one space; see `of`.

        It is the same for all participants: the first who needs it finds it, others wait for that.
        """

        def mean() -> Image:
            log.info("The way to the symmetric template is found, by %d T1w.", len(t1ws))
            return mean_head(load_volumes(path) for path in t1ws)

        if self._last is None or self._last[:2] != (t1ws, warp):
            cached = self._file(SHARED, [self._stamp(path) for path in t1ws], warp)
            cached.parent.mkdir(parents=True, exist_ok=True)
            with FileLock(cached.with_suffix(".lock")):
                self._last = t1ws, warp, self._found(cached, mean, warp)
        return self._last[2]

    def _file(self, name: str, stamps: object, warp: str) -> Path:
        return anatomy_file(self._work_dir, name, hash_of(code_of("anatomy"), stamps, warp))

    def _found(self, cached: Path, head: Callable[[], Image], warp: str) -> Anatomy:
        anatomy = load_anatomy(cached)
        if anatomy is None:
            anatomy = prepare_anatomy(head(), self._n_threads, coarse=warp == "coarse")
            save_anatomy(anatomy, cached)
        return anatomy


def anatomy_file(work_dir: Path, participant_id: str, key: str) -> Path:
    """Return where an anatomy is kept; `anatomy_files` finds all of a participant."""
    return inside(work_dir, "anatomy", f"{file_name(participant_id)}-{key[:_N_KEY]}.npz")


def anatomy_files(work_dir: Path, participant_id: str) -> list[Path]:
    """Return all that is kept of a participant's anatomies."""
    key = "[0-9a-f]" * _N_KEY
    name = f"{glob.escape(file_name(participant_id))}-{key}.npz"
    folder = work_dir / "anatomy"
    # And what a killed run left half written.
    return sorted([*folder.glob(name), *folder.glob(f".{name}-*")])


def save_anatomy(anatomy: Anatomy, path: Path) -> None:
    """Write an anatomy; a disk that is full costs time later, no result."""
    some = anatomy.brain | anatomy.tissues.any(axis=-1) | (anatomy.t1w.data != 0)
    new = path.with_name(f".{path.name}-{uuid.uuid4().hex}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with new.open("wb") as file:
            np.savez(
                file,
                shape=np.array(anatomy.brain.shape),
                some=np.packbits(some),
                t1w=anatomy.t1w.data[some],
                t1w_affine=anatomy.t1w.affine,
                brain=anatomy.brain[some],
                tissues=anatomy.tissues[some],
                warp_matrix=anatomy.warp.matrix,
                warp_forward=anatomy.warp.forward,
                warp_backward=anatomy.warp.backward,
                warp_affine=anatomy.warp.affine,
                check=np.array(json.dumps(asdict(anatomy.check))),
            )
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
    except OSError as error:
        log.warning("The anatomy could not be kept in %s (%s).", path, error.strerror or error)
    finally:
        new.unlink(missing_ok=True)


def load_anatomy(path: Path) -> Anatomy | None:
    """Read an anatomy; None if it is not there or cannot be read."""
    try:
        with np.load(path) as stored:
            shape = tuple(stored["shape"])
            some = np.unpackbits(stored["some"], count=int(np.prod(shape))).astype(bool)
            some = some.reshape(shape)

            def whole(name: str) -> NDArray[np.generic]:
                values = stored[name]
                full = np.zeros((*shape, *values.shape[1:]), values.dtype)
                full[some] = values
                return full

            return Anatomy(
                Image(whole("t1w"), stored["t1w_affine"]),
                whole("brain"),  # type: ignore[arg-type]
                whole("tissues"),  # type: ignore[arg-type]
                Warp(
                    stored["warp_matrix"],
                    stored["warp_forward"],
                    stored["warp_backward"],
                    stored["warp_affine"],
                ),
                RegistrationCheck(**json.loads(str(stored["check"]))),
            )
    except (OSError, KeyError, TypeError, ValueError, EOFError, zipfile.BadZipFile):
        return None
