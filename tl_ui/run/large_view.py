"""One of a run's images large: the answer, the likeliest classes, and where the model sees any class in it."""

from collections.abc import Sequence
from urllib.parse import urlencode

import streamlit as st

from tl_core.evaluation.explain import METHODS, Method
from tl_core.glossary import GLOSSARY
from tl_core.records import ImageRecord, Prediction, Run
from tl_core.runs.summary import class_names
from tl_core.text import confidence, count, isolated, shorten
from tl_ui.bars import STYLE, bars_html
from tl_ui.components.assets import url_base
from tl_ui.components.drawing import drawing
from tl_ui.components.heat_view import heat_view
from tl_ui.dataset_view import image_url
from tl_ui.markdown import literal
from tl_ui.resources import get_tokens, get_workspace
from tl_ui.run.image_order import ranked

METHOD_NAMES: dict[Method, str] = {"grad-cam": "Grad-CAM", "occlusion": "Occlusion"}
_PLACE, _OPENED = "large-view-place", "large-view-opened"


def open_image(
    run: Run, images: Sequence[ImageRecord], around: Sequence[Prediction], position: int, what: str
) -> None:
    """Open one image over the page; it can be left for the one before and after it.

    Args:
        images: of the run's dataset, by position.
        around: predictions in the order in which they are gone through.
        position: of the image, among those.
        what: the images are, such as "test".
    """
    st.session_state[_PLACE] = next(i for i, p in enumerate(around) if p.position == position)
    _note_in_address(position)
    st.dialog(f"One {what} image", width="large")(_show)(run, images, around, what)


def open_image_of_address(
    run: Run, images: Sequence[ImageRecord], predictions: Sequence[Prediction], what: str
) -> None:
    """The image that the address names, once: who closes it is not to see it again with every change."""
    wanted = st.query_params.get("image", "")
    if wanted == st.session_state.get(_OPENED, ""):
        return
    found = [p for p in predictions if str(p.position) == wanted]
    if found:
        open_image(run, images, predictions, found[0].position, what)


def _show(run: Run, images: Sequence[ImageRecord], around: Sequence[Prediction], what: str) -> None:
    prediction = around[_go(len(around))]
    _note_in_address(prediction.position)
    image, names = images[prediction.position], class_names(run, len(prediction.probabilities))
    st.markdown(f"### {verdict(prediction, names)}")
    left, right = st.columns([3, 1], gap="medium")
    with right:
        label = _choose_class(prediction, names)
        method: Method = st.segmented_control(
            "How it is found",
            METHODS,
            default=METHODS[0],
            required=True,
            format_func=METHOD_NAMES.__getitem__,
            key="large-view-method",
            help=f"Grad-CAM: {GLOSSARY['Grad-CAM']} Occlusion: {GLOSSARY['occlusion']}",
        )
        st.markdown("**Likeliest classes**", help=GLOSSARY["confidence"])
        drawing(
            STYLE + bars_html(ranked(prediction, names, 5), true=names[prediction.true]),
            key="large-view-bars",
        )
    with left:
        _show_heat(run, image, shown_labels(prediction, label), method, names)
        _say_what_it_is(run, image, what)


def _note_in_address(position: int) -> None:
    st.session_state[_OPENED] = str(position)
    st.query_params["image"] = str(position)


def _go(n: int) -> int:
    """The place in the row, moved by two buttons; it goes round."""
    with st.container(horizontal=True, vertical_alignment="center"):
        back = st.button(
            "Previous", icon=":material/arrow_back:", key="large-view-back", disabled=n == 1
        )
        on = st.button(
            "Next", icon=":material/arrow_forward:", key="large-view-on", disabled=n == 1
        )
        place = (st.session_state.get(_PLACE, 0) + on - back) % n
        st.markdown(f"{count(place + 1)} of {count(n)}")
    st.session_state[_PLACE] = place
    return int(place)


def verdict(prediction: Prediction, names: Sequence[str]) -> str:
    """For Markdown."""
    true, answer = (
        literal(shorten(names[label], 80)) for label in (prediction.true, prediction.predicted)
    )
    sure = literal(confidence(prediction.confidence))
    if prediction.is_right:
        return f"✓ right: {answer} ({sure})"
    return f"✗ wrong: answered {answer} ({sure}), really {true}"


def _choose_class(prediction: Prediction, names: Sequence[str]) -> int:
    """Any class, the likeliest first; the answer unless another is chosen."""
    order = sorted(
        range(len(names)),
        key=lambda label: (label != prediction.predicted, -prediction.probabilities[label]),
    )
    really = {prediction.true: ", what it is"} if not prediction.is_right else {}

    def name(label: int) -> str:
        told = (
            f"{confidence(prediction.probabilities[label])} {isolated(shorten(names[label], 60))}"
        )
        return told + really.get(label, "")

    key = f"large-view-class-{prediction.position}"
    return int(
        st.selectbox(
            "Where does it see", order, format_func=name, key=key, help=GLOSSARY["heat-map"]
        )
    )


def _show_heat(
    run: Run, image: ImageRecord, labels: Sequence[int], method: Method, names: Sequence[str]
) -> None:
    photo, alt = (
        image_url(run.config.data.dataset_id, image.sha256),
        f"Image of {isolated(image.class_name)}",
    )
    heats = [
        (
            heat_url(run, image, label, method),
            f"Where it sees {isolated(shorten(names[label], 60))}",
        )
        for label in labels
    ]
    if not get_workspace().artifacts.checkpoint(run.id).exists():
        st.info("This run has no model file, so there is no heat-map.", icon=":material/info:")
        heats = []
    heat_view(
        key="large-view-heat", photo=photo, heats=heats, size=(image.width, image.height), alt=alt
    )


def shown_labels(prediction: Prediction, chosen: int) -> list[int]:
    """The chosen class; beside a wrong answer also what it really is."""
    both = chosen == prediction.predicted and not prediction.is_right
    return [chosen, prediction.true] if both else [chosen]


def heat_url(run: Run, image: ImageRecord, label: int, method: Method) -> str:
    token = get_tokens().sign("run", run.id)
    asked = urlencode(
        {"label": label, "method": method, "epoch": run.best_epoch or 0, "token": token}
    )
    return f"{url_base()}/api/runs/{run.id}/heat/{image.sha256}?{asked}"


def _say_what_it_is(run: Run, image: ImageRecord, what: str) -> None:
    words = f"{literal(shorten(image.name, 120))}, {image.width} × {image.height} pixels. "
    words += "Hatched: cut off before the model is shown the image. The brightest place of each heat-map is its own "
    words += (
        "strongest, however strong that is: two of them cannot be compared by their brightness."
    )
    if what != "test" and run.best_epoch != run.epochs_done:
        words += (
            f" The heat-map is of the model that was kept, of epoch {run.best_epoch}; the answer is that after "
            f"epoch {run.epochs_done}."
        )
    st.caption(words)
