"""What a backbone is made of, found out without its weights: stages, layers, shapes, multiply-adds."""

from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import nn

from tl_core.backbones.catalog import Backbone
from tl_core.backbones.layers import Work, note_layers
from tl_core.backbones.library import build_library_model
from tl_core.backbones.stages import Stages, channels_first, find_stages
from tl_core.backbones.tracing import cut, find_units, trace
from tl_core.errors import ConfigError

_GRIDS = (14, 16, 32)
"""Networks that cut images into patches or windows take multiples of one of these."""
_TRIES = 12


@dataclass(frozen=True, slots=True)
class StageInfo:
    name: str
    parameters: int
    shape: tuple[int, ...]
    """Of its output without the batch: (channels, height, width), (tokens, width), or (features,)."""
    layers: int
    """Layers, as Keras counts them, from the input up to and including this stage."""
    values: int
    """That its operations compute for one image: rather more than what training it has to keep in memory."""


@dataclass(frozen=True, slots=True)
class LayerInfo:
    name: str
    """The library's dotted name, or the operation, such as add."""
    kind: str
    """The module's class, or the operation again."""
    stage: int


@dataclass(frozen=True, slots=True)
class Anatomy:
    stages: tuple[StageInfo, ...]
    layers: tuple[LayerInfo, ...]
    """In the order they run, as Keras counts them: the input first; without our pooling and head."""
    features: int
    """Width of what the head sees."""
    multiply_adds: int
    """For one image."""


def anatomy(backbone: Backbone, image_size: int | None = None) -> Anatomy:
    """What the backbone is made of, for images of that side in pixels; its own where None. Cached.

    Raises:
        ConfigError: it cannot take images of that size.
    """
    return _anatomy(backbone, image_size or backbone.preprocessing.size)


def stages_without_weights(backbone: Backbone, image_size: int | None = None) -> list[nn.Module]:
    """Its stages on the meta device."""
    with torch.device("meta"):
        stages, _ = cut_into_stages(backbone, build_library_model(backbone, image_size).eval())
    return stages


def cut_into_stages(backbone: Backbone, library_model: nn.Module) -> tuple[list[nn.Module], bool]:
    """The library's modules as stages, sharing its weights, and whether the last hands on features [B, F].

    Otherwise it hands on a map [B, C, H, W].
    """
    found = _find_stages(backbone)
    if found is None:
        library_model.reset_classifier(0)  # type: ignore[operator]
        return [library_model], True
    return cut(library_model, trace(backbone, library_model), list(found.ends)), found.pooled


def stage_names(backbone: Backbone) -> tuple[str, ...]:
    """From the input."""
    found = _find_stages(backbone)
    return found.names if found else ("whole",)


@lru_cache(maxsize=256)
def _find_stages(backbone: Backbone) -> Stages | None:
    """None where the network cannot be traced: it is one stage then. Does not depend on the image's size."""
    side = backbone.preprocessing.size
    with torch.device("meta"):
        network = build_library_model(backbone).eval()
        try:
            graph = trace(backbone, network)
            return find_stages(
                find_units(network, graph, torch.empty(1, 3, side, side)), backbone.library
            )
        except Exception:  # as tracing, too, may raise anything
            if backbone.library == "torchvision":
                raise
            return None


@lru_cache(maxsize=512)
def _anatomy(backbone: Backbone, size: int) -> Anatomy:
    try:
        return _examine(backbone, size)
    except Exception as error:  # each network refuses a size in its own way
        if size == backbone.preprocessing.size:
            raise
        raise ConfigError(_say_what_is_possible(backbone, size, error)) from error


@torch.inference_mode(False)  # in a caller's inference mode nothing would be counted
@torch.no_grad()
def _examine(backbone: Backbone, size: int) -> Anatomy:
    names, modules = stage_names(backbone), stages_without_weights(backbone, size)
    stages, layers = list[StageInfo](), [LayerInfo("input", "Input", 0)]
    with torch.device("meta"), Work() as counted:
        image = torch.empty(1, 3, size, size)
        for name, stage in zip(names, modules, strict=True):
            before = counted.values
            inside, image = note_layers(stage, image)
            layers += [LayerInfo(layer, kind, len(stages)) for layer, kind in inside]
            shape = channels_first(tuple(image.shape[1:]))
            if not image.numel():
                raise ValueError("nothing is left of the image")
            parameters = sum(p.numel() for p in stage.parameters())
            stages.append(StageInfo(name, parameters, shape, len(layers), counted.values - before))
    return Anatomy(tuple(stages), tuple(layers), stages[-1].shape[0], counted.multiply_adds)


def _say_what_is_possible(backbone: Backbone, size: int, error: Exception) -> str:
    below = next(
        (side for side in _near(backbone, size) if side < size and _takes(backbone, side)), None
    )
    above = next(
        (side for side in _near(backbone, size) if side > size and _takes(backbone, side)), None
    )
    near = " or ".join(str(side) for side in (below, above) if side)
    if not near:
        return f"Image size: {size} is not possible for {backbone.name} ({error}), nor is any size near it."
    return f"Image size: {size} is not possible for {backbone.name}; the nearest that it takes: {near}."


def _near(backbone: Backbone, size: int) -> list[int]:
    """Sizes worth trying, the nearest first; few, since each try builds the network."""
    own = backbone.preprocessing.size
    grids = sorted(
        {step * n for step in _GRIDS for n in range(1, 80)}, key=lambda side: abs(side - size)
    )
    known = {own, 2 * own, backbone.min_size, *grids[:_TRIES]}
    return sorted((side for side in known if side >= 16), key=lambda side: abs(side - size))


def _takes(backbone: Backbone, size: int) -> bool:
    try:
        _examine(backbone, size)
    except Exception:
        return False
    return True
