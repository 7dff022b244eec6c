"""Anatomy of a backbone, found without its weights: stages, layers, shapes, multiply-adds."""

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
"""Patch and window sizes: networks with either take image sizes that are multiples of one."""
_TRIES = 12


@dataclass(frozen=True, slots=True)
class StageInfo:
    name: str
    parameters: int
    shape: tuple[int, ...]
    """Output shape of one image: (channels, height, width), (tokens, width) or (features,)."""
    layers: int
    """Number of layers up to and including this stage, counted as Keras counts them."""
    values: int
    """Numbers that its operations compute for one image: an upper bound of training's memory."""


@dataclass(frozen=True, slots=True)
class LayerInfo:
    name: str
    """Dotted name in the library, or the operation, such as add."""
    kind: str
    """Class of the module, or the operation again."""
    stage: int


@dataclass(frozen=True, slots=True)
class Anatomy:
    stages: tuple[StageInfo, ...]
    layers: tuple[LayerInfo, ...]
    """Layers in the order they run, the input first, without pooling and head."""
    features: int
    """Number of features that enter the head."""
    multiply_adds: int
    """Multiply-adds for one image."""


def anatomy(backbone: Backbone, image_size: int | None = None) -> Anatomy:
    """Return the anatomy for images of `image_size` pixels, or of the backbone's own size.

    Results are cached.

    Raises:
        ConfigError: the backbone cannot take images of that size.
    """
    return _anatomy(backbone, image_size or backbone.preprocessing.size)


def stages_without_weights(backbone: Backbone, image_size: int | None = None) -> list[nn.Module]:
    """Build the backbone's stages on the meta device."""
    with torch.device("meta"):
        stages, _ = cut_into_stages(backbone, build_library_model(backbone, image_size).eval())
    return stages


def cut_into_stages(backbone: Backbone, library_model: nn.Module) -> tuple[list[nn.Module], bool]:
    """Cut the library's network into stages that share its weights.

    Also return True if the last stage gives features [B, F], False for a map [B, C, H, W].
    """
    found = _find_stages(backbone)
    if found is None:
        # Only timm's networks may be untraceable, and this is timm's way to get their features.
        library_model.reset_classifier(0)  # type: ignore[operator]
        return [library_model], True
    return cut(library_model, trace(backbone, library_model), list(found.ends)), found.pooled


def stage_names(backbone: Backbone) -> tuple[str, ...]:
    """Return the names of the stages, from the input."""
    found = _find_stages(backbone)
    return found.names if found else ("whole",)


# Bounded, since timm has more than a thousand networks.
@lru_cache(maxsize=256)
def _find_stages(backbone: Backbone) -> Stages | None:
    """Trace the network and group it into stages; None, for one stage, if it cannot be traced."""
    side = backbone.preprocessing.size
    with torch.device("meta"):
        network = build_library_model(backbone).eval()
        try:
            graph = trace(backbone, network)
            return find_stages(
                find_units(network, graph, torch.empty(1, 3, side, side)), backbone.library
            )
        except Exception:
            # Tracing a network of timm may raise errors of any kind.
            if backbone.library == "torchvision":
                raise
            return None


@lru_cache(maxsize=512)
def _anatomy(backbone: Backbone, size: int) -> Anatomy:
    try:
        return _examine(backbone, size)
    except Exception as error:
        # Each network refuses an image size with an error of its own.
        if size == backbone.preprocessing.size:
            raise
        raise ConfigError(_say_what_is_possible(backbone, size, error)) from error


# In a caller's inference mode nothing would be counted.
@torch.inference_mode(False)
@torch.no_grad()
def _examine(backbone: Backbone, size: int) -> Anatomy:
    names = stage_names(backbone)
    modules = stages_without_weights(backbone, size)
    stages: list[StageInfo] = []
    layers = [LayerInfo("input", "Input", 0)]
    with torch.device("meta"), Work() as counted:
        image = torch.empty(1, 3, size, size)
        for name, stage in zip(names, modules, strict=True):
            before = counted.values
            inside, image = note_layers(stage, image)
            layers += [LayerInfo(layer, kind, len(stages)) for layer, kind in inside]
            shape = channels_first(tuple(image.shape[1:]))
            # Some layers accept a map that is too small and return an empty one.
            if not image.numel():
                raise ValueError("nothing is left of the image")
            parameters = sum(p.numel() for p in stage.parameters())
            stages.append(StageInfo(name, parameters, shape, len(layers), counted.values - before))
    return Anatomy(tuple(stages), tuple(layers), stages[-1].shape[0], counted.multiply_adds)


def _say_what_is_possible(backbone: Backbone, size: int, error: Exception) -> str:
    sides = _near(backbone, size)
    below = next((side for side in sides if side < size and _takes(backbone, side)), None)
    above = next((side for side in sides if side > size and _takes(backbone, side)), None)
    near = " or ".join(str(side) for side in (below, above) if side)
    refusal = f"Image size: {size} is not possible for {backbone.name}"
    if not near:
        return f"{refusal} ({error}), nor is any size near it."
    return f"{refusal}; the nearest that it takes: {near}."


def _near(backbone: Backbone, size: int) -> list[int]:
    """Return image sizes to try, the nearest first; few, since each try builds the network."""
    own = backbone.preprocessing.size

    def distance(side: int) -> int:
        return abs(side - size)

    multiples = sorted({step * n for step in _GRIDS for n in range(1, 80)}, key=distance)
    known = {own, 2 * own, backbone.min_size, *multiples[:_TRIES]}
    return sorted((side for side in known if side >= 16), key=distance)


def _takes(backbone: Backbone, size: int) -> bool:
    try:
        _examine(backbone, size)
    except Exception:
        return False
    return True
