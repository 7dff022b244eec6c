"""Six validation images on the page of a run under way, with their predictions as they change."""

from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

from tl_core.errors import UnknownRun
from tl_core.evaluation.sampling import N_SAMPLES, pick_samples
from tl_core.glossary import GLOSSARY
from tl_core.records import PREVIEW, Prediction, Run
from tl_core.text import number_of
from tl_ui.choice import draw_again
from tl_ui.components.picker import picker
from tl_ui.gallery import gallery_html
from tl_ui.large_view import open_dataset_image
from tl_ui.resources import get_workspace
from tl_ui.run.images import gallery_item, images_of, predictions_after, run_split
from tl_ui.run.large_view import open_image
from tl_ui.run.progress import is_far, is_training


@dataclass(frozen=True, slots=True)
class _Answers:
    """Newest predictions for validation images."""

    when: str
    """Time at which they were made, such as "after epoch 2"."""
    by_position: dict[int, Prediction]


def follow_samples(run: Run) -> None:
    """Draw the same few validation images with their predictions, as they change.

    They are those of the preview before the first epoch, then those after each epoch. A click
    opens an image large.
    """
    # As often as the charts beside them, so that all show the same epoch within a second. Each
    # refresh costs the run some of its speed, so that it is less often while the end is far.
    is_below_curves = is_training(run)
    st.fragment(_show_samples, run_every=2.0 if is_far(run) else 1.0)(run.id, is_below_curves)


def show_opened_sample(run: Run) -> None:
    """Draw the sample that was opened while the run was under way, until its dialog is closed.

    To be called by the page in every state of the run: what a refreshing fragment opens would be
    closed by its next refresh, and the dialog stays open when the run comes to its end.
    """
    position = st.session_state.get(_opened(run.id))
    images = images_of(run)
    if position is None or not images:
        return
    positions = _sample_positions(run)
    answers = _newest(run)
    around = [answers.by_position[each] for each in positions if each in answers.by_position]

    def note(shown: int) -> None:
        st.session_state[_opened(run.id)] = shown

    def forget() -> None:
        st.session_state.pop(_opened(run.id), None)

    if position in answers.by_position:
        open_image(
            run,
            images,
            around,
            position,
            "validation",
            answered=f"The answer is that {answers.when}.",
            note=note,
            on_close=forget,
        )
    else:
        alone = [images[each] for each in positions]
        open_dataset_image(run.config.data.dataset_id, alone, position, on_close=forget)


def _opened(run_id: str) -> str:
    """Return the session key of the position of the sample that is shown large."""
    return f"sample-opened-{run_id}"


def _sample_positions(run: Run) -> list[int]:
    return pick_samples(images_of(run), run_split(run.config.data).val)


def _show_samples(run_id: str, is_below_curves: bool) -> None:
    """Draw the images, in the place that they have in this phase of the run.

    When the phase changes, a refresh of the former place may be under way in the same script run:
    what is drawn twice then needs two keys.
    """
    try:
        run = get_workspace().store.get_run(run_id)
    except UnknownRun:
        # Deleted meanwhile: the fragment in `watch` reruns the page, which then says so.
        return
    images = images_of(run)
    answers = _newest(run)
    positions = _sample_positions(run) if images else []
    what = number_of(len(positions) or N_SAMPLES, "validation image")
    st.subheader("Validation predictions", help=GLOSSARY["validation"], anchor=False)
    st.caption(f"{what}, {answers.when}.")
    if not images:
        st.caption("The dataset was deleted, so its images cannot be shown.")
        return
    if not answers.by_position:
        st.caption(
            "Each caption names the true class. During training it also shows "
            "the model's answer after each epoch."
        )
    items = [
        gallery_item(run, images, position, answers.by_position.get(position), pickable=True)
        for position in positions
    ]
    picked = picker(gallery_html(items, side=150), key=f"samples-{run_id}-{is_below_curves}")
    if picked in positions:
        st.session_state[_opened(run_id)] = picked
        draw_again()


def _newest(run: Run) -> _Answers:
    # The fragment reads the run itself: the page's script does not run again after each epoch.
    epoch, predictions = predictions_after(run.id, "val", run.epochs_done)
    if epoch:
        return _Answers(f"after epoch {epoch}", _by_position(predictions))
    n_train, previewed = get_workspace().store.list_predictions(run.id, PREVIEW)
    if n_train:
        words = f"preview after {number_of(n_train, 'training image')}"
        return _Answers(words, _by_position(previewed))
    return _Answers("before the first epoch", {})


def _by_position(predictions: Sequence[Prediction]) -> dict[int, Prediction]:
    return {prediction.position: prediction for prediction in predictions}
