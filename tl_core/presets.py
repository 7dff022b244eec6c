"""Presets: named sets of settings. Each is a saved `RunConfig`, so all it sets can be changed."""

from dataclasses import dataclass
from typing import Any

from tl_core.config import RunConfig, make_run_config
from tl_core.errors import ConfigError

ANY_DATASET = "any"
"""Placeholder for the dataset in a preset's settings."""


@dataclass(frozen=True, slots=True)
class Preset:
    name: str
    title: str
    description: str
    """One or two sentences on what it does and when to use it."""
    config: RunConfig

    @property
    def changes(self) -> dict[str, Any]:
        """Settings that differ from the defaults, by name."""
        return changed_settings(self.config)


def changed_settings(config: RunConfig) -> dict[str, Any]:
    """Return the settings of `config` that differ from the defaults, flat."""
    # Not `AugmentConfig()` and the like: a run's default augmentation is another.
    plain = make_run_config(ANY_DATASET, {})
    return {
        name: value
        for section in ("data", "model", "train", "augment")
        for name, value in getattr(config, section).model_dump().items()
        if name != "dataset_id" and value != getattr(getattr(plain, section), name)
    }


def _preset(name: str, title: str, description: str, **settings: Any) -> Preset:
    return Preset(name, title, description, make_run_config(ANY_DATASET, settings))


PRESETS: dict[str, Preset] = {
    preset.name: preset
    for preset in (
        _preset(
            "feature-extraction",
            "Feature extraction",
            "Keeps the whole backbone as it is and trains only the head: fast, and the best "
            "start with few images.",
        ),
        _preset(
            "fine-tune-top",
            "Fine-tune the top",
            "Trains the head and the last two stages, which see whole objects: often better when "
            "there are some hundred images a class.",
            frozen_stages=-2,
        ),
        _preset(
            "full-fine-tune",
            "Full fine-tuning",
            "Trains every stage, the early ones in smaller steps: for many images, or ones "
            "unlike photos. Slow without a GPU.",
            frozen_stages=0,
            epochs=8,
            learning_rate=3e-3,
            backbone_learning_rate=3e-4,
            layer_decay=0.8,
        ),
        _preset(
            "from-scratch",
            "From scratch",
            "Starts from random weights: what transfer learning saves you. Needs many images and "
            "epochs.",
            pretrained=False,
            frozen_stages=0,
            epochs=30,
            learning_rate=1e-3,
            weight_decay=0.05,
        ),
        _preset(
            "two-phase",
            "Two-phase",
            "First the head alone, then the last two stages with it at a tenth of the rate, so "
            "that a random head does not spoil what the stages know.",
            frozen_stages=-2,
            unfreeze="two-phase",
            head_epochs=5,
            epochs=10,
        ),
        _preset(
            "gradual-unfreezing",
            "Gradual unfreezing",
            "Begins with the head and unfreezes one more stage each epoch, from the top; stages "
            "further down learn in smaller steps.",
            frozen_stages=0,
            unfreeze="gradual",
            head_epochs=1,
            unfreeze_every=1,
            layer_decay=0.6,
            epochs=10,
        ),
        _preset(
            "textbook-resnet18",
            "Textbook: ResNet-18 with Adam",
            "The first exercise of many courses: a pretrained ResNet-18 with a new last layer, "
            "all of it trained with Adam at one rate on cross-entropy.",
            backbone="resnet18",
            frozen_stages=0,
            optimizer="adam",
            learning_rate=1e-3,
            backbone_learning_rate=1e-3,
            schedule="constant",
            warm_up=0,
            weight_decay=0,
            epochs=10,
        ),
        _preset(
            "textbook-resnet50-two-phase",
            "Textbook: ResNet-50 in two phases",
            "Two classes with one sigmoid: ten epochs of a Dense(1024) head, then five more at a "
            "lower rate with the first 100 layers frozen.",
            backbone="resnet50",
            hidden_units=(1024,),
            output="sigmoid",
            frozen_layers=100,
            unfreeze="two-phase",
            head_epochs=10,
            epochs=15,
            optimizer="adam",
            learning_rate=1e-3,
            backbone_learning_rate=1e-3,
            fine_tune_rate=0.01,
            schedule="constant",
            warm_up=0,
            weight_decay=0,
        ),
        _preset(
            "textbook-mobilenetv2-mnist",
            "Textbook: MobileNetV2 on handwritten digits",
            "Ten epochs of head on MNIST, then five with the last stages: photos' features, put "
            "to work on digits.",
            backbone="mobilenet_v2",
            image_size=96,
            frozen_stages=-5,
            unfreeze="two-phase",
            head_epochs=10,
            epochs=15,
            optimizer="adam",
            learning_rate=1e-2,
            backbone_learning_rate=1e-2,
            fine_tune_rate=0.1,
            weight_decay=0,
            # The default augmentation mirrors images, which turns digits into other signs.
            augment="none",
        ),
        _preset(
            "textbook-vgg16",
            "Textbook: VGG-16 with a Dense layer",
            "The classic of early tutorials: VGG-16 frozen whole, with global average pooling "
            "and a Dense(256) head.",
            backbone="vgg16",
            hidden_units=(256,),
            dropout=0.5,
            optimizer="adam",
            learning_rate=1e-3,
            schedule="constant",
            warm_up=0,
            weight_decay=0,
            epochs=10,
        ),
    )
}


def get_preset(name: str) -> Preset:
    """Return the built-in preset of that name.

    Raises:
        ConfigError: there is none; the sentence names those there are.
    """
    if name not in PRESETS:
        raise ConfigError(f"There is no preset {name!r}; there are {', '.join(PRESETS)}.")
    return PRESETS[name]
