"""The Train page: how much stays frozen, every setting, and what pressing Train will do in plain words."""

from functools import lru_cache, partial

import streamlit as st

from tl_core.backbones import (
    Anatomy,
    Backbone,
    Frozen,
    anatomy,
    count_parameters,
    find_weights,
    get_backbone,
    resolve_frozen,
)
from tl_core.config import DataConfig, RunConfig, make_run_config
from tl_core.data.splits import make_split
from tl_core.errors import TransferLabError
from tl_core.execute import settle
from tl_core.records import DatasetRecord, RunState, Split
from tl_core.text import GLOSSARY, about, count, number_of
from tl_core.training.device import pick_device
from tl_core.training.estimate import estimate_run
from tl_core.training.optimizers import OPTIMIZER_SENTENCES, steps_per_epoch
from tl_core.training.plan import make_plan, say_what_stays_frozen
from tl_core.training.schedules import preview_schedule, rates_by_epoch
from tl_ui.augment_preview import show_augmentation
from tl_ui.components.drawing import drawing
from tl_ui.components.live_chart import chart
from tl_ui.dataset_view import dataset_images, thumbnail_url
from tl_ui.fields import field
from tl_ui.finder import show_finder
from tl_ui.gallery import GalleryItem, gallery_html
from tl_ui.knobs import GROUPS, get_form, knob
from tl_ui.markdown import literal
from tl_ui.network import StageView, network_svg
from tl_ui.plan_charts import plan_chart, plan_title, rate_chart
from tl_ui.preset_choice import current_start
from tl_ui.resources import get_workspace

_STRIP = 8


def show_strip(dataset: DatasetRecord) -> None:
    """A few thumbnails, as a reminder of what is about to be learned."""
    images = dataset_images(dataset.id)
    some = images[:: max(1, len(images) // _STRIP)][:_STRIP]
    items = [GalleryItem(thumbnail_url(dataset.id, image.sha256), image.class_name, name=image.name) for image in some]
    st.html(gallery_html(items, side=60, captions=False))


@lru_cache(maxsize=16)
def split_of(data: DataConfig) -> Split:
    return make_split(dataset_images(data.dataset_id), data)


# How much stays frozen


def choose_depth(n_stages: int) -> None:
    """The freeze handle: the number of stages, from the image, that stay as they are at the end."""
    form = get_form()
    if not form["pretrained"]:
        st.caption("Starting from random weights, there is nothing to keep: every stage learns.")
        return
    form["frozen_stages"] = within(form["frozen_stages"], n_stages)
    by_layers = bool(str(form["frozen_layers"]).strip())
    place = frozen_count(form["frozen_stages"], n_stages)
    at_end = " at the end" if form["unfreeze"] != "never" else ""
    why = " (the number of frozen layers, under Every setting, says more)" if by_layers else ""
    st.slider(
        f"Frozen stages{at_end}, counted from the image{why}",
        0,
        n_stages,
        key=field("freeze-slider", place, partial(_take_depth, n_stages)),
        disabled=by_layers,
        help=f"{GLOSSARY['freeze']} {GLOSSARY['stage']}",
    )


def frozen_count(frozen_stages: int | str, n_stages: int) -> int:
    """Of a backbone with so many stages."""
    if frozen_stages == "all":
        return n_stages
    n = int(frozen_stages)
    return max(0, min(n_stages, n if n >= 0 else n_stages + n))


def within(frozen_stages: int | str, n_stages: int) -> int | str:
    """What another backbone was frozen to, as far as this one has stages."""
    if frozen_stages == "all" or -n_stages <= int(frozen_stages) <= n_stages:
        return frozen_stages
    return "all" if int(frozen_stages) > 0 else 0


def _take_depth(n_stages: int, place: int) -> None:
    """The handle is back where the preset has it: so is the setting, in the preset's own way of counting."""
    own = current_start().config.model.frozen_stages
    is_own = frozen_count(own, n_stages) == place
    get_form()["frozen_stages"] = own if is_own else "all" if place == n_stages else place


def draw_network(backbone: Backbone, config: RunConfig | None, n_classes: int) -> None:
    """As the settings say, or as the handle stands while they cannot be."""
    if config is None:
        parts = anatomy(backbone)
        frozen = Frozen(frozen_count(get_form()["frozen_stages"], len(parts.stages)))
    else:
        parts, frozen = anatomy(backbone, config.model.image_size), resolve_frozen(backbone, config.model)
    views = [StageView(stage.name, stage.parameters, shape_words(stage.shape)) for stage in parts.stages]
    partly = {layer.stage for layer in parts.layers if layer.name in frozen.modules}
    drawing(network_svg(views, frozen.stages, number_of(n_classes, "class", "classes"), partly), key="network")


def shape_words(shape: tuple[int, ...]) -> str:
    """`112 × 112 × 32` of (32, 112, 112); tokens before channels, as they are, of a transformer."""
    ordered = (*shape[1:], shape[0]) if len(shape) == 3 else shape
    return " × ".join(map(str, ordered))


# What will happen, before it does


def make_config(dataset_id: str) -> tuple[RunConfig | None, str]:
    """The form's settings as those of a run, or what is wrong with them, in one sentence."""
    try:
        config = settle(make_run_config(dataset_id, get_form()), get_workspace().store.get_dataset(dataset_id))
        make_plan(config)
        split_of(config.data)
    except TransferLabError as error:
        return None, str(error)
    return config, ""


def show_plan(config: RunConfig) -> None:
    parts = anatomy(get_backbone(config.model.backbone), config.model.image_size)
    rates = rates_by_epoch(config, _steps_per_epoch(config))
    chart(plan_chart(config, make_plan(config), [stage.name for stage in parts.stages], rates), key="plan")
    st.caption(GLOSSARY["plan"])


def show_rates(config: RunConfig) -> None:
    left, right = st.columns(2, gap="large")
    with left:
        chart(rate_chart(config, preview_schedule(config, _steps_per_epoch(config))), key="rates")
        st.caption("It is set, with its course, under Every setting. Unfrozen stages learn at a share of it.")
    with right:
        show_finder(config)


def _steps_per_epoch(config: RunConfig) -> int:
    return steps_per_epoch(config.train, len(split_of(config.data).train))


# Every setting


def show_every_knob(backbone: Backbone, dataset: DatasetRecord, wrong: dict[str, str]) -> None:
    """All that is not on the page at once, in groups."""
    with st.expander("Every setting", icon=":material/tune:"):
        for group, tab in zip(GROUPS, st.tabs(list(GROUPS)), strict=True):
            with tab:
                if group == "Augmentation":
                    show_augmentation(dataset, current_start().config.augment)
                    continue
                _show_group(group, wrong)
                if group == "Freezing & recipe":
                    _say_where_layers_end(backbone)


def _show_group(group: str, wrong: dict[str, str]) -> None:
    columns = st.columns(3, gap="medium")
    size = -(-len(GROUPS[group]) // 3)
    for place, name in enumerate(GROUPS[group]):
        with columns[place // size]:
            knob(name, wrong=wrong.get(name, ""), then=_SPECIAL.get(name))
            if name == "optimizer":
                st.caption(literal(OPTIMIZER_SENTENCES[get_form()["optimizer"]]))


def _unfreeze_to_somewhere() -> None:
    """To unfreeze later, something must be left to learn."""
    form = get_form()
    if form["unfreeze"] != "never" and form["frozen_stages"] == "all":
        form["frozen_stages"] = -2


_SPECIAL = {"unfreeze": _unfreeze_to_somewhere}


def _say_where_layers_end(backbone: Backbone) -> None:
    """Which layer a number of frozen layers, by Keras' count, ends at."""
    form = get_form()
    text = str(form["frozen_layers"]).strip()
    if not text.isdecimal():
        return
    image_size = str(form["image_size"]).strip()
    parts = anatomy(backbone, int(image_size) if image_size.isdecimal() else None)
    st.caption(layers_words(parts, int(text)))


def layers_words(parts: Anatomy, n: int) -> str:
    """For Markdown. The input itself is the first layer of the count."""
    total = len(parts.layers)
    if n < 2:
        return f"{number_of(n, 'frozen layer')}: that is no more than the input. {backbone_has(total)}"
    if n > total:
        return backbone_has(total)
    last = parts.layers[n - 1]
    stage = parts.stages[last.stage].name
    where = f"{literal(last.name)} ({literal(last.kind)}) in {literal(stage)}"
    return f"The {n} frozen layers end at {where}. {backbone_has(total)}"


def backbone_has(total: int) -> str:
    return f"This backbone has {count(total)} layers, the input among them."


# The sentence


def describe_plan(config: RunConfig, backbone: Backbone, dataset: DatasetRecord) -> str:
    """What pressing Train will do and about how long it takes, for Markdown."""
    split = split_of(config.data)
    trainable, everything = count_parameters(backbone, config.model, len(dataset.classes))
    with st.spinner("Measuring how fast this machine is…", show_time=False):
        settings = get_workspace().settings
        estimate = estimate_run(config, split, settings.home, settings.cache_bytes)
    weights = "weights in the end" if config.train.unfreeze != "never" else "weights"
    return (
        f"{_what_is_kept(config, backbone)}, trains **{count(trainable)}** of {count(everything)} {weights} on "
        f"{number_of(len(split.train), 'image')} for {number_of(config.train.epochs, 'epoch')}, "
        f"{count(config.train.images_per_batch)} at a time: "
        f"**{about(estimate.seconds)}** on this {_machine()}.{_phases(config)}{_queue()}{_download(backbone, config)}"
        f"{_views(config, estimate.views)}{_may_end_early(config)}"
    )


def _what_is_kept(config: RunConfig, backbone: Backbone) -> str:
    if not config.model.pretrained:
        return "Starts from random weights"
    parts, frozen = anatomy(backbone, config.model.image_size), resolve_frozen(backbone, config.model)
    if frozen.stages == len(parts.stages):
        return "Keeps all stages as they are"
    layers = f"{number_of(len(frozen.modules), 'layer')}" if frozen.modules else ""
    if frozen.stages == 0:
        return f"Keeps {layers or 'nothing'} as {'they are' if len(frozen.modules) > 1 else 'it is'}"
    stages = "the first stage" if frozen.stages == 1 else f"the first {frozen.stages} stages"
    further = f" and {layers} after them" if layers else ""
    return f"Keeps {stages}{further} as {'it is' if frozen.stages == 1 and not layers else 'they are'}"


def _phases(config: RunConfig) -> str:
    if config.train.unfreeze == "never":
        return ""
    too_short = say_what_stays_frozen(config)
    return f" {plan_title(config, make_plan(config))}.{f' {too_short}' if too_short else ''}"


def _views(config: RunConfig, views: int) -> str:
    """What is kept behind the frozen stages, as far as it touches what was asked for."""
    train = config.train
    if (train.mixup or train.cutmix) and not views:
        return " Mixed images are new ones each time, so every epoch passes through the whole network."
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


def _queue() -> str:
    runs = get_workspace().store.list_runs()
    ahead = sum(run.state in (RunState.QUEUED, RunState.RUNNING) for run in runs)
    if not ahead:
        return ""
    return f" It will wait for {'the run that is' if ahead == 1 else f'{ahead} runs that are'} ahead of it."


def _download(backbone: Backbone, config: RunConfig) -> str:
    if not config.model.pretrained or config.model.weights.startswith("file:"):
        return ""
    if config.model.weights.startswith("hf:"):
        return f" Its weights come from {literal(config.model.weights.removeprefix('hf:'))} on Hugging Face."
    if find_weights(backbone, get_workspace().settings.weights_folders):
        return ""
    return " Its pretrained weights are not on this machine: they have to be downloaded first."
