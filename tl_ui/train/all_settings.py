"""Hyperparameters on the Train page: every setting that is not always visible, in folded groups."""

import streamlit as st

from tl_core.backbones import Anatomy, Backbone, anatomy
from tl_core.records import DatasetRecord
from tl_core.text import count, number_of
from tl_core.training.optimizers import OPTIMIZER_SENTENCES
from tl_ui.folding import front_tab, unfolded
from tl_ui.markdown import literal
from tl_ui.train.augmentation import show_augmentation
from tl_ui.train.presets import current_start
from tl_ui.train.widgets import AUGMENTATION, FREEZING, GROUPS, get_form, knob

EVERY_SETTING = "every-setting"
"""Key of the expander."""
SETTING_GROUP = "setting-group"
"""Key of the tabs in it."""
_COLUMNS = 3


def show_every_knob(backbone: Backbone, dataset: DatasetRecord, wrong: dict[str, str]) -> None:
    """Show the settings that are not always visible, in groups.

    Args:
        wrong: sentences on invalid values by setting.
    """
    if box := unfolded("Hyperparameters", ":material/tune:", EVERY_SETTING):
        with box:
            st.caption("Every setting of a run, in groups.")
            group, tab = front_tab(list(GROUPS), SETTING_GROUP)
        with tab:
            if group == AUGMENTATION:
                show_augmentation(dataset, current_start().config.augment)
                return
            _show_group(group, wrong)
            if group == FREEZING:
                _say_where_layers_end(backbone)


def _show_group(group: str, wrong: dict[str, str]) -> None:
    columns = st.columns(_COLUMNS, gap="medium")
    per_column = -(-len(GROUPS[group]) // _COLUMNS)
    for place, name in enumerate(GROUPS[group]):
        with columns[place // per_column]:
            knob(name, wrong=wrong.get(name, ""), then=_AFTER_CHANGE.get(name))
            if name == "optimizer":
                st.caption(literal(OPTIMIZER_SENTENCES[get_form()["optimizer"]]))


def _leave_stages_to_unfreeze() -> None:
    form = get_form()
    if form["unfreeze"] != "never" and form["frozen_stages"] == "all":
        # With all stages frozen at the end, there would be nothing to unfreeze.
        form["frozen_stages"] = -2


_AFTER_CHANGE = {"unfreeze": _leave_stages_to_unfreeze}


def _say_where_layers_end(backbone: Backbone) -> None:
    """Name the last frozen layer if the number of frozen layers is set."""
    form = get_form()
    frozen_layers = str(form["frozen_layers"]).strip()
    if not frozen_layers.isdecimal():
        return
    image_size = str(form["image_size"]).strip()
    # An invalid size has a message of its own; meanwhile the backbone's size is used.
    parts = anatomy(backbone, int(image_size) if image_size.isdecimal() else None)
    st.caption(layers_words(parts, int(frozen_layers)))


def layers_words(parts: Anatomy, n: int) -> str:
    """Describe the end of `n` frozen layers, for Markdown; the input counts as the first layer."""
    total = len(parts.layers)
    if n < 2:
        input_only = f"{number_of(n, 'frozen layer')}: that is no more than the input."
        return f"{input_only} {backbone_has(total)}"
    if n > total:
        return backbone_has(total)
    last = parts.layers[n - 1]
    stage = parts.stages[last.stage].name
    where = f"{literal(last.name)} ({literal(last.kind)}) in {literal(stage)}"
    return f"The {n} frozen layers end at {where}. {backbone_has(total)}"


def backbone_has(total: int) -> str:
    return f"This backbone has {count(total)} layers, the input among them."
