"""A finished run, epoch by epoch: what it took for what, six images, and how its features moved."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
import streamlit as st

from tl_core.charts import confusion_chart
from tl_core.errors import TransferLabError
from tl_core.evaluation.projection import align
from tl_core.glossary import GLOSSARY
from tl_core.outputs import EpochOutputs, list_epochs, load_epochs
from tl_core.records import ImageRecord, Run
from tl_core.runs.summary import class_names
from tl_core.text import confidence, count, isolated, number_of, percent, shorten
from tl_ui.components.live_chart import chart
from tl_ui.components.point_map import point_map
from tl_ui.folding import unfolded
from tl_ui.gallery import gallery_html
from tl_ui.map_view import pictures_of
from tl_ui.markdown import literal
from tl_ui.point_maps import COLOURINGS, PointMap, alt_words, bounds_of, by_class, by_right
from tl_ui.resources import get_workspace
from tl_ui.run.images import gallery_item, images_of, pick_samples

_SECONDS_A_STEP = 1.0


@dataclass(frozen=True, slots=True)
class Said:
    """An image's answer in one epoch."""

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
    """A run's record, with a map of every epoch, turned so that points move from one to the next and do not jump."""

    epochs: tuple[EpochOutputs, ...]
    maps: tuple[Any, ...]
    """Float [M, 2] each; [0, 2] where the features were no numbers."""


@lru_cache(maxsize=8)
def reel_of(run_id: str, _epochs_done: int) -> Reel:
    """Read once for all who look. Raises: RunNotReady: the record is damaged."""
    epochs = tuple(load_epochs(get_workspace().artifacts.outputs(run_id)))
    return Reel(epochs, tuple(turned([epoch.features for epoch in epochs])))


def turned(features: Sequence[Any]) -> list[Any]:
    """Planes to look at each epoch's features from, [N, k] each.

    From the last epoch's two directions of largest spread; each epoch before is turned, in all its directions, to lie
    as near as it can to the one after.
    """
    maps: list[Any] = []
    after = None
    for points in reversed(features):
        now = np.asarray(points, dtype=np.float32)
        if not now.size:
            maps.append(np.zeros((0, 2), dtype=np.float32))
            continue
        if after is not None and after.shape == now.shape:
            now = align(now, after)
        after = now
        plane = np.pad(now, ((0, 0), (0, max(0, 2 - now.shape[1]))))[:, :2]
        maps.append(plane.astype(np.float32))
    return maps[::-1]


def show_epochs(run: Run) -> None:
    """The scrubber, once it is unfolded; runs without a record say so."""
    st.fragment(_show_epochs)(run)


def _show_epochs(run: Run) -> None:
    if box := unfolded("Step through its epochs", ":material/movie:", f"epochs-open-{run.id}"):
        with box:
            _show_record(run)


def _show_record(run: Run) -> None:
    folder = get_workspace().artifacts.outputs(run.id)
    if not list_epochs(folder):
        st.caption(
            "What this run said after each epoch was not kept: it is older than that record. Runs trained from now on "
            "have it."
        )
        return
    try:
        reel = reel_of(run.id, run.epochs_done)
    except TransferLabError as error:
        st.warning(literal(str(error)), icon=":material/error:")
        return
    playing = st.session_state.get(f"play-{run.id}", False)
    st.fragment(_scrub, run_every=_SECONDS_A_STEP if playing else None)(run, reel)


def _scrub(run: Run, reel: Reel) -> None:
    numbers = [epoch.epoch for epoch in reel.epochs]
    place = numbers.index(_choose_epoch(run, numbers))
    epoch = reel.epochs[place]
    said = [
        Said(*row)
        for row in zip(
            epoch.positions.tolist(),
            epoch.labels.tolist(),
            epoch.answers.tolist(),
            epoch.confidence.astype(float).tolist(),
            strict=True,
        )
    ]
    names = class_names(run, epoch.probabilities.shape[1])
    left, right = st.columns(2, gap="large")
    with left:
        drawn = confusion_chart(said, names, f"Validation after epoch {epoch.epoch}")
        chart(drawn, key=f"epochs-matrix-{run.id}", height=min(560, drawn.height))
    with right:
        _show_map(run, reel, place, said, names)
    _show_samples(run, said, names)


def _choose_epoch(run: Run, numbers: Sequence[int]) -> int:
    """By a slider, or playing from one to the next."""
    key, play = f"epoch-{run.id}", f"play-{run.id}"
    st.session_state.setdefault(key, run.best_epoch if run.best_epoch in numbers else numbers[-1])
    if st.session_state[key] not in numbers:
        st.session_state[key] = numbers[-1]
    if len(numbers) == 1:
        st.caption(f"It has one epoch, number {numbers[0]}.")
        return numbers[0]
    if st.session_state.get(play):
        _advance(key, play, numbers)
    button, slider = st.columns([1, 6], vertical_alignment="bottom")
    playing = st.session_state.get(play, False)
    words, icon = ("Pause", ":material/pause:") if playing else ("Play", ":material/play_arrow:")
    if button.button(words, icon=icon, key=f"{play}-button", width="stretch"):
        st.session_state[play] = not playing
        st.rerun()
    marks = f", best on validation: {run.best_epoch}" if run.best_epoch else ""
    label = f"After epoch ({numbers[0]} to {numbers[-1]}{marks})"
    return slider.select_slider(label, list(numbers), key=key, help=GLOSSARY["epoch"])


def _advance(key: str, play: str, numbers: Sequence[int]) -> None:
    """One epoch on, to the last; where playing begins with that, from the first."""
    place = numbers.index(st.session_state[key])
    st.session_state[key] = numbers[(place + 1) % len(numbers)]
    if st.session_state[key] == numbers[-1]:
        st.session_state[play] = False
        st.rerun()


def _show_map(run: Run, reel: Reel, place: int, said: Sequence[Said], names: Sequence[str]) -> None:
    epoch, points = reel.epochs[place], reel.maps[place]
    if not len(points):
        st.caption(
            f"After epoch {epoch.epoch} the features were not finite numbers, so there is no map of them."
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
    chosen = [said[row] for row in epoch.rows.tolist()]
    point_map(
        epoch_map(
            run, epoch, points, chosen, names, colouring=colouring, bounds=bounds_of(reel.maps)
        ),
        key=f"epochs-map-{run.id}",
        height=460,
        glide=500,
        lasso=False,
    )
    st.caption(_map_words(reel, place))


def epoch_map(
    run: Run,
    epoch: EpochOutputs,
    points: Any,
    said: Sequence[Said],
    names: Sequence[str],
    *,
    colouring: str,
    bounds: Any,
) -> PointMap:
    """The followed validation images where their features lie after an epoch."""
    if colouring == "right":
        groups = by_right([each.is_right for each in said])
    else:
        groups = by_class(
            [each.true if colouring == "true" else each.predicted for each in said], names
        )
    right, n = sum(each.is_right for each in said), len(said)
    images = images_of(run)
    return PointMap(
        f"{run.id} {epoch.epoch}",
        f"Features of {number_of(n, 'validation image')} after epoch {epoch.epoch}, {count(right)} of them right",
        alt_words(groups, n),
        *np.round(points.astype(float), 3).T.tolist(),
        groups,
        [answer_words(names[each.true], names[each.predicted], each.confidence) for each in said],
        pictures_of(run.config.data.dataset_id, images, [each.position for each in said]),
        bounds,
    )


def answer_words(true: str, answer: str, sure: float) -> str:
    """Below an image's picture. Plain text."""
    said, really = (isolated(shorten(name, 40)) for name in (answer, true))
    return (
        f"✓ {said} ({confidence(sure)})"
        if true == answer
        else f"✗ answered {said} ({confidence(sure)})\nreally {really}"
    )


def _map_words(reel: Reel, place: int) -> str:
    epoch, points = reel.epochs[place], np.asarray(reel.maps[place], np.float64)
    share = min(1.0, float(points.var(axis=0).sum() / epoch.spread)) if epoch.spread else 0.0
    words = (
        f"The two directions shown hold {percent(share)} of how the features differ. Points that lie together look "
        "alike to the model."
    )
    if len(reel.epochs) > 1 and all(each.stands_still for each in reel.epochs[1:]):
        return (
            f"{words} They stand still from epoch to epoch, because the whole backbone is frozen."
        )
    return words


def _show_samples(run: Run, said: Sequence[Said], names: Sequence[str]) -> None:
    images = images_of(run)
    if not images:
        st.caption("The dataset was deleted, so its images cannot be shown.")
        return
    st.html(gallery_html(sample_items(run, images, said, names), side=150))


def sample_items(
    run: Run, images: Sequence[ImageRecord], said: Sequence[Said], names: Sequence[str]
) -> list[Any]:
    """Six validation images, always the same, with what was said to them."""
    answers = {each.position: each for each in said}
    chosen = [answers[position] for position in pick_samples(images, list(answers))]
    return [
        replace(
            gallery_item(run, images, each.position),
            predicted=names[each.predicted],
            confidence=each.confidence,
        )
        for each in chosen
    ]
