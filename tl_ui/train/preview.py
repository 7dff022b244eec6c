"""Preview on the Train page: network with frozen stages, training plan, learning rate."""

from collections.abc import Sequence
from functools import partial

import streamlit as st

from tl_core.backbones import Backbone, Frozen, StageInfo, anatomy, get_backbone, resolve_frozen
from tl_core.config import RunConfig
from tl_core.glossary import GLOSSARY
from tl_core.text import number_of
from tl_core.training.optimizers import steps_per_epoch
from tl_core.training.plan import make_plan
from tl_core.training.schedules import preview_schedule, rates_by_epoch
from tl_ui.components.depth_control import depth_control
from tl_ui.components.live_chart import chart
from tl_ui.folding import front_tab
from tl_ui.markdown import literal
from tl_ui.room import keep_room
from tl_ui.train.form import frozen_count, split_of, take_depth
from tl_ui.train.learning_rate import show_finder
from tl_ui.train.network import StageView, depth_sentences, network_html
from tl_ui.train.plan_charts import plan_chart
from tl_ui.train.rate_charts import rate_chart
from tl_ui.train.widgets import get_form

NETWORK = "network"
"""Key of the drawing, the control of the frozen stages."""
_PLAN = "Training plan"
_RATE = "Learning rate"
_NUMBERS = (
    "Below each stage: the size of its output, with the channels last, then its number of weights."
)


def show_preview(config: RunConfig | None) -> None:
    """Show one of two tabs.

    Args:
        config: None while the settings are invalid.
    """
    title, tab = front_tab([_PLAN, _RATE], key="preview")
    with tab:
        if config is None:
            st.caption("This can be drawn once all settings are valid.")
        elif title == _PLAN:
            show_plan(config)
        else:
            show_rates(config)


def choose_depth(backbone: Backbone, config: RunConfig | None, n_classes: int) -> None:
    """Draw the network, whose grip is the control of the frozen stages.

    Args:
        config: None while the settings are invalid; then the form alone says what is frozen.
    """
    form = get_form()
    parts = anatomy(backbone, config.model.image_size if config else None)
    stages = parts.stages
    frozen = Frozen(frozen_count(form["frozen_stages"], len(stages)))
    if config is not None:
        frozen = resolve_frozen(backbone, config.model)
    lock = _why_locked()
    label = "Frozen stages, counted from the image"
    if form["unfreeze"] != "never":
        label = "Frozen stages at the end, counted from the image"
    how = lock or "drag the grip, or click a stage to freeze up to there"
    st.caption(f"**{label}**: {how}.", help=f"{GLOSSARY['freeze']} {GLOSSARY['stage']} {_NUMBERS}")
    views = [StageView(stage.name, stage.parameters, shape_words(stage.shape)) for stage in stages]
    partly = {layer.stage for layer in parts.layers if layer.name in frozen.modules}
    # As high as it is drawn in a row, and on a phone in a column of stages.
    keep_room(NETWORK, 250, 54 * (len(stages) + 3))
    depth_control(
        network_html(views, number_of(n_classes, "class", "classes")),
        key=NETWORK,
        place=frozen.stages,
        sentences=depth_sentences(views),
        partly=partly,
        label=label,
        locked=bool(lock),
        take=partial(take_depth, len(stages)),
    )
    _say_partly(stages, partly, frozen.stages)


def _why_locked() -> str:
    """Return why the grip cannot be moved; "" if it can."""
    form = get_form()
    if not form["pretrained"]:
        return "with random weights there is nothing to freeze"
    if str(form["frozen_layers"]).strip():
        return "set by the number of frozen layers, under Hyperparameters"
    return ""


def _say_partly(stages: Sequence[StageInfo], partly: set[int], frozen: int) -> None:
    names = [literal(stages[place].name) for place in sorted(partly) if place >= frozen]
    if names:
        st.caption(f"Some layers frozen: {', '.join(names)}.")


def shape_words(shape: tuple[int, ...]) -> str:
    """Write a shape with the channels last: (32, 112, 112) as `112 × 112 × 32`.

    The output of a transformer (tokens, channels) has that order already.
    """
    ordered = (*shape[1:], shape[0]) if len(shape) == 3 else shape
    return " × ".join(map(str, ordered))


def show_plan(config: RunConfig) -> None:
    parts = anatomy(get_backbone(config.model.backbone), config.model.image_size)
    names = [stage.name for stage in parts.stages]
    rates = rates_by_epoch(config, _steps_per_epoch(config))
    st.caption(GLOSSARY["plan"])
    chart(plan_chart(config, make_plan(config), names, rates), key="plan")


def show_rates(config: RunConfig) -> None:
    left, right = st.columns(2, gap="large")
    with left:
        chart(rate_chart(config, preview_schedule(config, _steps_per_epoch(config))), key="rates")
        st.caption(
            "Learning rate and schedule are set under Hyperparameters. Unfrozen stages learn at a "
            "share of this rate.",
            help=GLOSSARY["learning rate"],
        )
    with right:
        show_finder(config)


def _steps_per_epoch(config: RunConfig) -> int:
    return steps_per_epoch(config.train, len(split_of(config.data).train))
