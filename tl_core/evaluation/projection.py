"""Principal component analysis of features."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh

Numbers = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Projection:
    points: Numbers
    """Coordinates on the principal components, float32 [N, k], the largest first."""
    spread: float
    """Total variance of the features."""

    @property
    def shares(self) -> Numbers:
        """Share of the total variance of each component, [k]."""
        own: Numbers = np.asarray(self.points, dtype=np.float64).var(axis=0)
        return own / self.spread if self.spread else own


def project(features: Numbers, most: int) -> Projection:
    """Project features [N, D] on their first principal components, at most `most`.

    Signs are chosen so that each component's largest entry is positive: equal features give equal
    points.

    Raises:
        ValueError: the features are not finite.
    """
    # The product below squares the numbers, which would cost float32 half of its digits.
    centred = np.asarray(features, dtype=np.float64)
    if not np.isfinite(centred).all():
        raise ValueError("features that are not finite numbers have no principal components")
    centred = centred - centred.mean(axis=0)
    n, d = centred.shape
    # n centred points span at most n - 1 directions.
    k = min(most, d, max(1, n - 1))
    # Gram and covariance matrix have the same eigenvalues; the smaller one is decomposed.
    square = centred @ centred.T if n <= d else centred.T @ centred
    # Unlike NumPy's, SciPy's `eigh` can compute the largest eigenvalues only.
    values, vectors = eigh(square, subset_by_index=(len(square) - k, len(square) - 1))
    # Eigenvalues come in rising order.
    vectors = vectors[:, ::-1]
    # Rounding may turn an eigenvalue of 0 slightly negative.
    lengths = np.sqrt(np.maximum(values[::-1], 0))
    points = vectors * lengths if n <= d else centred @ vectors
    signs = np.sign(points[np.abs(points).argmax(axis=0), range(k)])
    points = points * np.where(signs, signs, 1)
    return Projection(points.astype(np.float32), float(centred.var(axis=0).sum()))


def align(points: Numbers, onto: Numbers) -> Numbers:
    """Rotate and mirror `points` [N, 2] to lie closest to `onto` (orthogonal Procrustes)."""
    u, _, vt = np.linalg.svd(points.T.astype(np.float64) @ onto.astype(np.float64))
    turned: Numbers = points @ (u @ vt)
    return turned


def as_half(numbers: Numbers) -> Numbers:
    """Convert to float16 if no number exceeds its range (65 504); otherwise leave them."""
    # Overflow is what the next line looks for, so it needs no warning.
    with np.errstate(over="ignore"):
        half = np.asarray(numbers).astype(np.float16)
    return half if np.array_equal(np.isfinite(half), np.isfinite(numbers)) else numbers
