"""The frozen prefix: run it once, keep its activations, train the rest from them."""

from tl_core.features.examples import Batch, Examples, FeatureExamples, ImageExamples
from tl_core.features.extract import (
    MAX_FEATURE_BYTES,
    choose_views,
    extract_features,
    feature_examples,
    reserve_activations,
)

__all__ = [
    "MAX_FEATURE_BYTES",
    "Batch",
    "Examples",
    "FeatureExamples",
    "ImageExamples",
    "choose_views",
    "extract_features",
    "feature_examples",
    "reserve_activations",
]
