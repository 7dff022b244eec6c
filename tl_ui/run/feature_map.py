"""Feature map of a finished run, and classical models on the features of its backbone."""

import math
from dataclasses import dataclass
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
from tl_ui.caching import cached_by_person
from tl_ui.components.point_map import point_map
from tl_ui.explore.features import choose_method, share_words, show_probes
from tl_ui.folding import unfolded
from tl_ui.job_view import await_result
from tl_ui.map_view import MEANING, TITLES, pictures_of, sample_words, show_caught
from tl_ui.markdown import literal
from tl_ui.point_maps import COLOURINGS, Group, PointMap, alt_words, by_class, by_right
from tl_ui.probe_charts import verdict
from tl_ui.resources import get_workspace
from tl_ui.run.epochs import answer_words
from tl_ui.run.images import images_of, open_position

SIDES = {"test": "Test", "val": "Validation"}


@dataclass(frozen=True, slots=True)
class MappedAnswers:
    """Predictions for the images on a map, in the order of its points."""

    positions: list[int]
    labels: list[int]
    answers: list[int]
    confidence: list[float]


# The number of epochs is part of the key: a run that is resumed keeps other outputs.
@cached_by_person(8)
def _outputs(run_id: str, split: str, _epochs_done: int) -> KeptOutputs:
    folder = get_workspace().artifacts.outputs(run_id)
    return load_outputs(folder, "test" if split == "test" else "val")


@cached_by_person(8)
def _pca(run_id: str, split: str, epochs_done: int) -> dict[str, Any]:
    """Lay images out by PCA; the result has the form that the command `lay-out` prints.

    PCA is fast enough to run in this process; the other methods take a job.
    """
    outputs = _outputs(run_id, split, epochs_done)
    # Stratified by class, so that a rare class does not vanish from the map.
    chosen = sample_evenly(outputs.labels[outputs.rows].tolist(), MOST_MAPPED)
    layout = lay_out(outputs.features[chosen], "pca")
    return {
        "positions": outputs.positions[outputs.rows][chosen].tolist(),
        "points": np.round(layout.points.astype(float), 4).tolist(),
        "share": layout.share,
        "n_of": len(outputs.positions),
    }


def show_run_map(run: Run) -> None:
    """Draw the feature map, once unfolded; runs without stored features say so."""
    st.fragment(_unfold_map)(run)


def _unfold_map(run: Run) -> None:
    title = "Feature map (PCA, t-SNE, UMAP)"
    if box := unfolded(title, ":material/scatter_plot:", f"map-open-{run.id}"):
        with box:
            st.caption(
                "Images that look alike to the model lie close together.",
                help=GLOSSARY["embedding map"],
            )
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
        )
    try:
        # First, so that a run without outputs is not offered a job that has to fail.
        outputs = _outputs(run.id, split, run.epochs_done)
        layout = _layout(run, split, method)
    except TransferLabError as error:
        # No warning: runs of older versions have no stored features, which is no fault.
        st.caption(literal(str(error)))
        return
    st.caption(MEANING[method])
    if layout:
        mapped = _answers_on_map(outputs, layout["positions"])
        _draw(run, mapped, layout, split=split, method=method, colouring=colouring)


def _layout(run: Run, split: str, method: str) -> dict[str, Any] | None:
    if method == "pca":
        return _pca(run.id, split, run.epochs_done)
    folder = get_workspace().artifacts.run_folder(run.id) / "explored"
    arguments = ["lay-out", run.id, f"--split={split}", f"--method={method}"]
    # The number of epochs is in the name, because a run that is resumed gets other features.
    result_file = folder / f"{method}-{split}-{run.epochs_done}.json"
    return await_result(arguments, result_file, f"Draw the {TITLES[method]} map")


def _answers_on_map(outputs: KeptOutputs, positions: list[int]) -> MappedAnswers:
    # Positions are sorted in the outputs.
    rows = np.searchsorted(outputs.positions, positions)
    logits = outputs.logits[rows].astype(np.float64)
    probabilities = softmax(logits, axis=1)
    return MappedAnswers(
        positions,
        outputs.labels[rows].tolist(),
        probabilities.argmax(axis=1).tolist(),
        probabilities.max(axis=1).tolist(),
    )


def _draw(
    run: Run,
    mapped: MappedAnswers,
    layout: dict[str, Any],
    *,
    split: str,
    method: str,
    colouring: str,
) -> None:
    positions = mapped.positions
    # The number counts only for runs that have not recorded the names of their classes.
    names = class_names(run, 1 + max(*mapped.labels, *mapped.answers))
    groups = _groups(mapped, names, colouring)
    x, y = zip(*layout["points"], strict=True)
    images = images_of(run)
    dataset_id = run.config.data.dataset_id
    what = f"{SIDES[split].lower()} image"
    answers = [
        (names[answer], sure)
        for answer, sure in zip(mapped.answers, mapped.confidence, strict=True)
    ]
    drawn = PointMap(
        f"{run.id} {split} {method}",
        f"{TITLES[method]} of the model's features of {number_of(len(positions), what)}",
        alt_words(groups, len(positions)),
        x,
        y,
        groups,
        [
            answer_words(names[true], answer, sure)
            for true, (answer, sure) in zip(mapped.labels, answers, strict=True)
        ],
        pictures_of(dataset_id, images, positions),
    )
    sample = sample_words(len(positions), layout["n_of"], what)
    st.caption(f"Shown: {sample}. {share_words(layout)}")
    key = f"map-{run.id}"
    chosen = point_map(drawn, key=key)
    caught = [positions[i] for i in chosen]
    picked = show_caught(dataset_id, images, caught, [answers[i] for i in chosen], key)
    if picked is not None:
        open_position(run, split, caught, picked)


def _groups(mapped: MappedAnswers, names: list[str], colouring: str) -> tuple[Group, ...]:
    if colouring == "true":
        return by_class(mapped.labels, names)
    if colouring == "predicted":
        return by_class(mapped.answers, names)
    rows = zip(mapped.labels, mapped.answers, mapped.confidence, strict=True)
    return by_right([true == answer and math.isfinite(sure) for true, answer, sure in rows])


def show_run_probes(run: Run) -> None:
    """Draw classical models on the pretrained features beside the trained model, once unfolded."""
    st.fragment(_unfold_probes)(run)


def _unfold_probes(run: Run) -> None:
    title = "Classical models on the same features"
    if box := unfolded(title, ":material/compare_arrows:", f"probes-open-{run.id}"):
        with box:
            _show_probes(run)


def _show_probes(run: Run) -> None:
    if not run.config.model.pretrained:
        st.caption(
            "This run began with random weights, whose features say nothing; "
            "there is nothing to compare with."
        )
        return
    try:
        dataset = get_workspace().store.get_dataset(run.config.data.dataset_id)
    except UnknownDataset:
        st.caption("The dataset was deleted, so nothing more can be tried on it.")
        return
    words = (
        "Would a simpler model do? Classical models learn from the features of the **pretrained** "
        "backbone, as they were before this run."
    )
    if not _is_frozen(run):
        words += " This run has changed its backbone, so its own features may suit better."
    st.markdown(words, help=GLOSSARY["classical models"])
    n_val = run.facts.splits.val if run.facts.splits else 0
    if run.val_accuracy is None or not n_val:
        show_probes(dataset, run.config)
        return
    own = ("This run's model", run.val_accuracy, n_val)
    if probes := show_probes(dataset, run.config, [own]):
        st.markdown(verdict(probes, run.val_accuracy, n_val))
        st.caption(
            "This run's own figure is the validation accuracy of its best epoch. Since the epoch "
            "was chosen by this figure, it is slightly too high. Differences within the lines say "
            "nothing."
        )


def _is_frozen(run: Run) -> bool:
    model = run.config.model
    return model.keeps_any and model.frozen_stages == "all" and run.config.train.unfreeze == "never"
