"""Frozen prefix: its activations are computed once, cached, and the rest trains on them."""

from tl_core.features.activation_rows import NoRoom, TooLarge
from tl_core.features.cached_activations import CachedActivations, Precision, activation_bytes
from tl_core.features.examples import Batch, Examples, FeatureExamples, ImageExamples, OnDisk
from tl_core.features.image_views import Passed, Side, choose_views
from tl_core.features.known_weights import recall_digests, remember_digests
from tl_core.features.microbatches import Pieces, is_out_of_memory
from tl_core.features.onnx_prefix import OnnxPrefix
from tl_core.features.pass_order import cut_into_chunks, mixed_order

__all__ = [
    "Batch",
    "CachedActivations",
    "Examples",
    "FeatureExamples",
    "ImageExamples",
    "NoRoom",
    "OnDisk",
    "OnnxPrefix",
    "Passed",
    "Pieces",
    "Precision",
    "Side",
    "TooLarge",
    "activation_bytes",
    "choose_views",
    "cut_into_chunks",
    "is_out_of_memory",
    "mixed_order",
    "recall_digests",
    "remember_digests",
]
