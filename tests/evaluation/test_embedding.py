"""Maps keep neighbours together, and are the same whenever they are drawn."""

import numpy as np
import pytest

from tl_core.evaluation.embedding import FeaturesUnfit, can_umap, lay_out

# umap-learn compiles itself for half a minute.
UMAP = [pytest.mark.slow, pytest.mark.skipif(not can_umap(), reason="umap-learn is not installed")]
METHODS = ["pca", "tsne", pytest.param("umap", marks=UMAP)]


@pytest.mark.parametrize("method", METHODS)
def test_neighbours_stay_together_and_the_map_is_the_same_again(method: str):
    labels = np.arange(60) % 3
    features = np.random.default_rng(0).normal(np.eye(3, 20)[labels] * 12, 1).astype(np.float32)
    first, second = lay_out(features, method), lay_out(features, method)
    assert np.array_equal(first.points, second.points) and first.points.shape == (60, 2)
    distances = (
        np.linalg.norm(first.points[:, None] - first.points[None], axis=2) + np.eye(60) * 1e9
    )
    assert (labels[distances.argmin(axis=1)] == labels).mean() > 0.95
    assert (first.share is not None) == (method == "pca")


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    "features",
    [np.eye(3), np.ones((8, 5)), np.arange(12.0)[:, None]],
    ids=["three", "all alike", "one direction"],
)
def test_odd_features_have_a_map_too(method: str, features: np.ndarray):
    points = lay_out(features, method).points
    assert points.shape == (len(features), 2) and np.isfinite(points).all()


def test_what_cannot_be_laid_out_is_a_sentence():
    with pytest.raises(FeaturesUnfit, match="three images or more, and there are 2"):
        lay_out(np.eye(2), "pca")
    with pytest.raises(FeaturesUnfit, match="of 2 of 4 images are not finite"):
        lay_out(np.array([[1.0], [np.nan], [np.inf], [2.0]]), "pca")
