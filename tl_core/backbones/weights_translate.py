"""Translation of a file's tensors to the names and sizes of a library's current network."""

import logging
import math
import re
import sys
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate
from torchvision.models.vision_transformer import VisionTransformer, interpolate_embeddings

_log = logging.getLogger(__name__)
_OLD_NAMES = (
    (re.compile(r"(denselayer\d+\.(?:norm|conv))\.([12])\."), r"\1\2."),
    (re.compile(r"(encoder_layer_\d+\.mlp)\.linear_1\."), r"\1.0."),
    (re.compile(r"(encoder_layer_\d+\.mlp)\.linear_2\."), r"\1.3."),
)
"""Names in published files that torchvision renames while loading."""
_OUR_STAGE = re.compile(r"stages\.\d+\.$")
"""Prefix of the library's names in a saved `TransferModel`."""


def current_name(name: str) -> str:
    """Return torchvision's current name of a tensor in its older files."""
    for old, new in _OLD_NAMES:
        name = old.sub(new, name)
    return name


def strip_prefix(
    given: Mapping[str, Tensor], expected: Mapping[str, Tensor]
) -> tuple[dict[str, Tensor], tuple[str, ...]]:
    """Strip the prefix under which most of the backbone lies; also return all other names.

    Prefixes such as `module.`, `_orig_mod.` or MoCo's `module.encoder_q.` so need no list.
    """
    found: Counter[str] = Counter()
    for name in given:
        for start in (0, *(dot.end() for dot in re.finditer(r"\.", name))):
            if name[start:] in expected:
                # In a saved `TransferModel` each stage has a prefix; together they count as one.
                found[_OUR_STAGE.sub("stages.*.", name[:start])] += 1
    # Of equally frequent prefixes the shorter: the end of a full name can be a name, too.
    prefix = max(found, key=lambda prefix: (found[prefix], -len(prefix)), default="")
    pattern = re.compile(re.escape(prefix).replace(r"stages\.\*\.", r"stages\.\d+\."))
    inside = {
        name[hit.end() :]: tensor for name, tensor in given.items() if (hit := pattern.match(name))
    }
    # Our head is replaced as a classifier is, and so is not reported as unused.
    our_head = prefix.removesuffix("stages.*.") + "head." if prefix.endswith("stages.*.") else None
    outside = (name for name in given if not pattern.match(name))
    return inside, tuple(
        name for name in outside if our_head is None or not name.startswith(our_head)
    )


Translation = Callable[[nn.Module, dict[str, Tensor]], Mapping[str, Any]]


def attempt(
    translate: Translation, model: nn.Module, given: Mapping[str, Tensor]
) -> Mapping[str, Tensor]:
    """Translate `given`, or return it unchanged if the translation was written for other files."""
    try:
        # A copy, since translations change it in place.
        translated = translate(model, dict(given))
    except Exception:
        _log.debug("These weights could not be translated and are taken as they are", exc_info=True)
        return given
    return {name: value for name, value in translated.items() if isinstance(value, Tensor)}


def _translate_as_timm(model: nn.Module, given: dict[str, Tensor]) -> Mapping[str, Any]:
    """Translate by timm's own filter: names, and position embeddings at another image size."""
    # timm keeps a family's filter beside its networks. Where there is none, the AttributeError ends
    # the attempt.
    module: Any = sys.modules[type(model).__module__]
    if not module.__name__.startswith("timm."):
        return given
    translated: Mapping[str, Any] = module.checkpoint_filter_fn(given, model)
    return translated


def _resample_as_torchvision(model: nn.Module, given: dict[str, Tensor]) -> Mapping[str, Any]:
    """Resample the position embeddings of torchvision's ViT to the model's image size."""
    if not isinstance(model, VisionTransformer):
        return given
    resampled: Mapping[str, Tensor] = interpolate_embeddings(
        model.image_size, model.patch_size, given
    )
    return resampled


def _resample_positions(model: nn.Module, given: dict[str, Tensor]) -> Mapping[str, Any]:
    """Resample position embeddings of timm's transformers that have no filter of their own."""
    for name, new in model.state_dict().items():
        if name in given and name.rpartition(".")[2] == "pos_embed":
            given[name] = _resample(
                given[name], new.shape, (getattr(model, "num_prefix_tokens", 0), 0)
            )
    return given


def _resample(old: Tensor, shape: torch.Size, prefixes: tuple[int, ...]) -> Tensor:
    """Resample [1, channels, height, width], or [1, tokens, channels] behind prefix tokens."""
    # Imported here, as timm takes a while and torchvision's networks do without it.
    from timm.layers.pos_embed import resample_abs_pos_embed

    if old.ndim == 4:
        return interpolate(old, size=shape[2:], mode="bicubic", antialias=True)
    # Some networks have positions for their prefix tokens, others for patches only.
    for prefix in prefixes:
        side = math.isqrt(old.shape[1] - prefix)
        new_side = math.isqrt(shape[1] - prefix)
        if (side**2, new_side**2) == (old.shape[1] - prefix, shape[1] - prefix):
            resampled: Tensor = resample_abs_pos_embed(
                old, [new_side] * 2, [side] * 2, num_prefix_tokens=prefix
            )
            return resampled
    return old


TRANSLATIONS: tuple[Translation, ...] = (
    _translate_as_timm,
    _resample_as_torchvision,
    _resample_positions,
)
