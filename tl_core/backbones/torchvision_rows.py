"""Catalogue rows of torchvision's ImageNet classifiers, from the metadata of their weights."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import torchvision

from tl_core.backbones.row import Backbone, Weights
from tl_core.records import Preprocessing

_HALF = (0.5, 0.5, 0.5)
_IMAGENET_LICENCE = "BSD-3-Clause (code); ImageNet is for research and teaching"


@dataclass(frozen=True, slots=True)
class _Family:
    title: str
    """Start of each member's title."""
    between: str
    """Replacement for underscores in the rest of the title."""
    classifier: str
    sentence: str


# Prefixes of names, longer ones first. ConvNeXt and MaxViT normalise the pooled features inside
# their classifier; that is kept, and only their last layer is replaced.
_FAMILIES = {
    "wide_resnet": _Family(
        "Wide ResNet-", "-", "fc", "A ResNet with twice as many channels inside each block."
    ),
    "resnext": _Family(
        "ResNeXt-", " ", "fc", "A ResNet whose convolutions work in parallel groups."
    ),
    "resnet": _Family(
        "ResNet-", "-", "fc", "The textbook residual network: plain, sturdy and easy to fine-tune."
    ),
    "alexnet": _Family(
        "AlexNet", "", "classifier", "The network that began deep learning on photos in 2012."
    ),
    "vgg": _Family(
        "VGG-", "-", "classifier", "The plain classic of 2014: large and slow, good for teaching."
    ),
    "convnext": _Family(
        "ConvNeXt-",
        "-",
        "classifier.2",
        "A convolutional network of 2022, built with what transformers have taught.",
    ),
    "densenet": _Family(
        "DenseNet-", "-", "classifier", "Every layer of a block sees all earlier ones: few weights."
    ),
    "efficientnet_v2": _Family(
        "EfficientNetV2-", "-", "classifier", "EfficientNet made quicker to train."
    ),
    "efficientnet": _Family(
        "EfficientNet-",
        "-",
        "classifier",
        "Depth, width and image size grow together: accurate for its size.",
    ),
    "googlenet": _Family(
        "GoogLeNet",
        "",
        "fc",
        "The first network of Inception blocks: several filter sizes at once.",
    ),
    "inception": _Family(
        "Inception-", "-", "fc", "GoogLeNet grown up; it wants images of 299 pixels."
    ),
    "maxvit": _Family(
        "MaxViT-", "-", "classifier.5", "Convolutions, and attention near and far, in every block."
    ),
    "mnasnet": _Family(
        "MnasNet ", ".", "classifier", "A network for phones that was found by search."
    ),
    "mobilenet_v2": _Family(
        "MobileNetV2", "", "classifier", "Made for phones: small, quick, and good for its size."
    ),
    "mobilenet_v3": _Family(
        "MobileNetV3-", "-", "classifier", "The quickest on phones, tuned by search."
    ),
    "regnet_x": _Family(
        "RegNetX-", ".", "fc", "A residual network whose widths follow one simple rule."
    ),
    "regnet_y": _Family(
        "RegNetY-", ".", "fc", "A RegNet that also weighs its channels by what the image shows."
    ),
    "shufflenet_v2": _Family(
        "ShuffleNetV2 ", ".", "fc", "Very quick: half of the channels pass each block untouched."
    ),
    "squeezenet": _Family(
        "SqueezeNet ", ".", "classifier", "AlexNet's accuracy with a fiftieth of its weights."
    ),
    "swin_v2": _Family(
        "SwinV2-", "-", "head", "A Swin transformer that copes with other image sizes."
    ),
    "swin": _Family(
        "Swin-", "-", "head", "A transformer whose attention works in windows that shift."
    ),
    "vit": _Family(
        "ViT-",
        "/",
        "heads",
        "A vision transformer: the image as a sentence of patches; data-hungry.",
    ),
}


def torchvision_rows() -> Iterator[Backbone]:
    for name in torchvision_names():
        yield torchvision_row(name)


@cache
def torchvision_names() -> tuple[str, ...]:
    """Return the names of torchvision's ImageNet classifiers."""
    # Without the module, networks for detection, segmentation and video would be listed, too.
    return tuple(torchvision.models.list_models(module=torchvision.models))


@cache
def torchvision_row(name: str) -> Backbone:
    return _row(name, _first_weights(name))


def _first_weights(name: str) -> Any:
    """Return the first recipe (V1): later ones are reported to transfer worse when frozen.

    Without a V1, those for the smallest images: the largest need a cluster.
    """
    known = torchvision.models.get_model_weights(name)
    first = known.__members__.get("IMAGENET1K_V1")
    return first or min(known, key=lambda weights: weights.transforms().crop_size)


def _row(name: str, weights: Any) -> Backbone:
    prefix = next(prefix for prefix in _FAMILIES if name.startswith(prefix))
    family = _FAMILIES[prefix]
    meta = weights.meta
    words = name.removeprefix(prefix).strip("_").split("_")
    return Backbone(
        name=name,
        title=family.title + family.between.join(map(_spell, words)),
        description=family.sentence,
        library="torchvision",
        family=prefix,
        classifier=family.classifier,
        parameters=meta["num_params"],
        # torchvision publishes billions.
        flops=meta["_ops"] * 1e9,
        # Division would leave binary noise behind the published digits.
        top1=round(meta["_metrics"]["ImageNet-1K"]["acc@1"] / 100, 5),
        top1_source=f"torchvision, {weights.name}",
        preprocessing=_preprocessing(prefix, weights.transforms()),
        min_size=meta["min_size"][0],
        weights=Weights(
            source=f"torchvision, {weights.name}",
            # Only weights with terms of their own, such as SWAG's, state them.
            licence=meta.get("license", _IMAGENET_LICENCE),
            url=weights.url,
        ),
    )


def _spell(word: str) -> str:
    """Spell a word of a model's name as papers do: Tiny, B0, 400MF, 32x4d."""
    if word.isalpha() and len(word) > 2:
        return word.capitalize()
    return word if "x" in word or re.fullmatch(r"v\d", word) else word.upper()


def _preprocessing(family: str, transforms: Any) -> Preprocessing:
    mean = tuple(transforms.mean)
    std = tuple(transforms.std)
    # Equivalent to the `transform_input` of these networks, which is switched off.
    if family in ("googlenet", "inception"):
        mean = std = _HALF
    (size,) = transforms.crop_size
    (resize,) = transforms.resize_size
    return Preprocessing(size, resize, mean, std, transforms.interpolation.value)
