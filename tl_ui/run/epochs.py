"""Validation results of a finished run by epoch: confusion matrix, feature map, six images."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import streamlit as st

from tl_core.charts import confusion_chart
from tl_core.errors import TransferLabError
from tl_core.evaluation.projection import align
from tl_core.evaluation.sampling import pick_samples
from tl_core.glossary import GLOSSARY
from tl_core.outputs import EpochOutputs, list_epochs, load_epochs
from tl_core.records import ImageRecord, Run
from tl_core.runs.summary import class_names
from tl_core.text import confidence, count, isolated, number_of, percent, shorten
from tl_ui.caching import cached_by_person
from tl_ui.components.live_chart import chart
from tl_ui.components.picker import picker
from tl_ui.components.point_map import point_map
from tl_ui.folding import unfolded
from tl_ui.gallery import gallery_html
from tl_ui.map_view import pictures_of
from tl_ui.markdown import literal
from tl_ui.point_maps import COLOURINGS, PointMap, alt_words, bounds_of, by_class, by_right
from tl_ui.resources import get_workspace
from tl_ui.run.images import gallery_item, images_of, open_position

_SECONDS_PER_EPOCH = 1.0
"""Time that an epoch is shown while the epochs are played."""


@dataclass(frozen=True, slots=True)
class EpochAnswer:
    """Prediction for one validation image after one epoch."""

    position: int
    true: int
    predicted: int
    confidence: float

    @property
    def is_number(self) -> bool:
        return math.isfinite(self.confidence)

    @property
    def is_right(self) -> bool:
        return self.predicted == self.true and self.is_number


@dataclass(frozen=True, slots=True, eq=False)
class Reel:
    """Recorded outputs of every epoch, with aligned feature maps."""

    epochs: tuple[EpochOutputs, ...]
    maps: tuple[Any, ...]
    """Points of each epoch's map, float [M, 2]; [0, 2] where the features were not finite."""


# Unlike Streamlit's caches, it counts a parameter with an underscore: a resumed run has a longer
# record.
@cached_by_person(8)
def reel_of(run_id: str, _epochs_done: int) -> Reel:
    """Load a run's record once for all readers.

    Raises:
        RunNotReady: the record is damaged.
    """
    epochs = tuple(load_epochs(get_workspace().artifacts.outputs(run_id)))
    return Reel(epochs, tuple(turned([epoch.features for epoch in epochs])))


def turned(features: Sequence[Any]) -> list[Any]:
    """Project each epoch's features, [N, k] each, onto a plane so that points move smoothly.

    The last epoch is seen along its two directions of largest variance. Every earlier epoch is
    rotated, in all k dimensions, to lie as near as possible to the epoch after it.
    """
    # Backwards: the last epoch is the reference for all others.
    maps: list[Any] = []
    later = None
    for points in reversed(features):
        current = np.asarray(points, dtype=np.float32)
        if not current.size:
            maps.append(np.zeros((0, 2), dtype=np.float32))
            continue
        # The alignment needs the same images and as many dimensions.
        if later is not None and later.shape == current.shape:
            current = align(current, later)
        later = current
        # Features of one dimension get a second one of zeros.
        n_missing = max(0, 2 - current.shape[1])
        plane = np.pad(current, ((0, 0), (0, n_missing)))[:, :2]
        maps.append(plane.astype(np.float32))
    return maps[::-1]


def show_epochs(run: Run) -> None:
    """Draw the steps through the epochs, once unfolded; runs without a record say so."""
    # A fragment, so that unfolding does not draw the whole page again.
    st.fragment(_show_epochs)(run)


def _show_epochs(run: Run) -> None:
    title = "Confusion matrix and feature map by epoch"
    if box := unfolded(title, ":material/movie:", f"epochs-open-{run.id}"):
        with box:
            st.caption("Step through the epochs and see how the model learned.")
            _show_record(run)


def _show_record(run: Run) -> None:
    if not list_epochs(get_workspace().artifacts.outputs(run.id)):
        st.caption(
            "What this run said after each epoch was not kept: it was trained by an older version. "
            "Runs that are trained now have this record."
        )
        return
    try:
        reel = reel_of(run.id, run.epochs_done)
    except TransferLabError as error:
        st.warning(literal(str(error)), icon=":material/error:")
        return
    playing = st.session_state.get(f"play-{run.id}", False)
    st.fragment(_show_epoch, run_every=_SECONDS_PER_EPOCH if playing else None)(run, reel)


def _show_epoch(run: Run, reel: Reel) -> None:
    numbers = [epoch.epoch for epoch in reel.epochs]
    place = numbers.index(_choose_epoch(run, numbers))
    epoch = reel.epochs[place]
    answers = _answers_of(epoch)
    names = class_names(run, epoch.probabilities.shape[1])
    left, right = st.columns(2, gap="large")
    with left:
        drawn = confusion_chart(answers, names, f"Validation after epoch {epoch.epoch}")
        chart(drawn, key=f"epochs-matrix-{run.id}", height=min(560, drawn.height))
    with right:
        _show_map(run, reel, place, answers, names)
    _show_samples(run, answers, names)


def _answers_of(epoch: EpochOutputs) -> list[EpochAnswer]:
    # `tolist` gives Python's own numbers, which are read far faster than NumPy's scalars.
    rows = zip(
        epoch.positions.tolist(),
        epoch.labels.tolist(),
        epoch.answers.tolist(),
        epoch.confidence.astype(float).tolist(),
        strict=True,
    )
    return [EpochAnswer(*row) for row in rows]


def _choose_epoch(run: Run, numbers: Sequence[int]) -> int:
    """Draw slider and play button, and return the epoch that is shown."""
    key = f"epoch-{run.id}"
    play_key = f"play-{run.id}"
    st.session_state.setdefault(key, run.best_epoch if run.best_epoch in numbers else numbers[-1])
    # The session may hold an epoch that is not in this record.
    if st.session_state[key] not in numbers:
        st.session_state[key] = numbers[-1]
    if len(numbers) == 1:
        st.caption(f"It has one epoch, number {numbers[0]}.")
        return numbers[0]
    if st.session_state.get(play_key):
        # Here, since the slider's state can only be set before the slider is drawn.
        _advance(key, play_key, numbers)
    button, slider = st.columns([1, 6], vertical_alignment="bottom")
    playing = st.session_state.get(play_key, False)
    words, icon = ("Pause", ":material/pause:") if playing else ("Play", ":material/play_arrow:")
    if button.button(words, icon=icon, key=f"{play_key}-button", width="stretch"):
        st.session_state[play_key] = not playing
        # The fragment's timer is set where it is called, so that this has to run again.
        st.rerun()
    best = f", best on validation: {run.best_epoch}" if run.best_epoch else ""
    label = f"After epoch ({numbers[0]} to {numbers[-1]}{best})"
    return slider.select_slider(label, list(numbers), key=key, help=GLOSSARY["epoch"])


def _advance(key: str, play_key: str, numbers: Sequence[int]) -> None:
    """Go to the next epoch, from the last to the first; stop playing at the last."""
    place = numbers.index(st.session_state[key])
    st.session_state[key] = numbers[(place + 1) % len(numbers)]
    if st.session_state[key] == numbers[-1]:
        st.session_state[play_key] = False
        st.rerun()


def _show_map(
    run: Run, reel: Reel, place: int, answers: Sequence[EpochAnswer], names: Sequence[str]
) -> None:
    epoch = reel.epochs[place]
    points = reel.maps[place]
    if not len(points):
        st.caption(
            f"After epoch {epoch.epoch} the features were not finite numbers, "
            "so there is no map of them."
        )
        return
    colouring = st.segmented_control(
        "Points are coloured by",
        list(COLOURINGS),
        default="predicted",
        required=True,
        format_func=COLOURINGS.__getitem__,
        key=f"epochs-colour-{run.id}",
        help=GLOSSARY["embedding map"],
    )
    # Features are recorded of a sample of the validation images.
    mapped = [answers[row] for row in epoch.rows.tolist()]
    # Bounds of all epochs together, so that the axes do not jump from one to the next.
    bounds = bounds_of(reel.maps)
    drawn = epoch_map(run, epoch, points, mapped, names, colouring=colouring, bounds=bounds)
    # Points glide for half a second, and so rest before the next epoch is played.
    point_map(drawn, key=f"epochs-map-{run.id}", height=460, glide=500, lasso=False)
    st.caption(_map_words(reel, place))


def epoch_map(
    run: Run,
    epoch: EpochOutputs,
    points: Any,
    answers: Sequence[EpochAnswer],
    names: Sequence[str],
    *,
    colouring: str,
    bounds: Any,
) -> PointMap:
    """Return the feature map of the recorded validation images after an epoch.

    Args:
        answers: predictions for the points, in their order.
        colouring: a key of `COLOURINGS`.
    """
    if colouring == "right":
        groups = by_right([each.is_right for each in answers])
    elif colouring == "true":
        groups = by_class([each.true for each in answers], names)
    else:
        groups = by_class([each.predicted for each in answers], names)
    n_right = sum(each.is_right for each in answers)
    images = number_of(len(answers), "validation image")
    positions = [each.position for each in answers]
    return PointMap(
        f"{run.id} {epoch.epoch}",
        f"Features of {images} after epoch {epoch.epoch}, {count(n_right)} of them right",
        alt_words(groups, len(answers)),
        # More digits than the eye can see would only lengthen the message to the browser.
        *np.round(points.astype(float), 3).T.tolist(),
        groups,
        [answer_words(names[a.true], names[a.predicted], a.confidence) for a in answers],
        pictures_of(run.config.data.dataset_id, images_of(run), positions),
        bounds,
    )


def answer_words(true: str, answer: str, sure: float) -> str:
    """Return the plain text below an image's picture: answer, confidence and true class."""
    predicted = f"{isolated(shorten(answer, 40))} ({confidence(sure)})"
    if true == answer:
        return f"✓ {predicted}"
    return f"✗ answered {predicted}\nreally {isolated(shorten(true, 40))}"


def _map_words(reel: Reel, place: int) -> str:
    spread = reel.epochs[place].spread
    # Rounding can push the share slightly above 1.
    shown = float(np.asarray(reel.maps[place], np.float64).var(axis=0).sum())
    share = min(1.0, shown / spread) if spread else 0.0
    words = (
        f"The two directions shown hold {percent(share)} of the variance of the features. "
        "Points that lie together look alike to the model."
    )
    if len(reel.epochs) > 1 and all(each.stands_still for each in reel.epochs[1:]):
        words += " They do not move from epoch to epoch, because the whole backbone is frozen."
    return words


def _show_samples(run: Run, answers: Sequence[EpochAnswer], names: Sequence[str]) -> None:
    images = images_of(run)
    if not images:
        st.caption("The dataset was deleted, so its images cannot be shown.")
        return
    items = sample_items(run, images, answers, names)
    picked = picker(gallery_html(items, side=150), key=f"epoch-samples-{run.id}")
    positions = [item.pick for item in items]
    opened = f"epoch-image-{run.id}"
    if picked in positions:
        st.session_state[opened] = picked
        if st.session_state.get(play_key := f"play-{run.id}"):
            # The next epoch that is played would close the dialog.
            st.session_state[play_key] = False
            st.rerun()
    position = st.session_state.pop(opened, None)
    if position in positions:
        open_position(run, "val", positions, position)


def sample_items(
    run: Run,
    images: Sequence[ImageRecord],
    answers: Sequence[EpochAnswer],
    names: Sequence[str],
) -> list[Any]:
    """Return the same six validation images in every epoch, with their predictions."""
    by_position = {each.position: each for each in answers}
    chosen = [by_position[position] for position in pick_samples(images, list(by_position))]
    return [
        replace(
            gallery_item(run, images, each.position, pickable=True),
            predicted=names[each.predicted],
            confidence=each.confidence,
        )
        for each in chosen
    ]
