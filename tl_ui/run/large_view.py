"""Large view of a run's image: prediction, most likely classes and heat-map for any class."""

from collections.abc import Callable, Sequence
from urllib.parse import urlencode

import streamlit as st

from tl_core.evaluation.explain import METHODS, Method
from tl_core.glossary import GLOSSARY
from tl_core.records import ImageRecord, Prediction, Run
from tl_core.runs.summary import class_names, is_busy
from tl_core.text import confidence, isolated, shorten
from tl_ui.bars import STYLE, bars_html
from tl_ui.components.assets import url_base
from tl_ui.components.drawing import drawing
from tl_ui.heatmaps import METHOD_NAMES
from tl_ui.large_view import open_large, show_photo
from tl_ui.markdown import literal
from tl_ui.resources import get_tokens, get_workspace
from tl_ui.run.image_order import ranked

_OPENED = "large-view-opened"
"""Session key: position of the image that the address named last."""


def note_in_address(position: int) -> None:
    """Name the image that is shown large in the page's address."""
    # Noted as opened, so that the changed address does not open the dialog a second time.
    st.session_state[_OPENED] = str(position)
    st.query_params["image"] = str(position)


def forget_address() -> None:
    """Take the image out of the page's address, once its dialog is closed."""
    # A reload or a copied address would open the dialog again.
    st.query_params.pop("image", None)
    st.session_state.pop(_OPENED, None)


def open_image(
    run: Run,
    images: Sequence[ImageRecord],
    around: Sequence[Prediction],
    position: int,
    what: str,
    *,
    answered: str = "",
    note: Callable[[int], None] = note_in_address,
    on_close: Callable[[], None] = forget_address,
) -> None:
    """Open one image in a dialog, with buttons for the previous and the next one.

    Args:
        images: images of the run's dataset, by position.
        around: predictions in the order in which they are stepped through.
        position: dataset position of the image that is shown first.
        what: kind of the images, such as "test".
        answered: sentence that says when the model gave these answers, for a run under way.
        note: receives the position of each image that is shown, to find it again.
        on_close: called when the reader closes the dialog.
    """
    place = next(i for i, p in enumerate(around) if p.position == position)
    note(position)

    def show(i: int) -> None:
        note(around[i].position)
        _show(run, images, around[i], what, answered)

    open_large(f"One {what} image", len(around), place, show, on_close=on_close)


def open_image_of_address(
    run: Run, images: Sequence[ImageRecord], predictions: Sequence[Prediction], what: str
) -> None:
    """Open the image that the address names, but only once.

    A reader who has closed the dialog must not see it again with every interaction.
    """
    wanted = st.query_params.get("image", "")
    if wanted == st.session_state.get(_OPENED, ""):
        return
    matching = [p for p in predictions if str(p.position) == wanted]
    if matching:
        open_image(run, images, predictions, matching[0].position, what)


def _show(
    run: Run, images: Sequence[ImageRecord], prediction: Prediction, what: str, answered: str
) -> None:
    image = images[prediction.position]
    names = class_names(run, len(prediction.probabilities))
    st.markdown(f"### {verdict(prediction, names)}")
    left, right = st.columns([3, 1], gap="medium")
    with right:
        label = _choose_class(prediction, names)
        method: Method = st.segmented_control(
            "Method",
            METHODS,
            default=METHODS[0],
            required=True,
            format_func=METHOD_NAMES.__getitem__,
            key="large-view-method",
            help=f"Grad-CAM: {GLOSSARY['Grad-CAM']} Occlusion: {GLOSSARY['occlusion']}",
        )
        st.markdown("**Most likely classes**", help=GLOSSARY["confidence"])
        # Not by `st.html`, where the bars would not get the theme's colours.
        drawing(
            STYLE + bars_html(ranked(prediction, names, 5), true=names[prediction.true]),
            key="large-view-bars",
        )
    with left:
        _show_heat(run, image, shown_labels(prediction, label), method, names)
        _caption(run, image, what, answered)


def verdict(prediction: Prediction, names: Sequence[str]) -> str:
    """Return as Markdown whether the prediction is right, its confidence and the true class."""
    true = literal(shorten(names[prediction.true], 80))
    answer = literal(shorten(names[prediction.predicted], 80))
    sure = literal(confidence(prediction.confidence))
    if prediction.is_right:
        return f"✓ right: {answer} ({sure})"
    return f"✗ wrong: answered {answer} ({sure}), really {true}"


def _choose_class(prediction: Prediction, names: Sequence[str]) -> int:
    """Return the class whose heat-map is shown, by default the predicted one."""

    def rank(label: int) -> tuple[bool, float]:
        return label != prediction.predicted, -prediction.probabilities[label]

    def name(label: int) -> str:
        probability = confidence(prediction.probabilities[label])
        words = f"{probability} {isolated(shorten(names[label], 60))}"
        is_missed = label == prediction.true and not prediction.is_right
        return f"{words}, what it is" if is_missed else words

    order = sorted(range(len(names)), key=rank)
    # A key for each image: a class chosen for one must not be kept for the next.
    key = f"large-view-class-{prediction.position}"
    help_ = GLOSSARY["heat-map"]
    return int(st.selectbox("Heat-map of class", order, format_func=name, key=key, help=help_))


def _show_heat(
    run: Run, image: ImageRecord, labels: Sequence[int], method: Method, names: Sequence[str]
) -> None:
    heats = [
        (
            heat_url(run, image, label, method),
            f"Where it sees {isolated(shorten(names[label], 60))}",
        )
        for label in labels
    ]
    if not get_workspace().artifacts.checkpoint(run.id).exists():
        words = "This run has no model file, so there is no heat-map."
        if is_busy(run):
            words = "There is no heat-map before the first epoch: no model has been kept yet."
        st.info(words, icon=":material/info:")
        heats = []
    show_photo(run.config.data.dataset_id, image, heats)


def shown_labels(prediction: Prediction, chosen: int) -> list[int]:
    """Return the labels with a heat-map: the chosen one, and the true one beside a wrong answer."""
    # To see what the model took for the wrong class, and what it missed of the right one.
    both = chosen == prediction.predicted and not prediction.is_right
    return [chosen, prediction.true] if both else [chosen]


def heat_url(run: Run, image: ImageRecord, label: int, method: Method) -> str:
    query = {
        "label": label,
        "method": method,
        # The epoch makes the address change with the model, past the browser's cache.
        "epoch": run.best_epoch or 0,
        "token": get_tokens().sign("run", run.id),
    }
    return f"{url_base()}/api/runs/{run.id}/heat/{image.sha256}?{urlencode(query)}"


def _caption(run: Run, image: ImageRecord, what: str, answered: str) -> None:
    words = (
        f"{literal(shorten(image.name, 120))}, {image.width} × {image.height} pixels. "
        "Hatched: cut off before the model is shown the image. The brightest place of each "
        "heat-map is its own maximum, however low that is: brightness cannot be compared between "
        "two heat-maps."
    )
    if answered:
        words += f" {answered}"
    # Test predictions come from the best epoch, as the heat-map does; validation from the last.
    elif what != "test" and run.best_epoch != run.epochs_done:
        words += (
            f" The heat-map is of the model that was kept, of epoch {run.best_epoch}; "
            f"the answer is that after epoch {run.epochs_done}."
        )
    st.caption(words)
