"""Backbone on the Train page: the drop-down, and a table to search and sort."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import streamlit as st

from tl_core.backbones import Backbone, find_weights, get_backbone, list_backbones, search_timm
from tl_core.errors import TransferLabError
from tl_core.glossary import GLOSSARY
from tl_core.text import percent
from tl_core.training.speed_records import measured_speeds
from tl_ui.fields import field, place
from tl_ui.markdown import literal
from tl_ui.resources import get_workspace
from tl_ui.train.network import parameters_text
from tl_ui.train.widgets import get_form, knob_key


def choose_backbone() -> Backbone:
    """Choose the backbone and describe it; an unknown name gets a message and ends the page."""
    names = [backbone.name for backbone in list_backbones()]
    chosen = get_form()["backbone"]
    if chosen not in names:
        # A name that was typed would otherwise be no option, and could not be shown.
        names = [chosen, *names]
    st.selectbox(
        "Backbone",
        names,
        place(names, chosen),
        format_func=_title,
        key=field(knob_key("backbone"), chosen, _take_backbone),
        accept_new_options=True,
        help=f"{GLOSSARY['backbone']} Type to search, or type any name in the timm library.",
    )
    try:
        backbone = get_backbone(get_form()["backbone"])
    except TransferLabError as error:
        st.error(literal(str(error)), icon=":material/error:")
        st.stop()
    st.caption(describe_backbone(backbone), help=_origin(backbone))
    if st.button("See all backbones in a table", type="tertiary", icon=":material/table_rows:"):
        show_table()
    return backbone


def _title(name: str) -> str:
    return next((backbone.title for backbone in list_backbones() if backbone.name == name), name)


def _take_backbone(name: str | None) -> None:
    form = get_form()
    form["backbone"] = (name or "").strip()
    # The image size of one backbone may be wrong for another.
    form["image_size"] = ""
    # A count of stages fits only its own network, but any network has a last two.
    if form["frozen_stages"] not in ("all", 0):
        form["frozen_stages"] = -2 if form["frozen_stages"] == -2 else "all"


def describe_backbone(backbone: Backbone) -> str:
    """Return the description and the known figures, for Markdown."""
    figures = []
    if backbone.parameters:
        n_weights = parameters_text(backbone.parameters)
        figures.append(f"{n_weights} weights with its ImageNet classifier")
    if backbone.flops:
        figures.append(f"{backbone.flops / 1e9:.2g} billion multiply-adds an image")
    if backbone.top1 is not None:
        figures.append(f"ImageNet top-1 {percent(backbone.top1)}")
    description = literal(backbone.description).rstrip()
    return f"{description} {literal(', '.join(figures))}." if figures else description


def _origin(backbone: Backbone) -> str:
    side = backbone.preprocessing.size
    weights = backbone.weights
    parts = [
        f"Sees images of {side} × {side} pixels.",
        f"Its weights come from {literal(weights.source)}; their licence: "
        f"{literal(weights.licence)}.",
    ]
    if backbone.top1_source:
        parts.append(f"Its ImageNet figure is from {literal(backbone.top1_source)}.")
    parts.append(
        "Top-1 is the share of ImageNet's own test images whose class it names first; it says "
        "little about yours."
    )
    return " ".join(parts)


@st.dialog("All backbones", width="large")
def show_table() -> None:
    """Show a table of which one row can be chosen, and below it further names in timm."""
    text = st.text_input(
        "Search", placeholder="resnet, mobile, vit …", live=True, autocomplete="off"
    ).strip()
    backbones = matching(text)
    speeds = measured_speeds(get_workspace().settings.home)
    # The key changes with the search: a selected row number would mean another backbone.
    chosen: Any = st.dataframe(
        [table_row(backbone, speeds) for backbone in backbones],
        hide_index=True,
        height=380,
        on_select="rerun",
        selection_mode="single-row",
        column_config=_columns(),
        alt="Backbones with their figures",
        key=f"backbone-table-{text}",
    )
    rows = chosen.selection.rows
    _offer(backbones[rows[0]].name if rows and rows[0] < len(backbones) else None)
    listed = {backbone.name for backbone in backbones}
    others = [name for name in search_timm(text) if name not in listed] if text else []
    if others:
        other = st.selectbox(
            "Also in timm, without figures here", others, index=None, placeholder="Choose one"
        )
        if other:
            _offer(other)
    st.caption("Click a heading to sort, and the box at the start of a row to choose it.")


def _offer(name: str | None) -> None:
    pressed = st.button(
        f"Use {literal(_title(name))}" if name else "Use it",
        type="primary",
        disabled=name is None,
        key=f"use-{name}",
        on_click=_take_backbone,
        args=(name,),
    )
    if pressed:
        # Rerunning the page closes the dialog.
        st.rerun()


def matching(text: str) -> list[Backbone]:
    """Return the backbones that have every word of `text` in their name, title or description."""
    words = text.lower().split()
    return [b for b in list_backbones() if all(word in _searched_text(b) for word in words)]


def _searched_text(backbone: Backbone) -> str:
    fields = (backbone.name, backbone.title, backbone.family, backbone.description)
    return " ".join(fields).lower()


def table_row(backbone: Backbone, speeds: Mapping[str, float]) -> dict[str, Any]:
    return {
        "Backbone": backbone.title,
        "Name": backbone.name,
        "Weights (M)": backbone.parameters / 1e6 if backbone.parameters else None,
        "Multiply-adds (billions)": backbone.flops / 1e9 if backbone.flops else None,
        "ImageNet top-1 (%)": 100 * backbone.top1 if backbone.top1 is not None else None,
        "Figure from": backbone.top1_source,
        "Image size": backbone.preprocessing.size,
        "Weights here": _has_weights(backbone),
        "Images a second here": speeds.get(backbone.name),
        "Licence of the weights": backbone.weights.licence,
    }


def _has_weights(backbone: Backbone) -> bool:
    return find_weights(backbone, _folders()) is not None


def _folders() -> Sequence[Path]:
    return get_workspace().weights_folders


def _columns() -> dict[str, Any]:
    number = st.column_config.NumberColumn
    return {
        "Weights (M)": number(
            format="%.1f", help="Millions of weights, with the classifier for ImageNet."
        ),
        "Multiply-adds (billions)": number(
            format="%.2f", help="Computing cost for one image of its own size."
        ),
        "ImageNet top-1 (%)": number(
            format="%.1f", help="Share of ImageNet's test images whose class it names first."
        ),
        "Images a second here": number(
            format="%.0f", help="Forward pass on this machine; known after it was chosen once."
        ),
        "Weights here": st.column_config.CheckboxColumn(
            help="Pretrained weights are on this machine already."
        ),
    }
