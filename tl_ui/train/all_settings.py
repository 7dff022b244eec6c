"""Every setting of a run that is not on the Train page at once, in groups, behind a fold."""

import streamlit as st

from tl_core.backbones import (
    Anatomy,
    Backbone,
    anatomy,
)
from tl_core.records import DatasetRecord
from tl_core.text import count, number_of
from tl_core.training.optimizers import OPTIMIZER_SENTENCES
from tl_ui.folding import front_tab, unfolded
from tl_ui.markdown import literal
from tl_ui.train.augmentation import show_augmentation
from tl_ui.train.presets import current_start
from tl_ui.train.widgets import GROUPS, get_form, knob

EVERY_SETTING, SETTING_GROUP = "every-setting", "setting-group"
"""Keys of the fold and of its tabs."""


def show_every_knob(backbone: Backbone, dataset: DatasetRecord, wrong: dict[str, str]) -> None:
    """All that is not on the page at once, in groups."""
    if box := unfolded("Every setting", ":material/tune:", EVERY_SETTING):
        with box:
            group, tab = front_tab(list(GROUPS), SETTING_GROUP)
        with tab:
            if group == "Augmentation":
                show_augmentation(dataset, current_start().config.augment)
                return
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
        return (
            f"{number_of(n, 'frozen layer')}: that is no more than the input. {backbone_has(total)}"
        )
    if n > total:
        return backbone_has(total)
    last = parts.layers[n - 1]
    stage = parts.stages[last.stage].name
    where = f"{literal(last.name)} ({literal(last.kind)}) in {literal(stage)}"
    return f"The {n} frozen layers end at {where}. {backbone_has(total)}"


def backbone_has(total: int) -> str:
    return f"This backbone has {count(total)} layers, the input among them."
