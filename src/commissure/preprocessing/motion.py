"""Numbers that describe head motion: parameters, displacements, regressors."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation


def motion_parameters(
    matrices: NDArray[np.float64], centre: NDArray[np.float64] | None = None
) -> NDArray[np.float64]:
    """Return the six parameters of rigid transforms, as SPM writes them to ``rp_*.txt``.

    Parameters
    ----------
    matrices : ndarray of shape (n_volumes, 4, 4)
        As `realign` gives them.
    centre : ndarray of shape (3,), optional
        The point that is shifted, in mm; by default the origin of the scanner, as in SPM. Far from
        the head its shifts are mostly what rotations make of the way there.

    Returns
    -------
    ndarray of shape (n_volumes, 6)
        x, y, z (mm, RAS+) and pitch, roll, yaw (rad): the matrix is the translation after
        R_x(-pitch) R_y(roll) R_z(-yaw), each the usual right-handed rotation about its axis.
        (``spm_matrix`` writes its rotations about x and z the other way round.)
    """
    angles = Rotation.from_matrix(matrices[:, :3, :3]).as_euler("XYZ") * (-1, 1, -1)
    shifts = matrices[:, :3, 3] if centre is None else shifts_of(matrices, centre)
    return np.column_stack([shifts, angles])


def motion_matrices(parameters: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the rigid transforms of six parameters: what `motion_parameters` takes apart.

    Parameters
    ----------
    parameters : ndarray of shape (n_volumes, 6)
        x, y, z (mm) and pitch, roll, yaw (rad), as in ``rp_*.txt`` of SPM.

    Returns
    -------
    ndarray of shape (n_volumes, 4, 4)
    """
    matrices = np.tile(np.eye(4), (len(parameters), 1, 1))
    turned = Rotation.from_euler("XYZ", parameters[:, 3:] * (-1, 1, -1))
    matrices[:, :3, :3] = turned.as_matrix()
    matrices[:, :3, 3] = parameters[:, :3]
    return matrices


def friston24(parameters: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the 24 motion regressors [R(t), R(t-1), R(t)², R(t-1)²].

    Parameters
    ----------
    parameters : ndarray of shape (n_volumes, 6)

    Returns
    -------
    ndarray of shape (n_volumes, 24)
        The first row of R(t-1) is zero, as in DPABI. Nothing is demeaned here.

    References
    ----------
    Friston KJ, et al. (1996) Movement-related effects in fMRI time-series. Magn Reson Med
    35:346-355.
    """
    before = np.zeros_like(parameters)
    before[1:] = parameters[:-1]
    return np.column_stack([parameters, before, parameters**2, before**2])


def framewise_displacement_power(
    parameters: NDArray[np.float64], radius: float = 50.0
) -> NDArray[np.float64]:
    """Return the sum of absolute changes of the six parameters, in mm.

    Parameters
    ----------
    parameters : ndarray of shape (n_volumes, 6)
        Three translations (mm), then three rotations (rad).
    radius : float
        Of the sphere, in mm, on which rotations are taken as arcs.

    Returns
    -------
    ndarray of shape (n_volumes,)
        0 at the first volume.

    References
    ----------
    Power JD, et al. (2012) Spurious but systematic correlations in functional connectivity MRI
    networks arise from subject motion. NeuroImage 59:2142-2154.
    """
    change = np.abs(np.diff(parameters, axis=0, prepend=parameters[:1]))
    displacement: NDArray[np.float64] = change @ np.repeat([1.0, radius], 3)
    return displacement


def framewise_displacement_jenkinson(
    matrices: NDArray[np.float64],
    affine: NDArray[Any],
    shape: tuple[int, ...],
    radius: float = 80.0,
) -> NDArray[np.float64]:
    """Return the root mean square displacement in a sphere between volumes, in mm.

    Parameters
    ----------
    matrices : ndarray of shape (n_volumes, 4, 4)
        As `realign` gives them.
    affine : ndarray of shape (4, 4)
    shape : tuple of int
        Of the volumes. The sphere lies about the middle of the grid: as in DPABI, voxel index
        n/2 - 1 (counted from 0) of each axis.
    radius : float
        Of the sphere, in mm.

    Returns
    -------
    ndarray of shape (n_volumes,)
        0 at the first volume.

    References
    ----------
    Jenkinson M (1999) Measuring transformation error by RMS deviation. FMRIB technical report
    TR99MJ1.
    """
    centre = affine @ np.append(np.array(shape[:3]) / 2 - 1, 1)
    between = matrices[1:] @ np.linalg.inv(matrices[:-1]) - np.eye(4)
    turned = (between[:, :3, :3] ** 2).sum(axis=(1, 2))
    moved = ((between @ centre) ** 2).sum(axis=1)
    return np.append(0.0, np.sqrt(radius**2 / 5 * turned + moved))


def shifts_of(matrices: NDArray[np.float64], point: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return by how much rigid transforms shift a point.

    Parameters
    ----------
    matrices : ndarray of shape (n_volumes, 4, 4)
    point : ndarray of shape (3,)
        In mm. At the origin the shifts are the three translations; far from the head, these are
        what its rotations make of them.

    Returns
    -------
    ndarray of shape (n_volumes, 3)
    """
    return matrices[:, :3, :3] @ point + matrices[:, :3, 3] - point


def max_motion(matrices: NDArray[np.float64], centre: NDArray[np.float64]) -> tuple[float, float]:
    """Return the largest absolute shift (mm) and rotation (degrees) along or about an axis.

    Parameters
    ----------
    matrices : ndarray of shape (n_volumes, 4, 4)
    centre : ndarray of shape (3,)
        Of the head, in mm: what is shifted.
    """
    shift = np.abs(shifts_of(matrices, centre)).max()
    angle = np.abs(motion_parameters(matrices)[:, 3:]).max()
    return float(shift), float(np.rad2deg(angle))
