"""The choices of the Train page, and what they mean in plain words."""

from typing import Any

import streamlit as st

from tl_core.backbones import CATALOG, Backbone, count_parameters, find_weights, stage_shapes
from tl_core.config import RunConfig, TrainConfig
from tl_core.records import DatasetRecord, RunState, Split
from tl_core.training.device import pick_device
from tl_core.training.estimate import estimate_run
from tl_core.training.optimizers import DEFAULT_LEARNING_RATES, learning_rates
from tl_ui.components.drawing import drawing
from tl_ui.dataset_view import dataset_images, thumbnail_url
from tl_ui.gallery import GalleryItem, gallery_html
from tl_ui.network import StageView, network_svg
from tl_ui.resources import get_workspace
from tl_ui.text import GLOSSARY, about, count, literal, number_of

_OPTIMIZERS = {"adamw": "AdamW", "sgd": "SGD with momentum"}
_STRIP = 8


def show_strip(dataset: DatasetRecord) -> None:
    """A few thumbnails, as a reminder of what is about to be learned."""
    images = dataset_images(dataset.id)
    some = images[:: max(1, len(images) // _STRIP)][:_STRIP]
    items = [GalleryItem(thumbnail_url(dataset.id, image.sha256), image.class_name, name=image.name) for image in some]
    st.html(gallery_html(items, side=72, captions=False))


def choose_backbone() -> Backbone:
    """The backbone, with what it is, whose weights it starts from, and whether they are here."""
    name = st.selectbox(
        "Backbone", list(CATALOG), format_func=lambda n: CATALOG[n].title, key="backbone", help=GLOSSARY["backbone"]
    )
    backbone = CATALOG[name]
    side = backbone.preprocessing.size
    st.caption(
        backbone.description,
        help=f"{count(backbone.parameters)} weights; sees images of {side} × {side} pixels. Its weights come from "
        f"{literal(backbone.weights.source)}; their licence: {literal(backbone.weights.licence)}.",
    )
    return backbone


def choose_depth(backbone: Backbone, pretrained: bool, n_classes: int) -> int | str:
    """The freeze handle and the picture that follows it."""
    total = len(backbone.stages)
    frozen = 0
    if pretrained:
        frozen = st.slider(
            "Frozen stages, counted from the image",
            0,
            total,
            total,
            key=f"frozen-{backbone.name}",
            help=f"{GLOSSARY['freeze']} {GLOSSARY['stage']}",
        )
    views = [
        StageView(stage.name, parameters, " × ".join(map(str, (height, width, channels))))
        for stage, (parameters, (channels, height, width)) in zip(backbone.stages, stage_shapes(backbone), strict=True)
    ]
    drawing(network_svg(views, frozen, number_of(n_classes, "class", "classes")), key="network")
    return "all" if frozen == total else frozen


def choose_recipe() -> tuple[dict[str, Any], dict[str, Any]]:
    """(model, train) settings, all with a default that is good as it stands."""
    defaults = TrainConfig()
    left, right = st.columns(2, vertical_alignment="bottom")
    epochs = left.number_input("Epochs", 1, 1000, defaults.epochs, help=GLOSSARY["epoch"])
    augment = right.toggle("Augmentation", defaults.augment, help=GLOSSARY["augmentation"])
    with st.expander("All settings", icon=":material/tune:"):
        start = st.radio(
            "Start from", ["Pretrained weights", "Random weights (from scratch)"], help=GLOSSARY["pretrained"]
        )
        head = st.radio(
            "Head", ["Linear", "With a hidden layer"], help=f"{GLOSSARY['head']} {GLOSSARY['hidden layer']}"
        )
        hidden_units = 0
        if head != "Linear":
            hidden_units = st.number_input("Hidden units", 1, 8192, 256, help=GLOSSARY["hidden layer"])
        dropout = st.slider("Dropout", 0.0, 0.9, 0.0, 0.05, help=GLOSSARY["dropout"])
        batch_size = st.number_input("Batch size", 1, 4096, defaults.batch_size, help=GLOSSARY["batch size"])
        optimizer = st.selectbox(
            "Optimizer", list(_OPTIMIZERS), format_func=_OPTIMIZERS.__getitem__, help=GLOSSARY["optimizer"]
        )
        rate, backbone_rate = _choose_rates(optimizer, start == "Pretrained weights")
        seed = st.number_input("Seed", 0, 2**32 - 1, defaults.seed, help=GLOSSARY["seed"])
    model = {"pretrained": start == "Pretrained weights", "hidden_units": hidden_units, "dropout": dropout}
    train = {
        "epochs": epochs,
        "batch_size": batch_size,
        "optimizer": optimizer,
        "learning_rate": rate,
        "backbone_learning_rate": backbone_rate,
        "augment": augment,
        "seed": seed,
    }
    return model, train


def _choose_rates(optimizer: str, pretrained: bool) -> tuple[float, float]:
    rate = st.number_input(
        "Learning rate of the head",
        0.0,
        10.0,
        DEFAULT_LEARNING_RATES[optimizer],
        step=0.001,
        format="%.5f",
        key=f"rate-{optimizer}",
        help=GLOSSARY["learning rate"],
    )
    _, backbone_default = learning_rates(TrainConfig(learning_rate=rate or None), pretrained)
    backbone_rate = st.number_input(
        "Learning rate of unfrozen stages",
        0.0,
        10.0,
        backbone_default,
        step=0.0001,
        format="%.5f",
        key=f"backbone-rate-{optimizer}-{pretrained}-{rate}",
        help="What is already trained is best moved in smaller steps than the new head. " + GLOSSARY["learning rate"],
    )
    return rate, backbone_rate


def describe_plan(config: RunConfig, backbone: Backbone, dataset: DatasetRecord, split: Split) -> str:
    """What pressing Train will do and about how long it takes, for Markdown."""
    trainable, everything = count_parameters(backbone, config.model, len(dataset.classes))
    with st.spinner("Measuring how fast this machine is…", show_time=False):
        estimate = estimate_run(config, split)
    frozen = config.model.frozen_stages
    if not config.model.pretrained:
        kept = "Starts from random weights"
    elif frozen == 0:
        kept = "Keeps nothing as it is"
    else:
        kept = "Keeps all stages as they are" if frozen == "all" else f"Keeps the first {frozen} stages as they are"
    views = ""
    if config.train.augment and estimate.views == 1:
        views = " Behind the frozen stages one view of each image is kept, so augmentation will have no effect."
    elif config.train.augment and estimate.views > 1:
        views = (
            f" Behind the frozen stages {estimate.views} views of each training image are kept; each epoch draws one."
        )
    return (
        f"{kept}, trains **{count(trainable)}** of {count(everything)} weights on "
        f"{number_of(len(split.train), 'image')} for {number_of(config.train.epochs, 'epoch')}: "
        f"**{about(estimate.seconds)}** on this {_machine()}.{_queue()}{_download(backbone, config)}{views}"
    )


def _machine() -> str:
    kind = pick_device().torch_device.type
    return {"cuda": "GPU", "mps": "Apple GPU"}.get(kind, "CPU")


def _queue() -> str:
    runs = get_workspace().store.list_runs()
    ahead = sum(run.state in (RunState.QUEUED, RunState.RUNNING) for run in runs)
    if not ahead:
        return ""
    return f" It will wait for {'the run that is' if ahead == 1 else f'{ahead} runs that are'} ahead of it."


def _download(backbone: Backbone, config: RunConfig) -> str:
    folder = get_workspace().settings.weights_folder
    if not config.model.pretrained or find_weights(backbone, folder):
        return ""
    return " Its pretrained weights are not on this machine: they have to be downloaded first."
