"""Maps of images: features laid out on a plane by PCA, t-SNE or UMAP. Seeded, so that a map can be drawn again."""

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
"""Images on one map: more take minutes to lay out, and cover each other."""
_COMPONENTS = 50
"""That t-SNE and UMAP look at: what lies beyond is mostly noise, and they get slow."""
_NEIGHBOURS = 15


class FeaturesUnfit(TransferLabError):
    """Features that nothing can be made of."""


class NoUmap(TransferLabError):
    """The package is missing."""


@dataclass(frozen=True, slots=True)
class MapPoints:
    """Images laid out on a plane."""

    method: Method
    points: Numbers
    """Float32 [N, 2]."""
    share: float | None
    """Of the features' spread that the plane shows; None but for PCA."""


def lay_out(features: Numbers, method: Method, seed: int = 0) -> MapPoints:
    """Put float [N, D] features on a plane: at once by PCA, in seconds or a minute by the others.

    Raises:
        FeaturesUnfit: fewer than three images, or features that are not finite numbers.
        NoUmap: UMAP is asked for and not installed.
    """
    check_features(features)
    if len(features) < 3:
        raise FeaturesUnfit(f"A map needs three images or more, and there are {len(features)}.")
    found = project(features, 2 if method == "pca" else _COMPONENTS)
    if method == "pca":
        return MapPoints(
            method, _on_a_plane(found.points), float(found.shares.sum()) if found.spread else None
        )
    scale = found.points.std() or 1.0
    points = (_tsne if method == "tsne" else _umap)(found.points / scale, seed)
    return MapPoints(method, _on_a_plane(points), None)


def check_features(features: Numbers) -> None:
    """Raises: FeaturesUnfit: some are not finite numbers."""
    wrong = int((~np.isfinite(features).all(axis=1)).sum())
    if wrong:
        raise FeaturesUnfit(
            f"The features of {wrong:,} of {len(features):,} images are not finite numbers: choose another backbone, "
            "other weights or a smaller learning rate."
        )


def can_umap() -> bool:
    """Whether the package is installed."""
    return find_spec("umap") is not None


def _on_a_plane(points: Numbers) -> Numbers:
    """With a second coordinate where there is only one direction."""
    wide: Numbers = np.pad(
        np.asarray(points, np.float32), ((0, 0), (0, max(0, 2 - points.shape[1])))
    )
    return wide[:, :2]


def _tsne(points: Numbers, seed: int) -> Numbers:
    from sklearn.manifold import TSNE

    perplexity = min(30.0, max(1.0, (len(points) - 1) / 3))
    # Of features that are all alike the first plane is a point, by whose size scikit-learn would divide.
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
    found: Numbers = UMAP(
        n_neighbors=neighbours, random_state=seed, n_jobs=1, init=init
    ).fit_transform(points)
    return found
