"""After training: a map of what a run's model saw in validation or test images, and classical models beside it."""

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import streamlit as st
from scipy.special import softmax

from tl_core.errors import TransferLabError, UnknownDataset
from tl_core.evaluation.embedding import MOST_MAPPED, lay_out
from tl_core.evaluation.sampling import sample_evenly
from tl_core.glossary import GLOSSARY
from tl_core.outputs import KeptOutputs, load_outputs
from tl_core.records import Run
from tl_core.runs.summary import class_names
from tl_core.text import number_of
from tl_ui.components.point_map import point_map
from tl_ui.explore.features import choose_method, share_words, show_probes
from tl_ui.folding import unfolded
from tl_ui.job_view import await_result
from tl_ui.map_view import MEANING, TITLES, pictures_of, sample_words, show_caught
from tl_ui.markdown import literal
from tl_ui.point_maps import COLOURINGS, PointMap, alt_words, by_class, by_right
from tl_ui.probe_charts import verdict
from tl_ui.resources import get_workspace
from tl_ui.run.epochs import answer_words
from tl_ui.run.images import images_of

SIDES = {"test": "Test", "val": "Validation"}


@dataclass(frozen=True, slots=True)
class Kept:
    """What there is of the images on a map."""

    positions: list[int]
    labels: list[int]
    answers: list[int]
    confidence: list[float]


@lru_cache(maxsize=8)
def _outputs(run_id: str, split: str, _epochs_done: int) -> KeptOutputs:
    return load_outputs(
        get_workspace().artifacts.outputs(run_id), "test" if split == "test" else "val"
    )


@lru_cache(maxsize=8)
def _pca(run_id: str, split: str, epochs_done: int) -> dict[str, Any]:
    """As the command `lay-out` tells it, but at once."""
    kept = _outputs(run_id, split, epochs_done)
    chosen = sample_evenly(kept.labels[kept.rows].tolist(), MOST_MAPPED)
    found = lay_out(kept.features[chosen], "pca")
    return {
        "positions": kept.positions[kept.rows][chosen].tolist(),
        "points": np.round(found.points.astype(float), 4).tolist(),
        "share": found.share,
        "n_of": len(kept.positions),
    }


def show_run_map(run: Run) -> None:
    """Where the images lie for the trained model, once it is unfolded; runs whose features were not kept say so."""
    st.fragment(_unfold_map)(run)


def _unfold_map(run: Run) -> None:
    if box := unfolded(
        "A map of what looks alike to it", ":material/scatter_plot:", f"map-open-{run.id}"
    ):
        with box:
            _show_map(run)


def _show_map(run: Run) -> None:
    sides = ["test", "val"] if run.result else ["val"]
    first, second, third = st.columns(3)
    with first:
        split = st.segmented_control(
            "Images",
            sides,
            default=sides[0],
            required=True,
            format_func=SIDES.__getitem__,
            key=f"map-side-{run.id}",
        )
    with second:
        method = choose_method(run.id)
    with third:
        colouring = st.segmented_control(
            "Points are coloured by",
            list(COLOURINGS),
            default="true",
            required=True,
            format_func=COLOURINGS.__getitem__,
            key=f"map-colour-{run.id}",
            help=GLOSSARY["embedding map"],
        )
    try:
        outputs = _outputs(run.id, split, run.epochs_done)
        found = _layout(run, split, method)
    except TransferLabError as error:
        st.caption(literal(str(error)))
        return
    st.caption(MEANING[method])
    if found:
        _draw(
            run,
            _kept(outputs, found["positions"]),
            found,
            split=split,
            method=method,
            colouring=colouring,
        )


def _layout(run: Run, split: str, method: str) -> dict[str, Any] | None:
    if method == "pca":
        return _pca(run.id, split, run.epochs_done)
    place = (
        get_workspace().artifacts.run_folder(run.id)
        / "explored"
        / f"{method}-{split}-{run.epochs_done}.json"
    )
    arguments = ["lay-out", run.id, f"--split={split}", f"--method={method}"]
    return await_result(arguments, place, f"Draw the {TITLES[method]} map")


def _kept(outputs: KeptOutputs, positions: list[int]) -> Kept:
    rows = np.searchsorted(outputs.positions, positions)
    logits = outputs.logits[rows].astype(np.float64)
    shares = softmax(logits, axis=1)
    return Kept(
        positions,
        outputs.labels[rows].tolist(),
        shares.argmax(axis=1).tolist(),
        shares.max(axis=1).tolist(),
    )


def _draw(
    run: Run, kept: Kept, found: dict[str, Any], *, split: str, method: str, colouring: str
) -> None:
    names = class_names(run, 1 + max(*kept.labels, *kept.answers))
    if colouring == "right":
        answered = zip(kept.labels, kept.answers, kept.confidence, strict=True)
        groups = by_right(
            [true == answer and math.isfinite(sure) for true, answer, sure in answered]
        )
    else:
        groups = by_class(kept.labels if colouring == "true" else kept.answers, names)
    x, y = zip(*found["points"], strict=True)
    images = images_of(run)
    dataset_id = run.config.data.dataset_id
    what = f"{SIDES[split].lower()} image"
    answers = [
        (names[answer], sure) for answer, sure in zip(kept.answers, kept.confidence, strict=True)
    ]
    drawn = PointMap(
        f"{run.id} {split} {method}",
        f"{TITLES[method]} of the model's features of {number_of(len(kept.positions), what)}",
        alt_words(groups, len(kept.positions)),
        x,
        y,
        groups,
        [
            answer_words(names[true], answer, sure)
            for true, (answer, sure) in zip(kept.labels, answers, strict=True)
        ],
        pictures_of(dataset_id, images, kept.positions),
    )
    st.caption(
        f"Shown: {sample_words(len(kept.positions), found['n_of'], what)}. {share_words(found)}"
    )
    chosen = point_map(drawn, key=f"map-{run.id}")
    show_caught(
        dataset_id, images, [kept.positions[i] for i in chosen], [answers[i] for i in chosen]
    )


def show_run_probes(run: Run) -> None:
    """What classical models make of the backbone as it was, beside the trained model, once it is unfolded."""
    st.fragment(_unfold_probes)(run)


def _unfold_probes(run: Run) -> None:
    if box := unfolded(
        "Would a simpler model do?", ":material/compare_arrows:", f"probes-open-{run.id}"
    ):
        with box:
            _show_probes(run)


def _show_probes(run: Run) -> None:
    if not run.config.model.pretrained:
        st.caption(
            "This run began with random weights, whose features say nothing; there is nothing to compare with."
        )
        return
    try:
        dataset = get_workspace().store.get_dataset(run.config.data.dataset_id)
    except UnknownDataset:
        st.caption("The dataset was deleted, so nothing more can be tried on it.")
        return
    st.markdown(
        "Classical models learn from the features of the **pretrained** backbone, as they were before this run."
        + (
            ""
            if _is_frozen(run)
            else " This run has changed its backbone, so its own features may suit better."
        ),
        help=GLOSSARY["classical models"],
    )
    n_val = run.facts.splits.val if run.facts.splits else 0
    beside = (
        [("This run's model", run.val_accuracy, n_val)]
        if run.val_accuracy is not None and n_val
        else []
    )
    if (
        (found := show_probes(dataset, run.config, beside))
        and run.val_accuracy is not None
        and n_val
    ):
        st.markdown(verdict(found, run.val_accuracy, n_val))
        st.caption(
            "This run's own figure is of its best epoch on the validation images alone: since that epoch was chosen by "
            "it, it flatters a little. Differences within the lines say nothing."
        )


def _is_frozen(run: Run) -> bool:
    model = run.config.model
    return model.keeps_any and model.frozen_stages == "all" and run.config.train.unfreeze == "never"
