"""Preview on the Train page: network with frozen stages, training plan, learning rate."""

import streamlit as st

from tl_core.backbones import Backbone, Frozen, anatomy, get_backbone, resolve_frozen
from tl_core.config import RunConfig
from tl_core.glossary import GLOSSARY
from tl_core.text import number_of
from tl_core.training.optimizers import steps_per_epoch
from tl_core.training.plan import make_plan
from tl_core.training.schedules import preview_schedule, rates_by_epoch
from tl_ui.components.drawing import drawing
from tl_ui.components.live_chart import chart
from tl_ui.folding import front_tab
from tl_ui.train.form import frozen_count, split_of
from tl_ui.train.learning_rate import show_finder
from tl_ui.train.network import StageView, network_svg
from tl_ui.train.plan_charts import plan_chart
from tl_ui.train.rate_charts import rate_chart
from tl_ui.train.widgets import get_form

_NETWORK = "Network architecture"
_PLAN = "Training plan"
_RATE = "Learning rate"


def show_preview(backbone: Backbone, config: RunConfig | None, n_classes: int) -> None:
    """Show one of three tabs.

    Args:
        config: None while the settings are invalid; then only the network can be drawn.
    """
    title, tab = front_tab([_NETWORK, _PLAN, _RATE], key="preview")
    with tab:
        if title == _NETWORK:
            draw_network(backbone, config, n_classes)
        elif config is None:
            st.caption("This can be drawn once all settings are valid.")
        elif title == _PLAN:
            show_plan(config)
        else:
            show_rates(config)


def draw_network(backbone: Backbone, config: RunConfig | None, n_classes: int) -> None:
    """Draw the network, frozen by the settings or, without them, by the slider."""
    if config is None:
        parts = anatomy(backbone)
        frozen = Frozen(frozen_count(get_form()["frozen_stages"], len(parts.stages)))
    else:
        parts = anatomy(backbone, config.model.image_size)
        frozen = resolve_frozen(backbone, config.model)
    views = [
        StageView(stage.name, stage.parameters, shape_words(stage.shape)) for stage in parts.stages
    ]
    partly = {layer.stage for layer in parts.layers if layer.name in frozen.modules}
    head_label = number_of(n_classes, "class", "classes")
    drawing(network_svg(views, frozen.stages, head_label, partly), key="network")
    st.caption(
        "Below each stage: the size of its output, with the channels last, then its number of "
        "weights."
    )


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
