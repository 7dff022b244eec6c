"""From a row of the catalogue to a network that can be trained, frozen and cut in two."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from tl_core.backbones.anatomy import anatomy, cut_into_stages
from tl_core.backbones.catalog import Backbone
from tl_core.backbones.heads import make_head
from tl_core.config import ModelConfig


@dataclass(frozen=True, slots=True)
class Frozen:
    """What is kept as it is."""

    stages: int
    """Whole stages, counted from the input."""
    modules: frozenset[str] = frozenset()
    """Beyond those, by the library's dotted names: modules without children, and weights that lie in no such module."""


class TransferModel(nn.Module):
    """A backbone's stages, pooling, and a head of our own.

    Maps images, float [B, 3, H, W], normalised as the backbone wants, to logits, float [B, classes].
    """

    def __init__(self, stages: Sequence[nn.Module], pool: nn.Module, head: nn.Module) -> None:
        super().__init__()
        self.stages = nn.Sequential(*stages)
        self.pool = pool
        self.head: nn.Module = head
        self.frozen = Frozen(0)
        self.batch_norm = "frozen"
        self.still: list[nn.Module] = []
        """Frozen modules, which stay in eval mode."""

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.head(self.features(images))
        return logits

    def features(self, inputs: Tensor) -> Tensor:
        """What enters the head: pooled, float [B, features]."""
        pooled: Tensor = self.pool(self.stages(inputs))
        return pooled

    def train(self, mode: bool = True) -> "TransferModel":
        """What is frozen stays in eval mode: no dropout, and BatchNorm's averages do not move unless told to."""
        super().train(mode)
        self._keep_still()
        return self

    @property
    def features_stand_still(self) -> bool:
        """True where nothing in front of the head learns."""
        return self.frozen.stages == len(self.stages) and not self._adapts()

    def split(self) -> tuple[nn.Module, "Rest"]:
        """(constant frozen prefix, rest), sharing this model's weights. Pooling is constant when all stages are.

        The prefix is empty, and gives back its input, where no stage is frozen or its BatchNorm adapts.
        """
        n = 0 if self._adapts() else self.frozen.stages
        prefix, rest = list(self.stages[:n]), list(self.stages[n:])
        (rest if rest else prefix).append(self.pool)
        return nn.Sequential(*prefix).eval(), Rest([*rest, self.head], self._keep_still)

    def _adapts(self) -> bool:
        return self.batch_norm == "adapt" and any(isinstance(m, _BatchNorm) for m in self.still)

    def _keep_still(self, mode: bool | None = None) -> None:
        may_adapt = self.batch_norm == "adapt" and (self.training if mode is None else mode)
        for module in self.still:
            adapts = may_adapt and isinstance(module, _BatchNorm)
            if (
                module.training != adapts
            ):  # setting what is set already takes ten times as long as looking
                module.training = adapts


class Rest(nn.Sequential):
    """What follows the prefix, down to the head; frozen modules inside it stay in eval mode here, too."""

    def __init__(self, modules: Sequence[nn.Module], keep_still: Callable[[bool], None]) -> None:
        super().__init__(*modules)
        self._keep_still = keep_still

    @property
    def head(self) -> nn.Module:
        return self[-1]

    def features(self, inputs: Tensor) -> Tensor:
        """What enters the head: the inputs themselves where nothing else is left."""
        for module in list(self)[:-1]:
            inputs = module(inputs)
        return inputs

    def train(self, mode: bool = True) -> "Rest":
        super().train(mode)
        self._keep_still(mode)
        return self


def build_model(
    backbone: Backbone, config: ModelConfig, n_classes: int, library_model: nn.Module
) -> TransferModel:
    """Put our head on the library's network, whose weights are shared. Freezes nothing yet.

    Raises:
        ConfigError: the backbone cannot take the image size, or the head cannot have that output.
    """
    head = make_head(anatomy(backbone, config.image_size).features, n_classes, config)
    stages, pooled = cut_into_stages(backbone, library_model)
    pool = nn.Flatten() if pooled else nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
    return TransferModel(stages, pool, head)


def parameters_by_part(model: TransferModel) -> tuple[tuple[nn.Parameter, ...], ...]:
    """The weights of each stage, then of the head; trainable or not."""
    return tuple(tuple(part.parameters()) for part in (*model.stages, model.head))


def digest_of_weights(network: nn.Module) -> str:
    """Of everything its output depends on in eval mode."""
    hashed = hashlib.sha256()
    for name, tensor in chain(network.named_parameters(), network.named_buffers()):
        if not name.endswith("num_batches_tracked"):
            hashed.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
            hashed.update(
                tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().data
            )
    return hashed.hexdigest()
