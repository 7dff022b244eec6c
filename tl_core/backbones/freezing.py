"""What is kept as it is: whole stages, the first layers, or modules by name."""

from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from fnmatch import fnmatchcase
from functools import lru_cache

from torch import nn

from tl_core.backbones.anatomy import anatomy, stages_without_weights
from tl_core.backbones.build import Frozen, TransferModel
from tl_core.backbones.catalog import Backbone
from tl_core.backbones.heads import head_parameters
from tl_core.config import ModelConfig
from tl_core.errors import ConfigError


def resolve_frozen(backbone: Backbone, config: ModelConfig) -> Frozen:
    """What `config` keeps frozen at the end.

    Raises:
        ConfigError: more stages or layers than there are, or a name that nothing has.
    """
    leaves = _leaves_by_stage(backbone)
    if config.frozen_layers is None:
        stages, names = _count_stages(backbone, config.frozen_stages, len(leaves)), set[str]()
    else:
        stages, names = 0, _first_layers(backbone, config.frozen_layers)
    for pattern in config.frozen_names:
        names |= _matching(backbone, pattern)
    frozen = {
        leaf
        for stage in leaves
        for leaf in stage
        if any(leaf == n or leaf.startswith(n + ".") for n in names)
    }
    while names and stages < len(leaves) and _has_all_weights(frozen, leaves[stages]):
        stages += 1
    return Frozen(stages, frozenset(frozen.difference(*leaves[:stages])))


def freeze(model: TransferModel, frozen: Frozen, batch_norm: str = "frozen") -> None:
    """No gradients for what is frozen, and eval mode whenever the rest trains; all else learns.

    Args:
        batch_norm: "adapt" lets frozen BatchNorm go on averaging over what it sees.
    """
    model.requires_grad_(True)
    model.frozen, model.batch_norm, model.still = frozen, batch_norm, []
    for i, stage in enumerate(model.stages):
        for name, leaf in list_leaves(stage):
            if i < frozen.stages or name in frozen.modules:
                leaf.requires_grad_(False)
        model.still += [
            m
            for name, m in stage.named_modules()
            if i < frozen.stages or _is_frozen(stage, name, frozen)
        ]
    model.train(model.training)


def count_parameters(backbone: Backbone, config: ModelConfig, n_classes: int) -> tuple[int, int]:
    """(trainable at the end, all) weights and biases of the model that `config` describes, without building it."""
    frozen = resolve_frozen(backbone, config)
    whole = anatomy(backbone, config.image_size)
    head = head_parameters(whole.features, n_classes, config)
    trainable = sum(
        stage.parameters - sum(count for leaf, count in leaves.items() if leaf in frozen.modules)
        for stage, leaves in zip(
            whole.stages[frozen.stages :], _leaves_by_stage(backbone)[frozen.stages :], strict=True
        )
    )
    return trainable + head, sum(stage.parameters for stage in whole.stages) + head


def list_leaves(stage: nn.Module) -> Iterator[tuple[str, nn.Module | nn.Parameter]]:
    """Its modules without children, and the weights that lie in no such module, by name."""
    for name, module in stage.named_modules():
        is_container = (
            type(module) is nn.Module
        )  # stands in for a module that is spread over several stages
        if name and not is_container and not any(module.children()):
            yield name, module
        else:
            yield from module.named_parameters(prefix=name, recurse=False)


@lru_cache(maxsize=256)
def _leaves_by_stage(backbone: Backbone) -> tuple[dict[str, int], ...]:
    """For each stage its leaves and their numbers of weights."""
    return tuple(
        {
            name: leaf.numel() if isinstance(leaf, nn.Parameter) else _size(leaf)
            for name, leaf in list_leaves(stage)
        }
        for stage in stages_without_weights(backbone)
    )


def _size(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def _is_frozen(stage: nn.Module, name: str, frozen: Frozen) -> bool:
    """Whether all leaves of that module are."""
    if not frozen.modules:
        return False
    inside = [
        leaf
        for leaf, _ in list_leaves(stage)
        if leaf == name or leaf.startswith(f"{name}." if name else "")
    ]
    return bool(inside) and frozen.modules.issuperset(inside)


def _has_all_weights(frozen: Iterable[str], leaves: dict[str, int]) -> bool:
    return {leaf for leaf, weights in leaves.items() if weights}.issubset(frozen)


def _count_stages(backbone: Backbone, asked: int | str, total: int) -> int:
    """ "all" and numbers counted from the top, as a number of stages from the input."""
    if asked == "all":
        return total
    number = int(asked)
    if abs(number) > total:
        raise ConfigError(
            f"Frozen stages: {number} is too many; {backbone.name} has {total} stages."
        )
    return number if number >= 0 else total + number


def _first_layers(backbone: Backbone, number: int) -> set[str]:
    layers = anatomy(backbone).layers
    if number > len(layers):
        raise ConfigError(
            f"Frozen layers: {number} is too many; {backbone.name} has {len(layers)} layers."
        )
    return {layer.name for layer in layers[:number] if layer.name != layer.kind}


def _matching(backbone: Backbone, pattern: str) -> set[str]:
    names = _all_names(backbone)
    found = {name for name in names if fnmatchcase(name, pattern)}
    if not found:
        near = get_close_matches(pattern.replace("*", ""), names, 3, 0.3) or sorted(names)[:3]
        raise ConfigError(
            f"Frozen names: {pattern!r} is no layer of {backbone.name}; it has {', '.join(near)} …"
        )
    return found


@lru_cache(maxsize=256)
def _all_names(backbone: Backbone) -> tuple[str, ...]:
    """Of every module, and of the weights that lie in none."""
    stages = stages_without_weights(backbone)
    modules = [name for stage in stages for name, _ in stage.named_modules() if name]
    return tuple(
        dict.fromkeys([*modules, *(leaf for stage in stages for leaf, _ in list_leaves(stage))])
    )
