"""An echo-planar run of a moving head, each slice at its own moment."""

from dataclasses import dataclass

import numpy as np
from nibabel.affines import voxel_sizes
from numpy.typing import NDArray
from scipy import fft, ndimage, sparse

from commissure.compiled_code import njit
from commissure.preprocessing.smoothing import along_axes, gaussian_operator
from commissure.simulation.anatomy import BRAIN, TISSUES, tissues_at
from commissure.simulation.networks import LOCAL_SD_MM, load_networks
from commissure.simulation.sources import Sources
from commissure.simulation.warp import HeadWarp, SplineField, grid_points, transform
from commissure.threads import map_threads

_T2S_CONTRAST = np.array([1.0, 0.85, 1.25, 1.1, 0.03, 0.2])
_GREY_MATTER = 1000.0
# Standard deviations as shares of the local signal.
_NEURAL, _LOCAL, _GLOBAL, _PULSATION = 0.0035, 0.0037, 0.003, 0.02
_RESPIRATION_HZ, _HEARTBEAT_HZ = (0.25, 0.32), (0.95, 1.15)
_DRIFT = 0.005
# Where air in the sinuses and ears takes signal away: middle (template mm), reach (mm), share.
_DROPOUTS = (((0, 38, -28), 11, 0.9), ((-50, -22, -32), 9, 0.6), ((50, -22, -32), 9, 0.6))
_PAD = 3
# Shares of a source that a place is not taken to have.
_NEGLIGIBLE = 1e-3


@dataclass(frozen=True, eq=False)
class Head:
    """What lies at each place of the head while it is still, on the voxel lattice of the scan.

    The lattice continues the voxels of volume 0 by `_PAD` on each side, for what moves in.

    Attributes
    ----------
    signal : ndarray
        Spline coefficients of the mean signal averaged over a voxel, at half-voxel steps.
    maps : scipy.sparse.csr_array of shape (n_voxels, n_sources), float32
        How much of the signal follows each source, at voxel steps, the last axis fastest.
    """

    signal: NDArray[np.float32]
    maps: sparse.csr_array

    @property
    def lattice(self) -> tuple[int, ...]:
        """Voxels along each axis."""
        return tuple((n + 1) // 2 for n in self.signal.shape)


def signal_sources(
    rng: np.random.Generator,
    latents: Sources,
    loadings: NDArray[np.float64],
    times: NDArray[np.float64],
) -> NDArray[np.float32]:
    """Evaluate neural, global, respiratory and cardiac sources at times (s) of any shape.

    Parameters
    ----------
    rng : numpy.random.Generator
    latents : Sources
    loadings : ndarray of shape (n_sources, n_latents)
        How the neural sources are made of the latents.
    times : ndarray

    Returns
    -------
    ndarray of shape (..., n_sources + 3), float32
    """
    others = [
        Sources.random(rng, 1, band) for band in ((0.01, 0.1), _RESPIRATION_HZ, _HEARTBEAT_HZ)
    ]
    series = [latents.at(times) @ loadings.T, *(source.at(times) for source in others)]
    return np.concatenate(series, axis=-1, dtype=np.float32)


def make_head(
    rng: np.random.Generator,
    warp: HeadWarp,
    bold_to_t1w: NDArray[np.float64],
    shape: tuple[int, int, int],
    affine: NDArray[np.float64],
) -> Head:
    """Make the head as the scan at volume 0 would see it without noise.

    Parameters
    ----------
    rng : numpy.random.Generator
    warp : HeadWarp
    bold_to_t1w : ndarray of shape (4, 4)
        From scanner mm at volume 0 of the run to mm of the T1w.
    shape, affine
        Of the run's volumes.
    """
    lattice = tuple(n + 2 * _PAD for n in shape)
    # Two points a voxel along each axis, at a quarter of it from the middle; the mean of two
    # neighbours is then the mean over a voxel around a voxel's middle or border.
    half = np.diag([0.5, 0.5, 0.5, 1.0])
    half[:3, 3] = -0.25 - _PAD
    fine_affine = affine @ half
    contrast = _GREY_MATTER * _T2S_CONTRAST * rng.normal(1, 0.03, len(TISSUES))
    far_corner = transform(fine_affine, 2.0 * np.array(lattice)[:, None])[:, 0]
    box = np.sort([fine_affine[:3, 3], far_corner], axis=0)
    log_bias = SplineField.random(rng, 1, box, spacing=110.0, bound=0.25)
    scanner = grid_points(tuple(2 * n for n in lattice), fine_affine)
    template = warp.to_template(transform(bold_to_t1w, scanner))
    signal = np.tensordot(contrast, tissues_at(template), axes=1)
    signal *= np.exp(log_bias.at(scanner)[0])
    for middle, reach, share in _DROPOUTS:
        squared = sum((t - m) ** 2 for t, m in zip(template, middle, strict=True))
        signal *= 1 - share * np.exp(-squared / (2 * reach**2))
    for axis in range(3):
        n = signal.shape[axis]
        signal = (signal.take(range(n - 1), axis) + signal.take(range(1, n), axis)) / 2

    voxel = np.eye(4)
    voxel[:3, 3] = -_PAD
    template = warp.to_template(transform(bold_to_t1w, grid_points(lattice, affine @ voxel)))
    grey, white, csf = tissues_at(template)[BRAIN]
    brain = grey + white + csf
    inside = np.flatnonzero(brain)
    weights = load_networks().weights(template.reshape(3, -1)[:, inside])
    weights[weights < _NEGLIGIBLE] = 0
    grey, brain, csf = (share.ravel()[inside] for share in (grey, brain, csf))
    body = np.column_stack([_GLOBAL * brain, _GLOBAL * brain, _PULSATION * csf + _GLOBAL * brain])
    follows = sparse.csr_array(np.hstack([_NEURAL * grey[:, None] * weights, body]))
    # Rows of no entry for what is not brain.
    counts = np.zeros(np.prod(lattice) + 1, follows.indptr.dtype)
    counts[1 + inside] = np.diff(follows.indptr)
    maps = sparse.csr_array(
        (follows.data.astype(np.float32), follows.indices, np.cumsum(counts)),
        shape=(np.prod(lattice), follows.shape[1]),
    )
    return Head(ndimage.spline_filter(signal, output=np.float32), maps)


def simulate_bold(
    rng: np.random.Generator,
    head: Head,
    series: NDArray[np.float32],
    motion: NDArray[np.float64],
    affine: NDArray[np.float64],
    *,
    tsnr: float,
    n_threads: int | None = None,
) -> NDArray[np.int16]:
    """Scan a head.

    Parameters
    ----------
    rng : numpy.random.Generator
    head : Head
    series : ndarray of shape (n_volumes, n_slices, n_sources)
        The sources at the moment each slice is acquired.
    motion : ndarray of shape (n_volumes, 4, 4)
        Where a point of volume 0 (scanner mm) is at each volume.
    affine : ndarray of shape (4, 4)
        Of the volumes.
    tsnr : float
        Grey matter's signal over the standard deviation of the scanner's noise, which is white.
    n_threads : int, optional
        The result does not depend on it.

    Returns
    -------
    ndarray of shape (n_x, n_y, n_z, n_volumes), int16
    """
    n_x, n_y, n_z = (n - 2 * _PAD for n in head.lattice)
    n_volumes = len(series)
    trend = np.linspace(0, 1, n_volumes)[:, None] ** (1, 2) @ rng.normal(0, _DRIFT, 2)
    noisy = np.empty((n_volumes, n_z, n_y, n_x), np.float32)
    local = np.empty_like(noisy)
    operators = [
        _unit_smoother(n, LOCAL_SD_MM / zoom)
        for n, zoom in zip((n_z, n_y, n_x), voxel_sizes(affine)[::-1], strict=True)
    ]

    def add_noise(slice_rng: tuple[int, np.random.Generator]) -> None:
        index, own_rng = slice_rng
        shape = (n_volumes, n_y, n_x)
        noisy[:, index] = own_rng.standard_normal(shape, np.float32) * (_GREY_MATTER / tsnr)
        local[:, index] = _LOCAL * _falling_noise(own_rng, shape)

    def scan(volume: int) -> None:
        # From a voxel of this volume to the voxel of volume 0 that had the same piece of head.
        to_first = np.linalg.inv(affine) @ np.linalg.inv(motion[volume]) @ affine
        to_first[:3, 3] += _PAD
        signal = ndimage.affine_transform(
            head.signal,
            2 * to_first[:3, :3],
            2 * to_first[:3, 3],
            (n_x, n_y, n_z),
            order=3,
            prefilter=False,
            mode="nearest",
        )
        change = np.empty((n_z, n_y, n_x), np.float32)
        maps = head.maps
        _follow(
            maps.data, maps.indices, maps.indptr, head.lattice, to_first, series[volume], change
        )
        change += along_axes(local[volume], operators)
        signal *= (1 + trend[volume]) * (1 + change.T)
        noisy[volume] += signal.T

    map_threads(add_noise, enumerate(rng.spawn(n_z)), n_threads)
    map_threads(scan, range(n_volumes), n_threads)
    # Only the magnitude is stored.
    np.rint(np.abs(noisy, out=noisy), out=noisy)
    return noisy.astype(np.int16).T


def _falling_noise(rng: np.random.Generator, shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Draw noise of unit variance whose power falls as 1/f along the first axis."""
    white = rng.standard_normal(shape, np.float32)
    frequency = np.arange(1, shape[0] // 2 + 1)
    power = (1 / frequency) / (1 / frequency).mean()
    gain = np.sqrt(np.concatenate([[0.0], power])).astype(np.float32)
    coloured: NDArray[np.float32] = fft.irfft(
        fft.rfft(white, axis=0) * gain[:, None, None], shape[0], axis=0
    )
    return coloured


def _unit_smoother(n: int, sd: float) -> NDArray[np.float64]:
    """Return the matrix that smooths white noise and leaves its variance as it is."""
    operator = gaussian_operator(n, sd)
    unit: NDArray[np.float64] = operator / np.linalg.norm(operator, axis=0)
    return unit


@njit(cache=True, nogil=True)
def _follow(
    data: NDArray[np.float32],
    indices: NDArray[np.int32],
    indptr: NDArray[np.int32],
    lattice: tuple[int, int, int],
    to_lattice: NDArray[np.float64],
    series: NDArray[np.float32],
    change: NDArray[np.float32],
) -> None:
    """Fill `change` (z, y, x) with the sources' sum at each voxel, trilinear in the maps.

    The lattice has a margin, so a voxel outside of it has nothing to follow: it gets 0.
    """
    n_z, n_y, n_x = change.shape
    n_i, n_j, n_k = lattice
    m = to_lattice
    for z in range(n_z):
        for y in range(n_y):
            for x in range(n_x):
                change[z, y, x] = 0
                i = m[0, 0] * x + m[0, 1] * y + m[0, 2] * z + m[0, 3]
                j = m[1, 0] * x + m[1, 1] * y + m[1, 2] * z + m[1, 3]
                k = m[2, 0] * x + m[2, 1] * y + m[2, 2] * z + m[2, 3]
                i0, j0, k0 = int(np.floor(i)), int(np.floor(j)), int(np.floor(k))
                if not (0 <= i0 < n_i - 1 and 0 <= j0 < n_j - 1 and 0 <= k0 < n_k - 1):
                    continue
                total = np.float32(0)
                for a in range(2):
                    for b in range(2):
                        for c in range(2):
                            weight = np.float32(
                                abs(1 - a - i + i0) * abs(1 - b - j + j0) * abs(1 - c - k + k0)
                            )
                            corner = ((i0 + a) * n_j + j0 + b) * n_k + k0 + c
                            here = np.float32(0)
                            for entry in range(indptr[corner], indptr[corner + 1]):
                                here += data[entry] * series[z, indices[entry]]
                            total += weight * here
                change[z, y, x] = total
