"""From a row of the catalogue to a network that can be trained, frozen and cut in two."""

from collections.abc import Sequence
from functools import cache

import timm
import torch
import torchvision
from torch import Tensor, nn

from tl_core.backbones.catalog import Backbone
from tl_core.backbones.heads import make_head
from tl_core.config import ModelConfig
from tl_core.errors import ConfigError


class TransferModel(nn.Module):
    """A backbone's stages, global average pooling, and a head of our own.

    Maps images, float [B, 3, H, W], normalised as the backbone wants, to logits, float [B, classes].
    """

    def __init__(self, stages: Sequence[nn.Module], head: nn.Module) -> None:
        super().__init__()
        self.stages = nn.Sequential(*stages)
        self.pool = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.head = head
        self.frozen_stages = 0

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.head(self.pool(self.stages(images)))
        return logits

    def train(self, mode: bool = True) -> "TransferModel":
        """Frozen stages stay in eval mode, so that their BatchNorm statistics do not move."""
        super().train(mode)
        self.stages[: self.frozen_stages].eval()
        return self

    def split(self) -> tuple[nn.Module, nn.Module]:
        """(frozen prefix, trainable rest), sharing this model's weights. Pooling is frozen when all stages are."""
        prefix, rest = list(self.stages[: self.frozen_stages]), list(self.stages[self.frozen_stages :])
        (rest if rest else prefix).append(self.pool)
        return nn.Sequential(*prefix).eval(), nn.Sequential(*rest, self.head)


def build_library_model(backbone: Backbone) -> nn.Module:
    """The library's own network, with fresh random weights and its classifier."""
    if backbone.library == "timm":
        model: nn.Module = timm.create_model(backbone.name, pretrained=False)
    else:
        model = torchvision.models.get_model(backbone.name, weights=None)
    return model


def stage_modules(backbone: Backbone, library_model: nn.Module) -> list[nn.Sequential]:
    """The library's modules, regrouped into our stages; they keep their weights."""
    return [nn.Sequential(*map(library_model.get_submodule, stage.modules)) for stage in backbone.stages]


def build_model(backbone: Backbone, config: ModelConfig, n_classes: int, library_model: nn.Module) -> TransferModel:
    """Put our head on the library's network. Freezes nothing yet."""
    head = make_head(backbone.features, n_classes, hidden_units=config.hidden_units, dropout=config.dropout)
    return TransferModel(stage_modules(backbone, library_model), head)


def resolve_frozen_stages(backbone: Backbone, frozen_stages: int | str) -> int:
    """ "all" as a number.

    Raises:
        ConfigError: more stages than the backbone has.
    """
    total = len(backbone.stages)
    if frozen_stages == "all":
        return total
    if int(frozen_stages) > total:
        raise ConfigError(f"--frozen-stages: {frozen_stages} is too many; {backbone.name} has {total} stages.")
    return int(frozen_stages)


@cache
def stage_shapes(backbone: Backbone) -> tuple[tuple[int, tuple[int, int, int]], ...]:
    """For each stage its parameter count and output shape (channels, height, width). Costs no memory: no weights."""
    side, found = backbone.preprocessing.size, []
    with torch.device("meta"):
        image = torch.empty(1, 3, side, side)
        for stage in stage_modules(backbone, build_library_model(backbone).eval()):
            image = stage(image)
            _, channels, height, width = image.shape
            found.append((sum(p.numel() for p in stage.parameters()), (channels, height, width)))
    return tuple(found)
