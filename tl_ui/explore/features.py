"""Pretrained features of a dataset before training: a map, and classical models on them."""

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
from tl_core.workspace import Workspace
from tl_ui.background import get_jobs, read_result
from tl_ui.components.live_chart import chart
from tl_ui.components.point_map import point_map
from tl_ui.dataset_view import dataset_images
from tl_ui.job_view import await_result
from tl_ui.large_view import open_dataset_image
from tl_ui.map_view import MEANING, TITLES, pictures_of, sample_words, show_caught
from tl_ui.markdown import literal, whole_figures
from tl_ui.point_maps import PointMap, alt_words, by_class
from tl_ui.probe_charts import probes_chart
from tl_ui.resources import get_workspace
from tl_ui.setting_labels import as_text, flat

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
"""Share of the variance above which a map needs no warning."""
_VERSION = 4
"""Version of the cached results, to be raised when the same settings would give other results."""


def choose_features(dataset: DatasetRecord) -> RunConfig:
    """Choose a backbone whose weights are on this machine; return settings with it."""
    folders = get_workspace().weights_folders
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
    """Show the map of training and validation images."""
    title = "Feature map (PCA, t-SNE, UMAP)"
    st.header(title, help=GLOSSARY["embedding map"], anchor=False)
    st.caption("Who looks like whom, to the pretrained network.")
    # A fragment, so that a selection in the map does not run the whole page again.
    st.fragment(_show_map)(dataset, config)


def _show_map(dataset: DatasetRecord, config: RunConfig) -> None:
    method = choose_method(f"explore-{dataset.id}")
    arguments = ["lay-out", dataset.id, f"--method={method}", *_settings(config)]
    label = f"Draw the {TITLES[method]} map"
    place = _place(dataset.id, "map", arguments)
    st.caption(MEANING[method])
    # It would only queue behind the answer, and seem to wait for somebody else's work.
    if read_result(place) is None and _is_answer_awaited(dataset, config):
        st.caption("The map is drawn once the answer above is found.")
        return
    result = await_result(arguments, place, label, at_once=True)
    if result is None:
        return
    images = dataset_images(dataset.id)
    positions = result["positions"]
    names = [images[position].class_name for position in positions]
    groups = by_class([dataset.classes.index(name) for name in names], dataset.classes)
    x, y = zip(*result["points"], strict=True)
    sees = f"{backbone_title(config.model)} sees in {number_of(len(positions), 'image')}"
    drawn = PointMap(
        # With the arguments, so that no selection carries over to another map.
        f"{dataset.id} {arguments}",
        f"{TITLES[method]} of what {sees}",
        alt_words(groups, len(positions)),
        x,
        y,
        groups,
        [shorten(name, 60) for name in names],
        pictures_of(dataset.id, images, positions),
    )
    sample = sample_words(len(positions), result["n_of"], "training and validation image")
    st.caption(
        f"Shown: {sample}. Test images are left out: nobody should look at them before the end. "
        f"{share_words(result)}"
    )
    key = f"explore-map-{dataset.id}"
    chosen = [positions[i] for i in point_map(drawn, key=key)]
    picked = show_caught(dataset.id, images, chosen, [None] * len(chosen), key)
    open_dataset_image(dataset.id, [images[position] for position in chosen], picked)


def share_words(result: Mapping[str, Any]) -> str:
    """Return the share of the variance that a PCA map shows; "" for other maps."""
    share = result.get("share")
    if not share:
        return ""
    sentence = f"The two directions hold {100 * share:.0f} % of how the features differ"
    if share > _MOST:
        return f"{sentence}."
    return f"{sentence}: the rest, by which the model can tell more apart, cannot be drawn."


def choose_method(key: str) -> str:
    """Choose PCA, t-SNE or, if it is installed, UMAP."""
    methods = [method for method in TITLES if method != "umap" or can_umap()]
    missing = "" if can_umap() else " UMAP is not installed on this server."
    chosen = st.segmented_control(
        "Projection method",
        methods,
        default="pca",
        required=True,
        format_func=TITLES.__getitem__,
        key=f"method-{key}",
        help=f"PCA is immediate; t-SNE and UMAP take up to a minute and are then cached.{missing}",
    )
    return str(chosen)


def show_answer(dataset: DatasetRecord, config: RunConfig) -> None:
    """Show whether the classes can be told apart, or the progress of finding out."""
    arguments, place = _answer_job(dataset, config)
    if result := await_result(arguments, place, "Find out how well", at_once=True):
        st.markdown(f"**{whole_figures(literal(result['answer']))}**")


def _is_answer_awaited(dataset: DatasetRecord, config: RunConfig) -> bool:
    """Tell if the job of `show_answer` is queued or running; the page is drawn anew at its end."""
    _, place = _answer_job(dataset, config)
    job = get_jobs().find(place)
    return job is not None and not job.is_over


def _answer_job(dataset: DatasetRecord, config: RunConfig) -> tuple[list[str], Path]:
    """Return the arguments of the command that finds the answer, and the file of its result."""
    arguments = ["probe", dataset.id, "--quick", "--json", *_settings(config)]
    return arguments, _place(dataset.id, "answer", arguments)


def show_probes(
    dataset: DatasetRecord, config: RunConfig, beside: Sequence[tuple[str, float, int]] = ()
) -> dict[str, Any] | None:
    """Show cross-validated classical models on the pretrained features.

    Args:
        beside: a trained model to show next to them: name, validation accuracy, number of images.

    Returns:
        The result, or None until it is computed.
    """
    arguments = ["probe", dataset.id, "--json", *_settings(config)]
    place = _place(dataset.id, "probe", arguments)
    result = await_result(arguments, place, "Try classical models")
    if result is None:
        return None
    chart(probes_chart(result, beside), key=f"probes-{dataset.id}-{_digest(arguments)}")
    sample = sample_words(result["n"], result["n_of"], "training and validation image")
    st.caption(
        f"Cross-validation in {result['folds']} folds on {sample}: each image is predicted once, "
        "by a model that has not seen it nor a copy of it. Bars are shares of those images, lines "
        "one standard deviation over the folds. The test set has no part in this: to choose among "
        "models by it would spoil it for the one honest figure at the end."
    )
    for sentence in result["notes"]:
        st.info(literal(sentence), icon=":material/info:")
    with st.expander("Cross-validation results", icon=":material/table_rows:"):
        _show_table(result)
    return result


def _show_table(result: Mapping[str, Any]) -> None:
    st.caption("Every model in words and figures.")
    rows = [
        {
            "Model": model["title"],
            "Right": 100 * model["accuracy"],
            "± over folds": 100 * model["spread"],
            "Time": model["seconds"],
            "How it decides": f"{model['help']} {model['note']}",
        }
        for model in result["results"]
    ]
    number = st.column_config.NumberColumn
    text = st.column_config.TextColumn
    deviation = "Standard deviation over the folds, in points."
    time = "Fitting and predicting, all folds together, on this machine."
    st.dataframe(
        rows,
        hide_index=True,
        column_config={
            "Model": text(width=200),
            "Right": number(
                format="%.1f %%", width=72, help="Share of the images, each predicted once."
            ),
            "± over folds": number(format="%.1f", width=104, help=deviation),
            "Time": number(format="%.1f s", width=72, help=time),
            "How it decides": text(width=620),
        },
        alt="Classical models with their accuracy, its spread over the folds and their time",
    )


def _settings(config: RunConfig) -> list[str]:
    # Only these: other settings must not part results that are the same.
    values = flat(config)
    return [f"--set={name}={as_text(values[name])}" for name in _DECIDING]


def _place(dataset_id: str, kind: str, arguments: Sequence[str]) -> Path:
    # In the dataset's folder, so that results are deleted with it.
    folder = get_workspace().artifacts.dataset_folder(dataset_id) / "explored"
    return folder / f"{kind}-{_digest(arguments)}.json"


def _digest(arguments: Sequence[str]) -> str:
    deciding = [_VERSION, *arguments, *whose_weights(" ".join(arguments), get_workspace())]
    return hashlib.sha256(json.dumps(deciding).encode()).hexdigest()[:24]


def whose_weights(settings: str, workspace: Workspace) -> list[str]:
    """Return what tells results apart that depend on a weights file of a person's own.

    Others may have another file of that name.

    Args:
        settings: the settings as text.
    """
    person_id = workspace.person.id
    return [person_id] if person_id and "file:" in settings else []
