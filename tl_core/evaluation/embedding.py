"""Feature maps: features embedded in a plane by PCA, t-SNE or UMAP, reproducible by seed."""

from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from tl_core.errors import TransferLabError
from tl_core.evaluation.projection import project

Numbers = NDArray[Any]
Method = Literal["pca", "tsne", "umap"]
MOST_MAPPED = 2_000
"""Largest number of images on a map; more take minutes and cover each other."""
_COMPONENTS = 50
"""Principal components that t-SNE and UMAP get: further ones are mostly noise, and slow."""
_NEIGHBOURS = 15


class FeaturesUnfit(TransferLabError):
    """Features cannot be embedded."""


class NoUmap(TransferLabError):
    """UMAP's package is not installed."""


@dataclass(frozen=True, slots=True)
class MapPoints:
    """Positions of images on a feature map."""

    method: Method
    points: Numbers
    """Coordinates, float32 [N, 2]."""
    share: float | None
    """Share of the total variance that the plane shows; for PCA only, otherwise None."""


def lay_out(features: Numbers, method: Method, seed: int = 0) -> MapPoints:
    """Embed features [N, D] in a plane. PCA takes a moment, the others up to a minute.

    Raises:
        FeaturesUnfit: fewer than three images, or features that are not finite.
        NoUmap: UMAP was chosen and is not installed.
    """
    check_features(features)
    if len(features) < 3:
        raise FeaturesUnfit(f"A map needs three images or more, and there are {len(features)}.")
    found = project(features, 2 if method == "pca" else _COMPONENTS)
    if method == "pca":
        share = float(found.shares.sum()) if found.spread else None
        return MapPoints(method, _on_a_plane(found.points), share)
    # Equal features have no spread to divide by.
    scale = found.points.std() or 1.0
    embed = _tsne if method == "tsne" else _umap
    points = embed(found.points / scale, seed)
    return MapPoints(method, _on_a_plane(points), None)


def check_features(features: Numbers) -> None:
    """Check that all features are finite.

    Raises:
        FeaturesUnfit: some are not.
    """
    n_infinite = int((~np.isfinite(features).all(axis=1)).sum())
    if n_infinite:
        raise FeaturesUnfit(
            f"The features of {n_infinite:,} of {len(features):,} images are not finite numbers: "
            "choose another backbone, other weights or a smaller learning rate."
        )


def can_umap() -> bool:
    """Return True if UMAP is installed."""
    # Looks for the package without importing it, which takes seconds.
    return find_spec("umap") is not None


def _on_a_plane(points: Numbers) -> Numbers:
    """Pad points of one direction with a second coordinate of 0."""
    wide: Numbers = np.pad(
        np.asarray(points, np.float32), ((0, 0), (0, max(0, 2 - points.shape[1])))
    )
    return wide[:, :2]


def _tsne(points: Numbers, seed: int) -> Numbers:
    # Slow to import, and PCA does without it.
    from sklearn.manifold import TSNE

    # scikit-learn's default of 30, which must stay below the number of points.
    perplexity = min(30.0, max(1.0, (len(points) - 1) / 3))
    # With equal features the PCA start is a single point, whose size scikit-learn divides by.
    init = "pca" if points.shape[1] >= 2 and points.any() else "random"
    found: Numbers = TSNE(perplexity=perplexity, init=init, random_state=seed).fit_transform(points)
    return found


def _umap(points: Numbers, seed: int) -> Numbers:
    if not can_umap():
        raise NoUmap("UMAP is not installed here: install the package umap-learn, or choose t-SNE.")
    from umap import UMAP

    neighbours = min(_NEIGHBOURS, len(points) - 1)
    # Few points have too few directions for its spectral start.
    init = "spectral" if len(points) > 10 and points.any() else "random"
    # With a seed UMAP runs on one thread, and warns unless `n_jobs` says so.
    found: Numbers = UMAP(
        n_neighbors=neighbours, random_state=seed, n_jobs=1, init=init
    ).fit_transform(points)
    return found
