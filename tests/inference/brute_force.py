"""Group inference the slow way: a full least-squares fit for each relabelling."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import permutations
from typing import Any

import nibabel as nib
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from commissure.space import Domain


@dataclass(frozen=True)
class PlainDesign:
    matrix: NDArray[np.float64]
    blocks: NDArray[np.intp] | None = None

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(f"column{i}" for i in range(self.matrix.shape[1]))

    def contrast(self, text: str) -> NDArray[np.float64]:
        return np.array([[name == part for name in self.names] for part in text.split(",")], float)

    def tested_part(self, weights: NDArray[np.float64]) -> NDArray[np.float64]:
        return self.matrix @ np.linalg.pinv(weights)


def box_domain(shape: tuple[int, int, int] = (6, 5, 4)) -> Domain:
    affine = np.diag([3.0, 3, 3, 1])
    affine[0, 3] = -1.5 * (shape[0] - 1)
    return Domain.from_mask(nib.Nifti1Image(np.ones(shape, np.uint8), affine), midline_mm=0)


def smooth_maps(rng: np.random.Generator, n_scans: int, domain: Domain) -> NDArray[np.float64]:
    noise = rng.standard_normal((n_scans, *domain.grid.shape))
    smooth = ndimage.gaussian_filter(noise, (0, 0.8, 0.8, 0.8))
    return smooth[(slice(None), *domain.voxels.T)]


def fit(matrix: NDArray[Any], maps: NDArray[Any], weights: NDArray[Any]) -> NDArray[np.float64]:
    """Return t of one row of weights, or F of more."""
    inverse = np.linalg.pinv(matrix.T @ matrix)
    estimate = inverse @ matrix.T @ maps
    residual = maps - matrix @ estimate
    variance = (residual**2).sum(axis=0) / (len(matrix) - np.linalg.matrix_rank(matrix))
    value = weights @ estimate
    spread = weights @ inverse @ weights.T
    if len(weights) == 1:
        return value[0] / np.sqrt(variance * spread[0, 0])
    return (value * np.linalg.solve(spread, value)).sum(axis=0) / len(weights) / variance


def orders(n_scans: int, blocks: NDArray[Any] | None) -> Iterator[NDArray[np.intp]]:
    """Yield every order of scans that stays within blocks, the observed first."""
    for order in permutations(range(n_scans)):
        if blocks is None or (blocks[list(order)] == blocks).all():
            yield np.array(order)


def freedman_lane(
    maps: NDArray[Any], matrix: NDArray[Any], weights: NDArray[Any], nuisance: NDArray[Any],
    relabellings: list[NDArray[Any]],
) -> NDArray[np.float64]:  # fmt: skip
    """Return permuted maps; relabellings are (n, n) matrices that act on the residuals."""
    fitted = nuisance @ np.linalg.lstsq(nuisance, maps, rcond=None)[0]
    return np.array([fit(matrix, p @ (maps - fitted) + fitted, weights) for p in relabellings])


def draper_stoneman(
    maps: NDArray[Any], tested: NDArray[Any], nuisance: NDArray[Any],
    relabellings: list[NDArray[Any]],
) -> NDArray[np.float64]:  # fmt: skip
    """Return permuted maps; relabellings are (n, n) matrices that act on the tested columns."""
    weights = np.eye(tested.shape[1], tested.shape[1] + nuisance.shape[1])
    return np.array([fit(np.hstack([p @ tested, nuisance]), maps, weights) for p in relabellings])


def distinct(relabellings: list[NDArray[Any]], rows: NDArray[Any]) -> list[NDArray[Any]]:
    """Keep the first of the relabellings that give the same rows."""
    kept = {(p @ rows).round(9).tobytes(): p for p in reversed(relabellings)}
    return list(reversed(kept.values()))


def as_matrices(found: Iterator[NDArray[np.intp]]) -> list[NDArray[np.float64]]:
    return [np.eye(len(order))[order] for order in found]


def largest_clusters(
    values: NDArray[Any], threshold: float, domain: Domain, connectivity: int
) -> tuple[list[int], list[float]]:
    """Return sizes and masses of the largest clusters above and below, by scipy.ndimage."""
    axes = {6: 1, 18: 2, 26: 3}[connectivity]
    structure = ndimage.generate_binary_structure(3, axes)
    sizes, masses = [], []
    for sign in (1, -1):
        volume = np.zeros(domain.grid.shape)
        volume[tuple(domain.voxels.T)] = sign * values
        labels, n = ndimage.label(volume > threshold, structure)
        labelled = range(1, n + 1)
        sizes.append(int(max(ndimage.sum_labels(labels > 0, labels, labelled), default=0)))
        masses.append(max(ndimage.sum_labels(volume - threshold, labels, labelled), default=0.0))
    return sizes, masses
