"""Before any training: can these images be told apart? A map of pretrained features, and classical models on them."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import streamlit as st

from tl_core.backbones import find_weights, get_backbone, list_backbones
from tl_core.config import RunConfig, make_run_config
from tl_core.evaluation.embedding import can_umap
from tl_core.glossary import GLOSSARY
from tl_core.records import DatasetRecord
from tl_core.runs.summary import backbone_title
from tl_core.text import number_of, shorten
from tl_ui.components.live_chart import chart
from tl_ui.components.point_map import point_map
from tl_ui.dataset_view import dataset_images
from tl_ui.job_view import await_result
from tl_ui.map_view import MEANING, TITLES, pictures_of, sample_words, show_caught
from tl_ui.markdown import literal
from tl_ui.point_maps import PointMap, alt_words, by_class
from tl_ui.probe_charts import probes_chart
from tl_ui.resources import get_workspace
from tl_ui.train.widgets import as_text, flat

_DECIDING = (
    "backbone",
    "weights",
    "image_size",
    "split_seed",
    "val_fraction",
    "test_fraction",
    "feature_precision",
)
"""Settings on which pretrained features and their split depend."""
_MOST = 0.5
_MADE_HOW = 1
"""Raised when the same settings would give something else, so that what was kept is not shown any more."""


def choose_features(dataset: DatasetRecord) -> RunConfig:
    """Settings of a backbone that is chosen from those whose weights are here."""
    folders = get_workspace().settings.weights_folders
    names = [backbone.name for backbone in list_backbones() if find_weights(backbone, folders)]
    names = names or [list_backbones()[0].name]
    backbone = st.selectbox(
        "Backbone",
        names,
        format_func=lambda name: get_backbone(name).title,
        key="explore-backbone",
        help=f"{GLOSSARY['backbone']} Listed are those whose weights are on this machine.",
    )
    return make_run_config(dataset.id, {"backbone": backbone})


def show_dataset_map(dataset: DatasetRecord, config: RunConfig) -> None:
    """Training and validation images, where their features put them."""
    st.header("Who looks like whom", help=GLOSSARY["embedding map"], anchor=False)
    st.fragment(_show_map)(dataset, config)


def _show_map(dataset: DatasetRecord, config: RunConfig) -> None:
    method = choose_method(f"explore-{dataset.id}")
    arguments = ["lay-out", dataset.id, f"--method={method}", *_settings(config)]
    label = f"Draw the {TITLES[method]} map"
    found = await_result(arguments, _place(dataset.id, "map", arguments), label)
    st.caption(MEANING[method])
    if found is None:
        return
    images, positions = dataset_images(dataset.id), found["positions"]
    labels = [dataset.classes.index(images[position].class_name) for position in positions]
    groups = by_class(labels, dataset.classes)
    x, y = zip(*found["points"], strict=True)
    drawn = PointMap(
        f"{dataset.id} {arguments}",
        f"{TITLES[method]} of what {backbone_title(config.model)} sees in {number_of(len(positions), 'image')}",
        alt_words(groups, len(positions)),
        x,
        y,
        groups,
        [shorten(images[position].class_name, 60) for position in positions],
        pictures_of(dataset.id, images, positions),
    )
    st.caption(
        f"Shown: {sample_words(len(positions), found['n_of'], 'training and validation image')}. Test images are left "
        f"out: nobody should look at them before the end. {share_words(found)}"
    )
    chosen = point_map(drawn, key=f"explore-map-{dataset.id}")
    show_caught(dataset.id, images, [positions[i] for i in chosen], [None] * len(chosen))


def share_words(found: Mapping[str, Any]) -> str:
    share = found.get("share")
    if not share:
        return ""
    rest = (
        ""
        if share > _MOST
        else ": the rest of it, by which the model can tell more apart, cannot be drawn"
    )
    return f"The two directions hold {100 * share:.0f} % of how the features differ{rest}."


def choose_method(key: str) -> str:
    """PCA, t-SNE or, where it is installed, UMAP."""
    methods = [method for method in TITLES if method != "umap" or can_umap()]
    missing = "" if can_umap() else " UMAP is not installed on this server."
    chosen = st.segmented_control(
        "How the map is made",
        methods,
        default="pca",
        required=True,
        format_func=TITLES.__getitem__,
        key=f"method-{key}",
        help=f"PCA is there at once; t-SNE and UMAP take up to a minute and are then kept.{missing}",
    )
    return str(chosen)


def show_probes(
    dataset: DatasetRecord, config: RunConfig, beside: Sequence[tuple[str, float, int]] = ()
) -> dict[str, Any] | None:
    """Classical models on the pretrained features, by cross-validation; gives what was found, once it was.

    Args:
        beside: a trained model to show next to them: its name, its validation accuracy, and of how many images.
    """
    arguments = ["probe", dataset.id, "--json", *_settings(config)]
    found = await_result(arguments, _place(dataset.id, "probe", arguments), "Try classical models")
    if found is None:
        return None
    chart(probes_chart(found, beside), key=f"probes-{dataset.id}-{_digest(arguments)}")
    sample = sample_words(found["n"], found["n_of"], "training and validation image")
    st.caption(
        f"Cross-validation in {found['folds']} folds on {sample}: each image is asked about once, by a model that has "
        "not seen it nor a copy of it. Bars are means over the folds, lines one standard deviation. The test set has "
        "no part in this: to choose among models by it would spoil it for the one honest figure at the end."
    )
    for sentence in found["notes"]:
        st.info(literal(sentence), icon=":material/info:")
    with st.expander("Every model in words and figures", icon=":material/table_rows:"):
        _show_table(found)
    return found


def _show_table(found: Mapping[str, Any]) -> None:
    rows = [
        {
            "Model": result["title"],
            "Right": 100 * result["accuracy"],
            "± over folds": 100 * result["spread"],
            "Time": result["seconds"],
            "How it decides": f"{result['help']} {result['note']}",
        }
        for result in found["results"]
    ]
    number = st.column_config.NumberColumn
    st.dataframe(
        rows,
        hide_index=True,
        column_config={
            "Model": st.column_config.TextColumn(width=200),
            "Right": number(format="%.1f %%", width=72, help="Mean over the folds."),
            "± over folds": number(
                format="%.1f", width=104, help="Standard deviation over the folds, in points."
            ),
            "Time": number(
                format="%.1f s",
                width=72,
                help="Learning and answering, all folds together, on this machine.",
            ),
            "How it decides": st.column_config.TextColumn(width=620),
        },
        alt="Classical models with their accuracy, its spread over the folds and their time",
    )


def _settings(config: RunConfig) -> list[str]:
    values = flat(config)
    return [f"--set={name}={as_text(values[name])}" for name in _DECIDING]


def _place(dataset_id: str, kind: str, arguments: Sequence[str]) -> Path:
    folder = get_workspace().artifacts.dataset_folder(dataset_id) / "explored"
    return folder / f"{kind}-{_digest(arguments)}.json"


def _digest(arguments: Sequence[str]) -> str:
    return hashlib.sha256(json.dumps([_MADE_HOW, *arguments]).encode()).hexdigest()[:24]
