"""The frozen prefix: run it once, keep its activations, train the rest from them."""

from tl_core.features.examples import Batch, Examples, FeatureExamples, ImageExamples, OnDisk
from tl_core.features.kept import KeptActivations, Precision, activation_bytes
from tl_core.features.onnx_prefix import OnnxPrefix
from tl_core.features.pieces import Pieces, is_out_of_memory
from tl_core.features.rows import NoRoom, TooLarge
from tl_core.features.sides import Side, choose_views

__all__ = [
    "Batch",
    "Examples",
    "FeatureExamples",
    "ImageExamples",
    "KeptActivations",
    "NoRoom",
    "OnDisk",
    "OnnxPrefix",
    "Pieces",
    "Precision",
    "Side",
    "TooLarge",
    "activation_bytes",
    "choose_views",
    "is_out_of_memory",
]
