"""Which network to start from: the list on the page, and a table of all of them to search and sort."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import streamlit as st

from tl_core.backbones import Backbone, find_weights, get_backbone, list_backbones, search_timm
from tl_core.errors import TransferLabError
from tl_core.glossary import GLOSSARY
from tl_core.text import percent
from tl_core.training.speed_records import measured_speeds
from tl_ui.fields import field
from tl_ui.markdown import literal
from tl_ui.resources import get_workspace
from tl_ui.train.network import parameters_text
from tl_ui.train.widgets import get_form, knob_key


def choose_backbone() -> Backbone:
    """The backbone, with what it is; a name that does not exist gets a sentence, and the page ends there."""
    names = [backbone.name for backbone in list_backbones()]
    chosen = get_form()["backbone"]
    st.selectbox(
        "Backbone",
        names if chosen in names else [chosen, *names],
        format_func=_title,
        key=field(knob_key("backbone"), chosen, _take_backbone),
        accept_new_options=True,
        help=f"{GLOSSARY['backbone']} Type to search, or type any name that the timm library knows.",
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
    form["image_size"] = ""  # what suited the one may be wrong for the other
    if form["frozen_stages"] not in ("all", 0):
        form["frozen_stages"] = -2 if form["frozen_stages"] == -2 else "all"


def describe_backbone(backbone: Backbone) -> str:
    """What it is and its figures, as far as they are known, for Markdown."""
    figures = (
        [f"{parameters_text(backbone.parameters)} weights with its ImageNet classifier"]
        if backbone.parameters
        else []
    )
    figures += (
        [f"{backbone.flops / 1e9:.2g} billion multiply-adds an image"] if backbone.flops else []
    )
    figures += [f"ImageNet top-1 {percent(backbone.top1)}"] if backbone.top1 is not None else []
    said = literal(backbone.description).rstrip()
    return f"{said} {literal(', '.join(figures))}." if figures else said


def _origin(backbone: Backbone) -> str:
    side = backbone.preprocessing.size
    top1 = (
        f" Its ImageNet figure is from {literal(backbone.top1_source)}."
        if backbone.top1_source
        else ""
    )
    return (
        f"Sees images of {side} × {side} pixels. Its weights come from {literal(backbone.weights.source)}; their "
        f"licence: {literal(backbone.weights.licence)}.{top1} Top-1 is the share of ImageNet's own test images whose "
        "class it names first; it says little about yours."
    )


@st.dialog("All backbones", width="large")
def show_table() -> None:
    """A table to search and sort; one row can be taken. Below it, any other name of timm's."""
    text = st.text_input(
        "Search", placeholder="resnet, mobile, vit …", live=True, autocomplete="off"
    ).strip()
    backbones, speeds = matching(text), measured_speeds(get_workspace().settings.home)
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
    others = (
        [name for name in search_timm(text) if name not in {b.name for b in backbones}]
        if text
        else []
    )
    if others:
        other = st.selectbox(
            "Also in timm, without figures here", others, index=None, placeholder="Choose one"
        )
        if other:
            _offer(other)
    st.caption("Click a heading to sort, and the box at the start of a row to choose it.")


def _offer(name: str | None) -> None:
    label = f"Use {literal(_title(name))}" if name else "Use it"
    st.button(
        label,
        type="primary",
        disabled=name is None,
        key=f"use-{name}",
        on_click=_take_backbone,
        args=(name,),
    ) and st.rerun()


def matching(text: str) -> list[Backbone]:
    """The catalogue's rows that have every word of `text` in their name, title, family or description."""
    words = text.lower().split()
    return [
        backbone
        for backbone in list_backbones()
        if all(
            word
            in f"{backbone.name} {backbone.title} {backbone.family} {backbone.description}".lower()
            for word in words
        )
    ]


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
    return get_workspace().settings.weights_folders


def _columns() -> dict[str, Any]:
    number = st.column_config.NumberColumn
    return {
        "Weights (M)": number(
            format="%.1f", help="Millions of weights, with the classifier for ImageNet."
        ),
        "Multiply-adds (billions)": number(
            format="%.2f", help="For one image of its own size: what it costs."
        ),
        "ImageNet top-1 (%)": number(
            format="%.1f", help="Share of ImageNet's test images whose class it names first."
        ),
        "Images a second here": number(
            format="%.0f", help="Forward, on this machine; known once it was chosen."
        ),
        "Weights here": st.column_config.CheckboxColumn(
            help="Pretrained weights are on this machine already."
        ),
    }
