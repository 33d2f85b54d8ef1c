"""The set of places where a value lives, and what every other room needs to know of them."""

from dataclasses import dataclass, replace
from functools import cached_property
from itertools import product
from typing import Any, Self

import nibabel as nib
import numpy as np
from numpy.typing import DTypeLike, NDArray
from scipy import sparse

from commissure.problems import InputError
from commissure.space.grid import (
    TOLERANCE_MM,
    Grid,
    check_geometry,
    check_same_grid,
    store_affine,
)

LEFT, NEITHER, RIGHT = -1, 0, 1

# How many of the three axes two neighbours may differ in.
_AXES_OF_CONNECTIVITY = {6: 1, 18: 2, 26: 3}


@dataclass(frozen=True, eq=False)
class Domain:
    """The places (voxels of a mask) that maps and time series are indexed by.

    Places are ordered by canonical axes (x slowest, each axis towards R, A, S), however the mask
    was stored: the same brain stored flipped or with permuted axes has the same places in the
    same order. Index order is part of the contract.

    Attributes
    ----------
    voxels : ndarray of shape (n_places, 3)
        Canonical voxel indices.
    midline_mm : float
        Places with ``|x| <= midline_mm`` belong to neither hemisphere.
    grid : Grid
        The canonical grid the voxels are of, and how it is stored.
    name : str
        What messages call the mask.
    template : nibabel image
        The mask itself, for the storage of the images that are made.
    """

    voxels: NDArray[np.intp]
    midline_mm: float
    grid: Grid
    name: str
    template: Any

    @classmethod
    def from_mask(
        cls,
        mask_img: Any,
        midline_mm: float = 3.0,
        *,
        threshold: float | None = None,
        name: str | None = None,
        both_sides: bool = True,
    ) -> Self:
        """Make the domain of a mask's voxels.

        Parameters
        ----------
        mask_img : nibabel image
            Three-dimensional, of two values (outside is 0), or a probability map with `threshold`.
        midline_mm : float
            Half width, in mm, of the band around x = 0 that belongs to neither hemisphere. The
            default is that of the authors of CFH (planes with ``|x| <= 3``).
        threshold : float, optional
            Places are where the image is greater than this.
        name : str, optional
            What messages call the mask; by default its file name.
        both_sides : bool
            Whether a mask without a voxel in one of the hemispheres is refused.

        Raises
        ------
        InputError
            If the image is no mask, is empty or on one side only, or if left and right cannot be
            told from its header.
        """
        name = name or mask_img.get_filename() or "the mask"
        check_geometry(mask_img, name)
        if not (np.isfinite(midline_mm) and midline_mm >= 0):
            msg = f"midline_mm must be 0 or more; it is {midline_mm}."
            raise InputError(msg)
        grid = Grid.of(mask_img)
        inside = _inside(mask_img, threshold, name)
        voxels = np.argwhere(grid.to_canonical(inside))
        domain = cls(voxels, float(midline_mm), grid, name, mask_img)
        for side, word in ((LEFT, "left"), (RIGHT, "right")):
            if both_sides and not (domain.hemisphere == side).any():
                msg = (
                    f"{name} has no voxel in the {word} hemisphere (|x| > {midline_mm:g} mm), so "
                    "nothing can be compared between the hemispheres. Check its affine, or give a "
                    "mask of both sides."
                )
                raise InputError(msg)
        return domain

    @property
    def n_places(self) -> int:
        """Number of places."""
        return len(self.voxels)

    @cached_property
    def coordinates(self) -> NDArray[np.float64]:
        """Positions in mm (RAS+), shape (n_places, 3)."""
        mm = nib.affines.apply_affine(self.grid.affine, self.voxels)
        # A flipped affine differs by rounding errors: 1e-4 mm makes the positions the same.
        rounded: NDArray[np.float64] = np.round(mm, 4) + 0.0
        return rounded

    @cached_property
    def hemisphere(self) -> NDArray[np.int8]:
        """`LEFT`, `RIGHT` or `NEITHER` by the position's x, shape (n_places,)."""
        x = self.coordinates[:, 0]
        side = np.where(np.abs(x) <= self.midline_mm + TOLERANCE_MM, NEITHER, np.sign(x))
        return side.astype(np.int8)

    @property
    def left(self) -> NDArray[np.intp]:
        """Indices of the places of the left hemisphere, ascending."""
        return np.flatnonzero(self.hemisphere == LEFT)

    @property
    def right(self) -> NDArray[np.intp]:
        """Indices of the places of the right hemisphere, ascending."""
        return np.flatnonzero(self.hemisphere == RIGHT)

    @cached_property
    def index_of_voxel(self) -> NDArray[np.intp]:
        """Place at each canonical voxel, -1 outside the domain; shape of the grid."""
        index = np.full(self.grid.shape, -1, dtype=np.intp)
        index[tuple(self.voxels.T)] = np.arange(self.n_places)
        return index

    @cached_property
    def mirror(self) -> NDArray[np.intp]:
        """Place nearest to the mirror position (-x, y, z), -1 where it is outside the domain."""
        mirrored = self.coordinates * (-1, 1, 1)
        voxels = nib.affines.apply_affine(np.linalg.inv(self.grid.affine), mirrored)
        # Half-way cases (a grid without a voxel at x = 0 mirrors onto voxels exactly; others may
        # not) are rounded the same way whatever the last bit of the affine is.
        voxels = np.floor(np.round(voxels, 4) + 0.5).astype(np.intp)
        on_grid = ((voxels >= 0) & (voxels < self.grid.shape)).all(axis=1)
        mirror = np.full(self.n_places, -1, dtype=np.intp)
        mirror[on_grid] = self.index_of_voxel[tuple(voxels[on_grid].T)]
        return mirror

    def neighbours(self, connectivity: int = 18) -> sparse.csr_array:
        """Return the graph of places that touch.

        Parameters
        ----------
        connectivity : {6, 18, 26}
            By faces; by faces and edges (as SPM); by faces, edges and corners.

        Returns
        -------
        scipy.sparse.csr_array of shape (n_places, n_places)
            Symmetric, ones where two places touch, indices sorted.

        Raises
        ------
        InputError
            If `connectivity` is another number.
        """
        if connectivity not in _AXES_OF_CONNECTIVITY:
            msg = f"connectivity must be 6, 18 or 26; it is {connectivity}."
            raise InputError(msg)
        padded = np.pad(self.index_of_voxel, 1, constant_values=-1)
        rows, columns = [], []
        for step in product((-1, 0, 1), repeat=3):
            if not 1 <= np.count_nonzero(step) <= _AXES_OF_CONNECTIVITY[connectivity]:
                continue
            other = padded[tuple((self.voxels + 1 + step).T)]
            here = np.flatnonzero(other >= 0)
            rows.append(here)
            columns.append(other[here])
        row, column = np.concatenate(rows), np.concatenate(columns)
        graph = sparse.csr_array(
            (np.ones(len(row), np.int8), (row, column)), shape=(self.n_places, self.n_places)
        )
        graph.sort_indices()
        return graph

    def restrict(self, keep: NDArray[np.bool_]) -> "Domain":
        """Return the domain of some of the places, in the same order.

        Parameters
        ----------
        keep : boolean ndarray of shape (n_places,)
        """
        return replace(self, voxels=self.voxels[keep])

    def sample(self, img: Any, dtype: DTypeLike = np.float64) -> NDArray[Any]:
        """Read an image at the places.

        Parameters
        ----------
        img : nibabel image
            Three- or four-dimensional, on the grid of the mask (however stored).
        dtype : dtype
            Of the result.

        Returns
        -------
        ndarray of shape (n_places,) or (n_places, n_volumes)

        Raises
        ------
        InputError
            If the image is on another grid, or does not tell where its voxels are.
        """
        name = img.get_filename() or "the image"
        check_geometry(img, name)
        check_same_grid(img, name, self.grid, self.name)
        data = Grid.of(img).to_canonical(np.asanyarray(img.dataobj))
        return np.ascontiguousarray(data[tuple(self.voxels.T)], dtype=dtype)

    def places_in(self, mask_img: Any) -> NDArray[np.bool_]:
        """Tell which places are inside a mask on the same grid, however stored; see `from_mask`.

        Returns
        -------
        boolean ndarray of shape (n_places,)

        Raises
        ------
        InputError
            If the image is no mask, is empty, or is on another grid.
        """
        inside = mask_on(self.grid, self.name, mask_img)
        places: NDArray[np.bool_] = self.grid.to_canonical(inside)[tuple(self.voxels.T)]
        return places

    def to_image(self, values: NDArray[Any], *, fill: float = 0) -> nib.Nifti1Image:
        """Make an image of values at the places, on the mask's own storage.

        Parameters
        ----------
        values : ndarray of shape (n_places,) or (n_places, k)
            The second axis becomes the image's fourth.
        fill : float
            Value outside the domain.
        """
        values = np.asarray(values)
        if values.shape[:1] != (self.n_places,):
            msg = f"values has shape {values.shape}; the domain has {self.n_places} places."
            raise ValueError(msg)
        canonical = np.full(self.grid.shape + values.shape[1:], fill, dtype=values.dtype)
        canonical[tuple(self.voxels.T)] = values
        data = np.ascontiguousarray(self.grid.to_stored(canonical))
        img = nib.Nifti1Image(data, self.template.affine)
        header = self.template.header
        sform, qform = int(header["sform_code"]), int(header["qform_code"])
        store_affine(img, self.template.affine, sform or qform, qform or sform)
        img.header.set_xyzt_units("mm")
        return img


def mask_on(
    grid: Grid, grid_name: str, mask_img: Any, *, threshold: float | None = None
) -> NDArray[np.bool_]:
    """Return where a mask is, as arrays of a grid are stored, however the mask is.

    See `Domain.from_mask` for what a mask is.

    Raises
    ------
    InputError
        If it is no mask, or on another grid.
    """
    name = mask_img.get_filename() or "the mask"
    check_geometry(mask_img, name)
    check_same_grid(mask_img, name, grid, grid_name)
    canonical = Grid.of(mask_img).to_canonical(_inside(mask_img, threshold, name))
    stored: NDArray[np.bool_] = np.ascontiguousarray(grid.to_stored(canonical))
    return stored


def _inside(mask_img: Any, threshold: float | None, name: str) -> NDArray[np.bool_]:
    """Return where the mask is, in its stored order, or say why it is none."""
    data: NDArray[Any] = np.asanyarray(mask_img.dataobj)
    if data.ndim == 4 and data.shape[3] == 1:
        data = data[..., 0]
    if data.ndim != 3:
        msg = f"{name} has {data.ndim} dimensions; a mask has 3."
        raise InputError(msg)
    if not np.isfinite(data).all():
        msg = f"{name} has values that are not finite; a mask has 0 outside and 1 inside."
        raise InputError(msg)
    if threshold is not None:
        inside = data > threshold
    else:
        inside = data != 0
        if inside.any() and np.ptp(data[inside]) > 0:
            msg = (
                f"{name} is no mask: it has {len(np.unique(data))} different values. Give the "
                "threshold above which a voxel is inside, or a mask of zeros and ones."
            )
            raise InputError(msg)
    if not inside.any():
        above = "" if threshold is None else f" above {threshold:g}"
        msg = f"{name} is empty: it has no voxel{above}."
        raise InputError(msg)
    return inside
