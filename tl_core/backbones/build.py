"""Transfer models: a backbone's stages, pooling and a new head, which can be frozen and split."""

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
    """Frozen part of a network."""

    stages: int
    """Number of whole frozen stages, counted from the input."""
    modules: frozenset[str] = frozenset()
    """Other frozen modules without children, or parameters in no such module, by dotted name."""


class TransferModel(nn.Module):
    """Backbone stages, global pooling and a new head.

    Maps normalised images, float [B, 3, H, W], to logits, float [B, classes].
    """

    def __init__(self, stages: Sequence[nn.Module], pool: nn.Module, head: nn.Module) -> None:
        super().__init__()
        self.stages = nn.Sequential(*stages)
        self.pool = pool
        self.head: nn.Module = head
        self.frozen = Frozen(0)
        self.batch_norm = "frozen"
        self.still: list[nn.Module] = []
        """Frozen modules; they stay in eval mode."""

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.head(self.features(images))
        return logits

    def features(self, inputs: Tensor) -> Tensor:
        """Compute the pooled features that enter the head, float [B, features]."""
        pooled: Tensor = self.pool(self.stages(inputs))
        return pooled

    def train(self, mode: bool = True) -> "TransferModel":
        """Set train or eval mode; frozen modules stay in eval mode, so their BatchNorm is fixed."""
        super().train(mode)
        self._keep_still()
        return self

    @property
    def features_stand_still(self) -> bool:
        """Return True if nothing in front of the head learns."""
        return self.frozen.stages == len(self.stages) and not self._adapts()

    def split(self) -> tuple[nn.Module, "Rest"]:
        """Split into the frozen prefix and the rest, which share this model's weights.

        Pooling belongs to the prefix when all stages do. The prefix is empty, and returns its
        input, if no stage is frozen or if frozen BatchNorm adapts.
        """
        n_frozen = 0 if self._adapts() else self.frozen.stages
        prefix = list(self.stages[:n_frozen])
        rest = list(self.stages[n_frozen:])
        last_part = rest or prefix
        last_part.append(self.pool)
        # A bound method is passed, since the model as an attribute would become a part of its part.
        return nn.Sequential(*prefix).eval(), Rest([*rest, self.head], self._keep_still)

    def _adapts(self) -> bool:
        return self.batch_norm == "adapt" and any(isinstance(m, _BatchNorm) for m in self.still)

    def _keep_still(self, mode: bool | None = None) -> None:
        may_adapt = self.batch_norm == "adapt" and (self.training if mode is None else mode)
        for module in self.still:
            adapts = may_adapt and isinstance(module, _BatchNorm)
            # Setting an attribute of a module takes ten times as long as reading it.
            if module.training != adapts:
                module.training = adapts


class Rest(nn.Sequential):
    """Rest of a model behind the frozen prefix, with its head; frozen modules stay in eval mode."""

    def __init__(self, modules: Sequence[nn.Module], keep_still: Callable[[bool], None]) -> None:
        super().__init__(*modules)
        self._keep_still = keep_still

    @property
    def head(self) -> nn.Module:
        return self[-1]

    def features(self, inputs: Tensor) -> Tensor:
        """Compute the features that enter the head: the inputs, if only the head is left."""
        # A slice of an nn.Sequential would construct another `Rest`.
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
    """Put a new head on the library's network and share its weights; nothing is frozen yet.

    Raises:
        ConfigError: the backbone cannot take the image size, or the head cannot have that output.
    """
    head = make_head(anatomy(backbone, config.image_size).features, n_classes, config)
    stages, pooled = cut_into_stages(backbone, library_model)
    pool = nn.Flatten() if pooled else nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
    return TransferModel(stages, pool, head)


def parameters_by_part(model: TransferModel) -> tuple[tuple[nn.Parameter, ...], ...]:
    """Return the parameters of each stage, then of the head, trainable or not."""
    return tuple(tuple(part.parameters()) for part in (*model.stages, model.head))


def digest_of_weights(network: nn.Module) -> str:
    """Return the SHA-256 of all tensors that the output depends on in eval mode."""
    hashed = hashlib.sha256()
    # Not from the state dict, which lacks non-persistent buffers.
    for name, tensor in chain(network.named_parameters(), network.named_buffers()):
        # BatchNorm's counter of mini-batches changes no output in eval mode.
        if not name.endswith("num_batches_tracked"):
            hashed.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
            # Flattened first, as a scalar cannot be viewed as bytes.
            flat = tensor.detach().cpu().contiguous().reshape(-1)
            hashed.update(flat.view(torch.uint8).numpy().data)
    return hashed.hexdigest()
