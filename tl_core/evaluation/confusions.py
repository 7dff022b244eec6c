"""Orders of the classes of a confusion matrix that put confused ones side by side."""

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.hierarchy import leaves_list, linkage
from scipy.spatial.distance import squareform

Counts = NDArray[np.int64]


def order_by_mix_ups(matrix: Counts) -> list[int]:
    """Order the labels so that confused classes are neighbours.

    The order is that of average-linkage clustering of the confusion rates, with optimal leaf
    ordering after Bar-Joseph et al. (2001).

    Args:
        matrix: counts [true, predicted].
    """
    n = len(matrix)
    # Two classes are neighbours in any order.
    if n < 3:
        return list(range(n))
    # As rates: by counts, large classes would seem to be confused most.
    shares = matrix / np.maximum(1, matrix.sum(1, keepdims=True))
    # Clustering needs a symmetric measure, while confusions have a direction.
    alike = (shares + shares.T) / 2
    np.fill_diagonal(alike, 1.0)
    tree = linkage(squareform(1 - alike, checks=False), "average", optimal_ordering=True)
    order: list[int] = leaves_list(tree).tolist()
    return order


def most_mixed_up(matrix: Counts, top: int) -> list[int]:
    """Return the `top` labels with the most false negatives and false positives, sorted."""
    # The diagonal is contained in both sums.
    mistakes = matrix.sum(0) + matrix.sum(1) - 2 * matrix.diagonal()
    worst = np.argsort(-mistakes, kind="stable")[:top]
    return sorted(worst.tolist())
