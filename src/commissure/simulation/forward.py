"""What clean series see of the sources, and how much noise stays in them."""

from dataclasses import dataclass
from functools import lru_cache

import nibabel as nib
import numpy as np
from numpy.typing import NDArray

from commissure.preprocessing.smoothing import along_axes, gaussian_operator, smooth
from commissure.simulation.anatomy import tissues_at
from commissure.simulation.networks import LOCAL_SD_MM, Networks, load_networks
from commissure.space import Domain
from commissure.space.templates import analysis_grid, load_template
from commissure.threads import map_threads

GREY_THRESHOLD = 0.2
# Fixed, so that the noise does not depend on the number of threads.
_SAMPLES_AT_ONCE = 16
_SD_PER_FWHM = 1 / np.sqrt(8 * np.log(2))
# Variances within the pass band, where neural activity has 1: of activity that no other place
# shares but neighbours (before the smoothing), and of the scanner's noise (after it; the one
# interpolation of the data makes it wider by this).
_LOCAL_VARIANCE = 0.5
_SCANNER_VARIANCE, _INTERPOLATION_SD_MM = 0.17, 1.25


@dataclass(frozen=True, eq=False)
class Noise:
    """One kind of noise in the box around a domain: white, made smooth along each axis.

    Attributes
    ----------
    operators : list of 3 ndarrays
    gain : ndarray of shape (n_places,)
        What makes its variance the same at every place.
    variance : float
    """

    operators: list[NDArray[np.float64]]
    gain: NDArray[np.float32]
    variance: float


@dataclass(frozen=True, eq=False)
class Forward:
    """How clean series at the places of a domain are made of sources and noise.

    Attributes
    ----------
    networks : Networks
    domain : Domain
    weights : ndarray of shape (n_places, n_sources), float32
        Of each source in the series of a place, smoothing and partial volume included.
    mean_weights : ndarray of shape (n_sources,)
        Those of the mean of all grey matter, the global signal.
    noises : tuple of Noise
    """

    networks: Networks
    domain: Domain
    weights: NDArray[np.float32]
    mean_weights: NDArray[np.float64]
    noises: tuple[Noise, ...]

    @property
    def noise_variance(self) -> float:
        """Of all noise at a place, the same everywhere."""
        return sum(noise.variance for noise in self.noises)

    def loadings(self, coupling: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return how sources are made of latents once the global signal is regressed out.

        Parameters
        ----------
        coupling : ndarray of shape (n_networks,)

        Returns
        -------
        ndarray of shape (n_sources, n_latents)
            What is left of each source is uncorrelated with the global signal.
        """
        before = self.networks.loadings(coupling)
        of_mean = self.mean_weights @ before
        return before - np.outer(before @ of_mean, of_mean) / (of_mean @ of_mean)

    def draw_noise(
        self, rng: np.random.Generator, n_samples: int, n_threads: int | None = None
    ) -> NDArray[np.float32]:
        """Draw independent samples of the noise, shape (n_places, n_samples)."""
        out = np.zeros((self.domain.n_places, n_samples), np.float32)
        (x, y, z), shape = _box(self.domain)
        starts = range(0, n_samples, _SAMPLES_AT_ONCE)

        def draw(start_rng: tuple[int, np.random.Generator]) -> None:
            start, own_rng = start_rng
            part = out[:, start : start + _SAMPLES_AT_ONCE]
            for noise in self.noises:
                white = own_rng.standard_normal((*shape, part.shape[1]), np.float32)
                # The samples' axis comes first when the three others have been contracted.
                smooth_noise = along_axes(white, noise.operators)[:, x, y, z]
                part += (noise.gain * smooth_noise).T

        map_threads(draw, zip(starts, rng.spawn(len(starts)), strict=True), n_threads)
        return out


@lru_cache(maxsize=4)
def forward_model(resolution_mm: int = 3, fwhm: float = 4.0, *, anchored: bool = True) -> Forward:
    """Return how clean series on the analysis grid come about.

    Parameters
    ----------
    resolution_mm : {2, 3, 4, 6, 8}
    fwhm : float
        Of the (Gaussian) smoothing, mm.
    anchored : bool
        See `load_networks`.

    Returns
    -------
    Forward
        Of the places where the template's grey matter probability exceeds 0.2.
    """
    networks = load_networks(anchored=anchored)
    shape, affine = analysis_grid(resolution_mm)
    grey_matter = load_template(resolution_mm).grey > GREY_THRESHOLD
    mask = nib.Nifti1Image(grey_matter.astype(np.uint8), affine)
    mask.set_sform(affine, 4)
    mask.set_qform(affine, 4)
    domain = Domain.from_mask(mask, name="grey matter of the template")
    grey, inside = _grey_share(resolution_mm)
    points = (np.argwhere(inside) @ affine[:3, :3].T + affine[:3, 3]).T
    unsmoothed = networks.weights(points) * grey[inside][:, None]
    weights = np.empty((domain.n_places, networks.n_sources), np.float32)

    def see(source: int) -> None:
        volume = np.zeros(shape, np.float32)
        volume[inside] = unsmoothed[:, source]
        smoothed = smooth(volume, np.full(3, resolution_mm), fwhm, n_threads=1)
        weights[:, source] = smoothed[tuple(domain.voxels.T)]

    map_threads(see, range(networks.n_sources))
    smoothing_sd = fwhm * _SD_PER_FWHM
    local_sd = np.hypot(LOCAL_SD_MM, smoothing_sd)
    local_variance = _LOCAL_VARIANCE * (LOCAL_SD_MM / local_sd) ** 3
    scanner_sd = np.hypot(_INTERPOLATION_SD_MM, smoothing_sd)
    noises = tuple(
        _noise(domain, sd / resolution_mm, variance)
        for sd, variance in ((local_sd, local_variance), (scanner_sd, _SCANNER_VARIANCE))
    )
    return Forward(networks, domain, weights, unsmoothed.mean(axis=0, dtype=np.float64), noises)


def _noise(domain: Domain, sd: float, variance: float) -> Noise:
    voxels, shape = _box(domain)
    operators = [gaussian_operator(n, sd) for n in shape]
    x, y, z = ((op**2).sum(axis=0)[at] for op, at in zip(operators, voxels, strict=True))
    return Noise(operators, np.sqrt(variance / (x * y * z)).astype(np.float32), variance)


def _box(domain: Domain) -> tuple[tuple[NDArray[np.intp], ...], tuple[int, ...]]:
    """Return the voxels of a domain in the box around it, and the box's shape."""
    first = domain.voxels.min(axis=0)
    return tuple((domain.voxels - first).T), tuple(domain.voxels.max(axis=0) - first + 1)


@lru_cache(maxsize=4)
def _grey_share(resolution_mm: int) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Return the share of grey matter in each voxel, and where there is any."""
    shape, affine = analysis_grid(resolution_mm)
    inside = load_template(resolution_mm).grey > 0
    centres = np.argwhere(inside) @ affine[:3, :3].T + affine[:3, 3]
    n = -(-resolution_mm * 2 // 3)
    steps = resolution_mm * ((np.arange(n) + 0.5) / n - 0.5)
    share = np.zeros(len(centres), np.float32)
    for offset in np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(-1, 3):
        share += tissues_at((centres + offset).T)[0] / n**3
    grey = np.zeros(shape, np.float32)
    grey[inside] = share
    return grey, inside
