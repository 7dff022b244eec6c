"""Summary beside the Train button: the plan of the run and its estimated duration."""

import streamlit as st

from tl_core.backbones import Backbone, anatomy, count_parameters, resolve_frozen
from tl_core.config import RunConfig
from tl_core.records import DatasetRecord
from tl_core.text import count, number_of
from tl_core.training.device import pick_device
from tl_core.training.plan import make_plan, say_what_stays_frozen
from tl_ui.forecast import forecast
from tl_ui.markdown import literal
from tl_ui.train.form import split_of
from tl_ui.train.plan_charts import plan_title
from tl_ui.train.presets import must_download


def describe_plan(config: RunConfig, backbone: Backbone, dataset: DatasetRecord) -> str:
    """Summarise the run and estimate its duration, for Markdown."""
    split = split_of(config.data)
    train = config.train
    trainable, everything = count_parameters(backbone, config.model, len(dataset.classes))
    with st.spinner("Measuring how fast this machine is…", show_time=False):
        found = forecast(config)
    weights = "weights in the end" if train.unfreeze != "never" else "weights"
    parts = [
        f"{_frozen_words(config, backbone)}, trains **{count(trainable)}** of "
        f"{count(everything)} {weights} on {number_of(len(split.train), 'image')} for "
        f"{number_of(train.epochs, 'epoch')}, {count(train.images_per_batch)} at a time: "
        f"**{found.takes.say()}** on this {_machine()}.",
        found.notes(),
        _phases(config),
        _download(config),
        _views(config, found.estimate.work.views),
        _may_end_early(config),
    ]
    return " ".join(part for part in parts if part)


def cautions(config: RunConfig, dataset: DatasetRecord) -> str:
    """Return warnings on the images and on their split, for Markdown; "" if there are none."""
    warnings = (*dataset.warnings, *split_of(config.data).warnings)
    return " ".join(literal(warning) for warning in warnings)


def _frozen_words(config: RunConfig, backbone: Backbone) -> str:
    if not config.model.pretrained:
        return "Starts from random weights"
    parts = anatomy(backbone, config.model.image_size)
    frozen = resolve_frozen(backbone, config.model)
    if frozen.stages == len(parts.stages):
        return "Keeps all stages as they are"
    n_layers = len(frozen.modules)
    layers = number_of(n_layers, "layer") if n_layers else ""
    if frozen.stages == 0:
        return f"Keeps {layers or 'nothing'} as {'they are' if n_layers > 1 else 'it is'}"
    stages = "the first stage" if frozen.stages == 1 else f"the first {frozen.stages} stages"
    if layers:
        return f"Keeps {stages} and {layers} after them as they are"
    return f"Keeps {stages} as {'it is' if frozen.stages == 1 else 'they are'}"


def _phases(config: RunConfig) -> str:
    if config.train.unfreeze == "never":
        return ""
    sentence = f"{plan_title(config, make_plan(config))}."
    too_short = say_what_stays_frozen(config)
    return f"{sentence} {too_short}" if too_short else sentence


def _views(config: RunConfig, views: int) -> str:
    """Say where cached activations leave nothing of augmentation, or mixing has no use of them."""
    train = config.train
    if (train.mixup or train.cutmix) and not views:
        return "Mixed images are new ones each time, so every epoch passes the whole network."
    if not config.augment.is_on or not views:
        return ""
    if views == 1:
        return "Only one view of each image is kept, so augmentation will have no effect."
    return ""


def _may_end_early(config: RunConfig) -> str:
    patience = config.train.early_stopping
    if not 0 < patience < config.train.epochs:
        return ""
    epochs = number_of(patience, "epoch")
    return f"It ends sooner when {epochs} in a row bring no better validation loss."


def _machine() -> str:
    kind = pick_device().torch_device.type
    return {"cuda": "GPU", "mps": "Apple GPU"}.get(kind, "CPU")


def _download(config: RunConfig) -> str:
    model = config.model
    if model.pretrained and model.weights.startswith("hf:"):
        name = literal(model.weights.removeprefix("hf:"))
        return f"Its weights come from {name} on Hugging Face."
    if must_download(model):
        return "Its pretrained weights are not on this machine: they have to be downloaded first."
    return ""
