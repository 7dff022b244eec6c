"""Names of a run's modules and weights in train.py."""

from collections.abc import Iterator

from torch import nn

from tl_core.backbones import Backbone, TransferModel, list_leaves

_TIMM_PREFIX = "backbone."
"""Name in train.py of timm's network, which is built without its classifier."""


def head_name(backbone: Backbone) -> str:
    """Return the head's name: beside timm's backbone, or in place of torchvision's classifier."""
    if backbone.library == "timm":
        return "head"
    # SqueezeNet's classifier also pools, so the head is the third layer of it.
    return f"{backbone.classifier}.2" if backbone.family == "squeezenet" else backbone.classifier


def weight_name(backbone: Backbone, name: str) -> str:
    """Translate a name of `TransferModel`, such as `stages.2.conv1.weight`, to train.py's."""
    if name.startswith("head."):
        return f"{head_name(backbone)}.{name.removeprefix('head.')}"
    # Without `stages.<number>.`, which only `TransferModel` adds.
    return _in_backbone(backbone, name.split(".", 2)[2])


def stage_names(backbone: Backbone, model: TransferModel) -> list[list[str]]:
    """Return the names of each stage's modules, cut to the shortest that differ between stages."""
    by_stage = [
        [name for name, _ in (*stage.named_parameters(), *_without_weights(stage))]
        for stage in model.stages
    ]
    # timm's head lies beside the backbone, so that no module of the backbone contains it.
    head = [] if backbone.library == "timm" else [head_name(backbone)]
    names_by_stage = []
    for own in by_stage:
        others = [*head, *(name for other in by_stage if other is not own for name in other)]
        names = dict.fromkeys(_shortest(name, others) for name in own)
        names_by_stage.append([_in_backbone(backbone, name) for name in names])
    return names_by_stage


def frozen_names(backbone: Backbone, model: TransferModel, frozen: frozenset[str]) -> list[str]:
    """Return the largest modules all of whose layers are frozen, by name."""
    layers = [name for stage in model.stages for name, _ in list_leaves(stage)]
    trained = [name for name in layers if name not in frozen]
    # A dictionary removes duplicates and keeps the order.
    names = dict.fromkeys(_shortest(name, trained) for name in sorted(frozen))
    return [_in_backbone(backbone, name) for name in names]


def _in_backbone(backbone: Backbone, name: str) -> str:
    return _TIMM_PREFIX + name if backbone.library == "timm" else name


def _without_weights(stage: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """Yield layers without weights: freezing matters to some of them, such as dropout."""
    for name, module in stage.named_modules():
        is_layer = not [*module.children(), *module.parameters()]
        if is_layer and type(module) not in (nn.Identity, nn.Module):
            yield name, module


def _shortest(name: str, others: list[str]) -> str:
    """Return the shortest leading part of a dotted name that none of `others` begins with."""
    parts = name.split(".")
    for n in range(1, len(parts)):
        start = ".".join(parts[:n])
        # With dots, so that `layer1` is not taken for the start of `layer10`.
        if not any(f"{other}.".startswith(f"{start}.") for other in others):
            return start
    return name
