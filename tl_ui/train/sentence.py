"""The sentence beside the Train button: what pressing it will do, and about how long that takes."""

import streamlit as st

from tl_core.backbones import (
    Backbone,
    anatomy,
    count_parameters,
    resolve_frozen,
)
from tl_core.config import RunConfig
from tl_core.records import DatasetRecord, RunState
from tl_core.text import about, count, number_of
from tl_core.training.device import pick_device
from tl_core.training.estimate import estimate_run
from tl_core.training.plan import make_plan, say_what_stays_frozen
from tl_ui.markdown import literal
from tl_ui.resources import get_workspace
from tl_ui.train.form import split_of
from tl_ui.train.plan_charts import plan_title
from tl_ui.train.presets import must_download


def describe_plan(config: RunConfig, backbone: Backbone, dataset: DatasetRecord) -> str:
    """What pressing Train will do and about how long it takes, for Markdown."""
    split = split_of(config.data)
    trainable, everything = count_parameters(backbone, config.model, len(dataset.classes))
    with st.spinner("Measuring how fast this machine is…", show_time=False):
        settings, is_quiet = get_workspace().settings, not any(_runs_in(RunState.RUNNING))
        estimate = estimate_run(
            config, split, settings.home, settings.cache_bytes, is_quiet=is_quiet
        )
    weights = "weights in the end" if config.train.unfreeze != "never" else "weights"
    return (
        f"{_what_is_kept(config, backbone)}, trains **{count(trainable)}** of {count(everything)} {weights} on "
        f"{number_of(len(split.train), 'image')} for {number_of(config.train.epochs, 'epoch')}, "
        f"{count(config.train.images_per_batch)} at a time: "
        f"**{about(estimate.seconds)}** on this {_machine()}.{_phases(config)}{_queue()}{_download(config)}"
        f"{_views(config, estimate.views)}{_may_end_early(config)}"
    )


def cautions(config: RunConfig) -> str:
    """What so few images, or a missing class, will mean for the figures, for Markdown; empty where all is well."""
    return " ".join(literal(warning) for warning in split_of(config.data).warnings)


def _what_is_kept(config: RunConfig, backbone: Backbone) -> str:
    if not config.model.pretrained:
        return "Starts from random weights"
    parts, frozen = (
        anatomy(backbone, config.model.image_size),
        resolve_frozen(backbone, config.model),
    )
    if frozen.stages == len(parts.stages):
        return "Keeps all stages as they are"
    layers = f"{number_of(len(frozen.modules), 'layer')}" if frozen.modules else ""
    if frozen.stages == 0:
        return (
            f"Keeps {layers or 'nothing'} as {'they are' if len(frozen.modules) > 1 else 'it is'}"
        )
    stages = "the first stage" if frozen.stages == 1 else f"the first {frozen.stages} stages"
    further = f" and {layers} after them" if layers else ""
    return (
        f"Keeps {stages}{further} as {'it is' if frozen.stages == 1 and not layers else 'they are'}"
    )


def _phases(config: RunConfig) -> str:
    if config.train.unfreeze == "never":
        return ""
    too_short = say_what_stays_frozen(config)
    return f" {plan_title(config, make_plan(config))}.{f' {too_short}' if too_short else ''}"


def _views(config: RunConfig, views: int) -> str:
    """What is kept behind the frozen stages, as far as it touches what was asked for."""
    train = config.train
    if (train.mixup or train.cutmix) and not views:
        return (
            " Mixed images are new ones each time, so every epoch passes through the whole network."
        )
    if not config.augment.is_on or not views:
        return ""
    if views == 1:
        return " Behind the frozen stages one view of each image is kept, so augmentation will have no effect."
    return f" Behind the frozen stages {views} views of each training image are kept; each epoch draws one."


def _may_end_early(config: RunConfig) -> str:
    patience = config.train.early_stopping
    if not 0 < patience < config.train.epochs:
        return ""
    return f" It ends sooner when {number_of(patience, 'epoch')} in a row bring no better validation loss."


def _machine() -> str:
    kind = pick_device().torch_device.type
    return {"cuda": "GPU", "mps": "Apple GPU"}.get(kind, "CPU")


def _runs_in(*states: RunState) -> list[bool]:
    return [run.state in states for run in get_workspace().store.list_runs()]


def _queue() -> str:
    ahead = sum(_runs_in(RunState.QUEUED, RunState.RUNNING))
    if not ahead:
        return ""
    return f" It will wait for {'the run that is' if ahead == 1 else f'{ahead} runs that are'} ahead of it."


def _download(config: RunConfig) -> str:
    model = config.model
    if model.pretrained and model.weights.startswith("hf:"):
        return (
            f" Its weights come from {literal(model.weights.removeprefix('hf:'))} on Hugging Face."
        )
    if must_download(model):
        return " Its pretrained weights are not on this machine: they have to be downloaded first."
    return ""
