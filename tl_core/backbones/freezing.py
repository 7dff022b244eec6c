"""Freezing: by stage, by number of layers or by module name."""

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
    """Return the part that `config` freezes in the last phase.

    Raises:
        ConfigError: more stages or layers than there are, or a name without a match.
    """
    leaves = _leaves_by_stage(backbone)
    if config.frozen_layers is None:
        stages = _count_stages(backbone, config.frozen_stages, len(leaves))
        names: set[str] = set()
    else:
        stages = 0
        names = _first_layers(backbone, config.frozen_layers)
    for pattern in config.frozen_names:
        names |= _matching(backbone, pattern)
    prefixes = tuple(f"{name}." for name in names)
    frozen = {
        leaf for stage in leaves for leaf in stage if leaf in names or leaf.startswith(prefixes)
    }
    # Layers or names that cover a whole stage freeze it as such, so that it joins the prefix.
    while names and stages < len(leaves) and _has_all_weights(frozen, leaves[stages]):
        stages += 1
    return Frozen(stages, frozenset(frozen.difference(*leaves[:stages])))


def freeze(model: TransferModel, frozen: Frozen, batch_norm: str = "frozen") -> None:
    """Freeze that part: no gradients, and eval mode even while the rest trains.

    Args:
        batch_norm: "adapt" lets frozen BatchNorm update its running statistics.
    """
    # An earlier phase may have frozen more.
    model.requires_grad_(True)
    model.frozen = frozen
    model.batch_norm = batch_norm
    model.still = []
    for i, stage in enumerate(model.stages):
        for name, leaf in list_leaves(stage):
            if i < frozen.stages or name in frozen.modules:
                leaf.requires_grad_(False)
        # Blocks are listed, too: some pass their own mode to functional dropout, as DenseNet's do.
        model.still += [
            m
            for name, m in stage.named_modules()
            if i < frozen.stages or _is_frozen(stage, name, frozen)
        ]
    # Puts what is now frozen into eval mode, and leaves the rest as it was.
    model.train(model.training)


def count_parameters(backbone: Backbone, config: ModelConfig, n_classes: int) -> tuple[int, int]:
    """Count (trainable in the last phase, all) parameters of a model without building it."""
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
    """Yield the modules without children, and the parameters in no such module, by name."""
    for name, module in stage.named_modules():
        # A plain nn.Module stands for a module that is spread over several stages.
        is_container = type(module) is nn.Module
        if name and not is_container and not any(module.children()):
            yield name, module
        else:
            yield from module.named_parameters(prefix=name, recurse=False)


@lru_cache(maxsize=256)
def _leaves_by_stage(backbone: Backbone) -> tuple[dict[str, int], ...]:
    """Return the leaves of each stage with their numbers of weights."""
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
    """Return True if all leaves of the module are frozen."""
    if not frozen.modules:
        return False
    prefix = f"{name}." if name else ""
    inside = [leaf for leaf, _ in list_leaves(stage) if leaf == name or leaf.startswith(prefix)]
    return bool(inside) and frozen.modules.issuperset(inside)


def _has_all_weights(frozen: Iterable[str], leaves: dict[str, int]) -> bool:
    # Leaves without weights, such as activations, need not be named.
    return {leaf for leaf, weights in leaves.items() if weights}.issubset(frozen)


def _count_stages(backbone: Backbone, asked: int | str, total: int) -> int:
    """Turn "all", or a number counted from the top, into a number of stages from the input."""
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
    # Operations such as add are named by their kind; they are no modules and hold no weights.
    return {layer.name for layer in layers[:number] if layer.name != layer.kind}


def _matching(backbone: Backbone, pattern: str) -> set[str]:
    names = _all_names(backbone)
    # `fnmatch` would ignore case on Windows.
    found = {name for name in names if fnmatchcase(name, pattern)}
    if not found:
        # A low cutoff, as what people type is often only part of a dotted name.
        near = get_close_matches(pattern.replace("*", ""), names, 3, 0.3) or sorted(names)[:3]
        raise ConfigError(
            f"Frozen names: {pattern!r} is no layer of {backbone.name}; it has {', '.join(near)} …"
        )
    return found


@lru_cache(maxsize=256)
def _all_names(backbone: Backbone) -> tuple[str, ...]:
    """Return the names of all modules, and of the parameters in no leaf module."""
    stages = stages_without_weights(backbone)
    modules = [name for stage in stages for name, _ in stage.named_modules() if name]
    return tuple(
        dict.fromkeys([*modules, *(leaf for stage in stages for leaf, _ in list_leaves(stage))])
    )
