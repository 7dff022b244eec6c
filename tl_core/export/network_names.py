"""Names that the parts of a run's network have in train.py."""

from collections.abc import Iterator

from torch import nn

from tl_core.backbones import Backbone, TransferModel, list_leaves

_TIMM_PREFIX = "backbone."
"""train.py puts timm's network, without its classifier, under this name."""


def head_name(backbone: Backbone) -> str:
    """Name of the head: beside timm's backbone, or in place of torchvision's classifier."""
    if backbone.library == "timm":
        return "head"
    return f"{backbone.classifier}.2" if backbone.family == "squeezenet" else backbone.classifier


def weight_name(backbone: Backbone, name: str) -> str:
    """A weight of `TransferModel`, such as `stages.2.conv1.weight`, by its name in train.py."""
    if name.startswith("head."):
        return f"{head_name(backbone)}.{name.removeprefix('head.')}"
    return _in_backbone(backbone, name.split(".", 2)[2])


def stage_names(backbone: Backbone, model: TransferModel) -> list[list[str]]:
    """Names of each stage's modules and weights, as short as tells the stages apart."""
    by_stage = [
        [name for name, _ in (*stage.named_parameters(), *_without_weights(stage))]
        for stage in model.stages
    ]
    head = [] if backbone.library == "timm" else [head_name(backbone)]
    found = []
    for own in by_stage:
        others = [*head, *(name for other in by_stage if other is not own for name in other)]
        names = dict.fromkeys(_shortest(name, others) for name in own)
        found.append([_in_backbone(backbone, name) for name in names])
    return found


def frozen_names(backbone: Backbone, model: TransferModel, frozen: frozenset[str]) -> list[str]:
    """Names of the largest modules that are frozen whole, such as a BatchNorm with activation."""
    learning = [
        name for stage in model.stages for name, _ in list_leaves(stage) if name not in frozen
    ]
    names = dict.fromkeys(_shortest(name, learning) for name in sorted(frozen))
    return [_in_backbone(backbone, name) for name in names]


def _in_backbone(backbone: Backbone, name: str) -> str:
    return _TIMM_PREFIX + name if backbone.library == "timm" else name


def _without_weights(stage: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """Layers without weights; some of them drop at random in training."""
    for name, module in stage.named_modules():
        is_layer = not [*module.children(), *module.parameters()]
        if is_layer and type(module) not in (nn.Identity, nn.Module):
            yield name, module


def _shortest(name: str, others: list[str]) -> str:
    """Shortest leading part of a dotted name that is not, and does not contain, any of `others`."""
    parts = name.split(".")
    starts = (".".join(parts[:n]) for n in range(1, len(parts)))
    return next(
        (s for s in starts if not any(other == s or other.startswith(f"{s}.") for other in others)),
        name,
    )
