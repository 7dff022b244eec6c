"""Features, of which there are hundreds or thousands, along their few directions of largest spread (PCA)."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh

Numbers = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Projection:
    points: Numbers
    """Float32 [N, k]: along the principal components, the largest first."""
    spread: float
    """Variance in all directions together, of which `shares` says what each component has."""

    @property
    def shares(self) -> Numbers:
        """Of the spread, [k]."""
        own: Numbers = np.asarray(self.points, dtype=np.float64).var(axis=0)
        return own / self.spread if self.spread else own


def project(features: Numbers, most: int) -> Projection:
    """Principal components of float [N, D] features, at most `most` of them and as many as there can be.

    A component's sign is chosen so that its largest entry is positive, hence the same features give the same points.

    Raises:
        ValueError: the features are not finite numbers.
    """
    centred = np.asarray(features, dtype=np.float64)
    if not np.isfinite(centred).all():
        raise ValueError("features that are not finite numbers have no principal components")
    centred = centred - centred.mean(axis=0)
    n, d = centred.shape
    k = min(most, d, max(1, n - 1))
    # Whichever square is the smaller: both have the same eigenvalues.
    square = centred @ centred.T if n <= d else centred.T @ centred
    values, vectors = eigh(square, subset_by_index=(len(square) - k, len(square) - 1))
    vectors = vectors[:, ::-1]
    points = vectors * np.sqrt(np.maximum(values[::-1], 0)) if n <= d else centred @ vectors
    signs = np.sign(points[np.abs(points).argmax(axis=0), range(k)])
    return Projection(
        (points * np.where(signs, signs, 1)).astype(np.float32), float(centred.var(axis=0).sum())
    )


def align(points: Numbers, onto: Numbers) -> Numbers:
    """Turn and mirror `points` [N, 2] so that they lie as near to `onto` as they can (orthogonal Procrustes)."""
    u, _, vt = np.linalg.svd(points.T.astype(np.float64) @ onto.astype(np.float64))
    turned: Numbers = points @ (u @ vt)
    return turned


def as_half(numbers: Numbers) -> Numbers:
    """As float16 where that can hold them, else as they are: larger than 65 504 it would make them infinite."""
    with np.errstate(over="ignore"):
        half = np.asarray(numbers).astype(np.float16)
    return half if np.array_equal(np.isfinite(half), np.isfinite(numbers)) else numbers
