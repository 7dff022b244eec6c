"""Smallest member of every family, and the smallest images that it accepts."""

from collections.abc import Iterable

import pytest
import torch
from torch import Tensor, nn

from tl_core.backbones import Backbone, build_library_model, get_backbone

FAMILIES = {
    "alexnet": 63,
    "vgg11_bn": 32,
    "resnet18": 32,
    "googlenet": 32,
    "inception_v3": 75,
    "mobilenet_v2": 32,
    "mobilenet_v3_small": 32,
    "efficientnet_b0": 32,
    "efficientnet_v2_s": 33,
    "densenet121": 32,
    "squeezenet1_1": 32,
    "shufflenet_v2_x0_5": 32,
    "convnext_tiny": 32,
    "regnet_y_400mf": 32,
    "mnasnet0_5": 32,
    "swin_t": 32,
    "swin_v2_t": 32,
    "vit_b_32": 64,
    "maxvit_t": 224,
    "tf_efficientnet_lite0": 32,
    "convnext_atto": 32,
    "deit_tiny_distilled_patch16_224": 32,
    "hrnet_w18_small": 64,
    "mobilenetv4_conv_small": 32,
    "swin_tiny_patch4_window7_224": 224,
    "test_vit": 32,
    "vit_tiny_patch16_224": 32,
}
"""Side of the images in pixels, by name: torchvision's families, then some of timm's."""

USUAL = ("tf_efficientnet_lite0", "resnet18", "test_vit")
"""Default backbone, another convolutional network of torchvision and a vision transformer."""


def every_family(
    usual: Iterable[str] = USUAL, names: Iterable[str] = tuple(FAMILIES)
) -> pytest.MarkDecorator:
    """Parametrise a test with the `name` of each family; the unusual ones are marked slow."""
    values = [pytest.param(name, marks=[] if name in usual else pytest.mark.slow) for name in names]
    return pytest.mark.parametrize("name", values)


def library_model(name: str, image_size: int | None = None) -> nn.Module:
    """Build the library's network with random weights and BatchNorm statistics, in eval mode."""
    torch.manual_seed(1)
    model = build_library_model(get_backbone(name), image_size or FAMILIES[name]).eval()
    for module in model.modules():
        # Initial statistics are 0 and 1 everywhere, which would hide an exchange.
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.8, 1.2)
    return model


def library_features(backbone: Backbone, model: nn.Module, images: Tensor) -> Tensor:
    """Return the input of the library's classifier [B, F]. Changes the model."""
    if backbone.library == "timm":
        return model.forward_head(model.forward_features(images), pre_logits=True).flatten(1)
    parent, _, last = backbone.classifier.rpartition(".")
    setattr(model.get_submodule(parent), last, nn.Identity())
    # Their classifier works on a grid of positions; elsewhere features are means.
    if backbone.family in ("vgg", "alexnet"):
        model.avgpool = nn.AdaptiveAvgPool2d(1)
    # Its classifier does the pooling; without it, a flattened map remains.
    if backbone.family == "squeezenet":
        return model(images).unflatten(1, (512, -1)).mean(2)
    return model(images)


def images_for(name: str, n: int = 2) -> Tensor:
    return torch.randn(
        n, 3, FAMILIES[name], FAMILIES[name], generator=torch.Generator().manual_seed(2)
    )
