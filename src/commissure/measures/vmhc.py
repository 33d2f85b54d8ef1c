"""Voxel-mirrored homotopic connectivity (VMHC)."""

from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from annotated_types import Ge, Le
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from commissure.measures.compression import UnitSeries
from commissure.measures.measure import Measure, MirrorSettings, Output, ScanMaps
from commissure.measures.sides import fisher_z, partner_r, unit_series
from commissure.problems import InputError
from commissure.space import NEITHER, Domain

_FWHM_PER_SD = np.sqrt(8 * np.log(2))
# A mirror position further beside the voxel that stands for it is told, mm.
_BESIDE_MM = 0.01


@dataclass(frozen=True, eq=False)
class VMHCResult:
    """The VMHC map of one scan.

    Attributes
    ----------
    r : ndarray of shape (n_places,)
        Correlation with the mirror place; NaN at the midline, where the mirror position is outside
        the domain, and where either series cannot be used.
    z : ndarray of shape (n_places,)
        Fisher z of r, with ``|r|`` clipped to `LARGEST_R`.
    mirror : ndarray of int, shape (n_places,)
        The place that r is with, -1 where there is none.
    nonfinite, constant : boolean ndarray of shape (n_places,)
        Places whose own series has a value that is not finite, or has one value only.
    """

    r: NDArray[np.float64]
    z: NDArray[np.float64]
    mirror: NDArray[np.intp]
    nonfinite: NDArray[np.bool_]
    constant: NDArray[np.bool_]


def vmhc(
    series: NDArray[Any], domain: Domain, *, fwhm: float = 0, n_threads: int | None = None
) -> VMHCResult:
    """For each place, the correlation with the place at its mirror position.

    Parameters
    ----------
    series : ndarray of shape (n_places, n_volumes)
        Clean time series at the places of the domain.
    domain : Domain
        In a space whose mirror positions (-x, y, z) are counterparts; see `Domain.mirror`.
    fwhm : float
        Full width at half maximum (mm) of a Gaussian by which the series are smoothed before, as
        DPABI smooths what it has warped to a symmetric template; 0 is none. What is outside the
        domain or has no usable series adds nothing.
    n_threads : int, optional
        By default all cores. The result does not depend on it.

    Raises
    ------
    InputError
        If the series do not fit the domain, `fwhm` is negative, or no place has a mirror place.

    References
    ----------
    Zuo XN et al. (2010), J Neurosci 30:15034-15043, doi 10.1523/JNEUROSCI.2612-10.2010.
    """
    if not (np.isfinite(fwhm) and fwhm >= 0):
        msg = f"fwhm must be 0 mm or more; it is {fwhm}."
        raise InputError(msg)
    unit = unit_series(series, domain, n_threads)
    mirror = usable_mirror(domain, unit.usable)
    smoothed = unit if fwhm == 0 else UnitSeries.of(_smoothed(unit, domain, fwhm), n_threads)
    r = partner_r(smoothed, mirror, np.dtype(np.float64), n_threads)
    return VMHCResult(r, fisher_z(r), mirror, unit.nonfinite, unit.constant)


def usable_mirror(domain: Domain, usable: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Return each place's mirror place, -1 at the midline and where either cannot be used.

    Raises
    ------
    InputError
        If no place has one.
    """
    mirror = domain.mirror
    # On a grid whose voxels are not mirrored onto voxels, the nearest may lie at the midline.
    has = (mirror >= 0) & (domain.hemisphere != NEITHER) & usable
    has &= usable[mirror] & (domain.hemisphere[mirror] == -domain.hemisphere)
    if not has.any():
        msg = (
            f"No place of {domain.name} has a usable series at its mirror position (-x, y, z). "
            "Check that the mask is of both sides, and that the scan covers them."
        )
        raise InputError(msg)
    return np.where(has, mirror, -1)


def beside(domain: Domain, mirror: NDArray[np.intp]) -> tuple[str, ...]:
    """Say how far mirror positions lie beside the voxels taken for them, if they do."""
    has = mirror >= 0
    offset = domain.coordinates[mirror[has]] - domain.coordinates[has] * (-1, 1, 1)
    largest = np.linalg.norm(offset, axis=1).max(initial=0)
    if largest <= _BESIDE_MM:
        return ()
    return (
        (
            f"Mirror positions lie up to {largest:.1f} mm beside the voxels that are taken for "
            "them: the grid is not symmetric about x = 0. Resample the scans to one that is."
        ),
    )


def _smoothed(unit: UnitSeries, domain: Domain, fwhm: float) -> NDArray[np.float64]:
    """Smooth each volume of the centred series within the domain."""
    sizes = np.linalg.norm(domain.grid.affine[:3, :3], axis=0)
    usable = np.flatnonzero(unit.usable)
    smoothed = np.zeros(unit.series.shape)
    centred = unit[usable] * unit.norm[usable, None]
    at, to = tuple(domain.voxels[usable].T), tuple(domain.voxels.T)
    volume = np.zeros(domain.grid.shape)
    for number in range(unit.series.shape[1]):
        volume[at] = centred[:, number]
        smoothed[:, number] = gaussian_filter(volume, fwhm / _FWHM_PER_SD / sizes, mode="constant")[
            to
        ]
    return smoothed


@dataclass(frozen=True)
class VMHCSettings(MirrorSettings):
    """How VMHC maps are made; see `commissure.measures.vmhc`.

    Attributes
    ----------
    fwhm : float
        Smoothing of the clean series before, mm, beside that of [preprocessing]; 0 is none.
    """

    fwhm: Annotated[float, Ge(0), Le(50)] = 0.0


def _maps(
    series: NDArray[Any], domain: Domain, settings: VMHCSettings, n_threads: int | None = None
) -> ScanMaps:
    """Map one scan, series of shape (n_places, n_volumes)."""
    result = vmhc(series, domain, fwhm=settings.fwhm, n_threads=n_threads)
    sides = domain.hemisphere != NEITHER
    median = np.nanmedian(result.z)
    return ScanMaps(
        {"vmhc": result.z, "vmhcr": result.r},
        result.constant,
        result.nonfinite,
        counts={"WithoutMirrorPlace": int((sides & (result.mirror < 0)).sum())},
        summary=f"median VMHC z = {median:.2f} (r = {np.tanh(median):.2f})",
        warnings=beside(domain, result.mirror),
    )


VMHC = Measure(
    stat="vmhc",
    name="VMHC",
    long_name="voxel-mirrored homotopic connectivity",
    unit="Fisher z",
    references=("zuo2010",),
    meaning=(
        "VMHC (voxel-mirrored homotopic connectivity) says of each place in one half of the brain "
        "how strongly its activity goes with that of the place at the mirror position."
    ),
    high=(
        "VMHC is high where the two halves of the brain act alike at mirrored places. It is low, "
        "too, where the counterpart of a place lies elsewhere than at its mirror position."
    ),
    settings=VMHCSettings,
    outputs=(
        Output(
            "vmhc",
            "Voxel-mirrored homotopic connectivity (VMHC): Pearson correlation of each voxel's "
            "time series with that of the voxel at the mirror position (-x, y, z), Fisher "
            "z-transformed.",
            "arbitrary (Fisher z)",
            "VMHC (Fisher z)",
            "viridis",
        ),
        Output(
            "vmhcr",
            "VMHC as Pearson's r, before the Fisher transform.",
            "arbitrary (correlation)",
            measure_in="r",
        ),
    ),
    of_scan=_maps,
)
