"""Predictions for uploaded images: each picture with its most likely classes."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

import streamlit as st

from tl_core.data.file_types import FORMATS_IN_WORDS
from tl_core.data.images import image_path
from tl_core.errors import UnknownRun
from tl_core.evaluation.sampling import pick_samples
from tl_core.glossary import GLOSSARY
from tl_core.records import OPERATOR, Run
from tl_core.runs.predictor import answers_csv
from tl_core.runs.summary import is_busy, model_words
from tl_core.store import RunQuery
from tl_core.text import confidence, html_text, isolated, number_of, percent, shorten
from tl_ui.address_select import choose_by_address
from tl_ui.bars import STYLE as BAR_STYLE
from tl_ui.bars import bars_html
from tl_ui.choice import chosen
from tl_ui.components.download import download_link
from tl_ui.components.picker import picker
from tl_ui.components.upload import upload_dropzone
from tl_ui.data.upload_batch import UploadRefused
from tl_ui.data.upload_kinds import ASKED, MOST_ASKED
from tl_ui.gallery import gallery_html
from tl_ui.large_view import open_large
from tl_ui.markdown import literal
from tl_ui.owners import own_first, owners_of
from tl_ui.people import current_person
from tl_ui.resources import get_tokens, get_uploads, get_workspace
from tl_ui.run.images import gallery_item, images_of, open_position, run_split
from tl_ui.run.overview import STATES, has_model
from tl_ui.try_it.asking import Asked
from tl_ui.try_it.one_image import show_one

_SENDS_WITH = "asked-with"
"""Session key: token of the upload."""
_MOST_OFFERED = 100
"""Models in the list of choices, the newest first; links lead to any other."""
_SAMPLES_OF = "samples-of"
"""Session key: run that was asked about its test images."""
_STYLE = """<style>
.tl-answers { display: grid; gap: 1rem;
  grid-template-columns: repeat(auto-fill, minmax(min(24rem, 100%), 1fr)); }
.tl-answers article { display: grid; grid-template-columns: 8rem minmax(0, 1fr); gap: 1rem;
  padding: 0.75rem; border: 1px solid var(--st-border-color); border-radius: 0.5rem;
  align-items: start; }
.tl-answers .unseen { grid-template-columns: 1fr; }
.tl-answers img { width: 100%; max-height: 12rem; object-fit: contain; border-radius: 0.375rem; }
.tl-answers h3 { font-size: 1rem; font-weight: 600; margin: 0 0 0.1rem; overflow-wrap: anywhere; }
.tl-answers p { font-size: 0.8125rem; margin: 0 0 0.5rem; overflow-wrap: anywhere; opacity: 0.85; }
</style>"""


def choose_run() -> Run | None:
    """Return the chosen run with a model: the one in the address, else one on the chosen dataset.

    Favourites come before the others, the newest first. Without any model it is None.
    """
    store = get_workspace().store
    dataset_id = chosen().get("dataset")
    asked = _run_of_address()
    queries = [
        RunQuery(has_learned=True, is_favourite=True, limit=_MOST_OFFERED),
        RunQuery(has_learned=True, limit=_MOST_OFFERED),
        # One on the chosen dataset may be older than those.
        RunQuery(has_learned=True, dataset_id=dataset_id or "", limit=1),
    ]
    offered = [run for query in queries for run in store.list_runs(query)]
    person = current_person()
    if person.leads and person is not OPERATOR:
        # A class has many newer ones than its teacher.
        own = RunQuery(has_learned=True, owner=person.id, limit=_MOST_OFFERED)
        offered = own_first([*offered, *store.list_runs(own)])
    usable = {run.id: run for run in [*offered, *asked] if has_model(run)}
    if not usable:
        return None
    owners = owners_of(run.owner for run in usable.values())
    names = {run_id: _run_name(run, owners) for run_id, run in usable.items()}
    on_it = (run.id for run in usable.values() if run.config.data.dataset_id == dataset_id)
    why_not = {run.id: _why_no_model(run) for run in asked if run.id not in usable}
    default = next(on_it, None)
    return usable[choose_by_address("Model", names, "run", default=default, why_not=why_not)]


def _run_of_address() -> list[Run]:
    """Return the run that the address names, if there is one."""
    try:
        return [get_workspace().store.get_run(st.query_params.get("run", ""))]
    except UnknownRun:
        return []


def _why_no_model(run: Run) -> str:
    yet = "has no model yet" if is_busy(run) else "has no model"
    return f"Run `{run.id}` {yet} ({STATES[run.state][0]}): the model of another one is shown."


def _run_name(run: Run, owners: Mapping[str, str]) -> str:
    """Return a run's name in the list of choices, which shows plain text."""
    if run.result:
        figure = f"{percent(run.result.accuracy)} of {number_of(run.result.n, 'test image')} right"
    else:
        figure = f"model of epoch {run.best_epoch}, not tested"
    name = f"{'★ ' * run.is_favourite}{isolated(shorten(run.title or run.dataset_name, 60))}"
    by = f", {owners[run.owner]}" if run.owner in owners else ""
    return f"{name}: {model_words(run.config.model)}; {figure} ({run.id}{by})"


def drop_images() -> list[tuple[str, Any]]:
    """Draw the upload field and return (name, file) of each upload; names are user text."""
    # Not Streamlit's own uploader, which keeps files in the server's memory.
    uploads = get_uploads()
    if _SENDS_WITH not in st.session_state:
        st.session_state[_SENDS_WITH] = get_tokens().sign("upload", ASKED.new_id())
    sent = upload_dropzone(
        key="asked-zone",
        token=st.session_state[_SENDS_WITH],
        uploads=uploads,
        kind=ASKED,
        words={
            "title": "Drop in one or more images",
            "hint": f"{FORMATS_IN_WORDS}; up to {MOST_ASKED}. They are only used for the "
            "prediction, and deleted after a quarter of an hour.",
            "choose": "Choose images",
            "what": ASKED.called,
            # Of any name: what is an image is told by content, here as everywhere.
            "accept": "",
        },
    )
    # It may have been dropped at this moment.
    with suppress(UploadRefused):
        return list(uploads.get(sent["upload_id"]).entries()) if sent else []
    return []


def take_picture() -> list[tuple[str, Any]]:
    """Draw the camera and return (name, file) of its picture, if one was taken."""
    # Behind a switch, because the browser asks for permission as soon as the camera is drawn.
    words = "The browser asks first. The picture is not stored."
    if not st.toggle("Use the camera", key="with-camera", help=words):
        return []
    picture = st.camera_input("Take a picture", label_visibility="collapsed", width=480)
    return [("camera.jpg", picture)] if picture else []


def test_samples(run: Run) -> list[tuple[str, Path, str]]:
    """Return (name, file, class) of six test images; none if the dataset was deleted."""
    images = images_of(run)
    if not images:
        return []
    folder = get_workspace().artifacts.dataset_folder(run.config.data.dataset_id)
    positions = pick_samples(images, run_split(run.config.data).test)
    chosen = [images[position] for position in positions]
    return [(image.name, image_path(folder, image), image.class_name) for image in chosen]


def wants_test_samples(run: Run) -> bool:
    """Draw six test images and a button; return True once the button was clicked for this run."""
    images = images_of(run)
    if not images:
        return False
    st.markdown(
        "**No image at hand?** Here are some test images, from which the model did not learn."
    )
    positions = pick_samples(images, run_split(run.config.data).test)
    items = [gallery_item(run, images, position, pickable=True) for position in positions]
    picked = picker(gallery_html(items, side=104), key=f"test-samples-{run.id}")
    if picked in positions:
        open_position(run, "test", positions, picked)
    label = "Ask the model about these"
    if st.button(label, icon=":material/play_arrow:", key=f"samples-{run.id}"):
        # A click lasts for one run of the script; the answers stay until another run is chosen.
        st.session_state[_SAMPLES_OF] = run.id
    return bool(st.session_state.get(_SAMPLES_OF) == run.id)


def show_answers(
    run: Run, files: Sequence[tuple[str, Path | BinaryIO]], asked: Sequence[Asked]
) -> None:
    """Draw one image with its heat-map and likely classes, or a card for each of several.

    Args:
        asked: predictions, in the order of the files.
    """
    if not asked:
        return
    st.header("Predictions", help=GLOSSARY["confidence"], anchor=False)
    # Before the answers, of which the surest may be about something it has never seen.
    st.caption(
        f"What it says to {number_of(len(asked), 'image')}. The model always chooses among the "
        "classes it was trained on, even if the image shows none of them."
    )
    if len(asked) == 1 and asked[0].answer.top:
        if asked[0].true:
            st.markdown(f"### {_title(asked[0], literal)}")
        # Choices redraw this part alone.
        st.fragment(show_one)(run, files[0][1], asked[0])
    else:
        _show_cards(run, files, asked)
    table = answers_csv([one.answer for one in asked])
    download_link("Download as CSV", table, "answers.csv", key="answers-csv")


def _show_cards(
    run: Run, files: Sequence[tuple[str, Path | BinaryIO]], asked: Sequence[Asked]
) -> None:
    picked = picker(answers_html(asked), key="answers")
    # For a file that is no usable image there is no answer to show large.
    places = [place for place, one in enumerate(asked) if one.answer.top]
    if picked not in places:
        return

    def show(i: int) -> None:
        one = asked[places[i]]
        st.markdown(f"### {_title(one, literal)}")
        show_one(run, files[places[i]][1], one)

    open_large("One image", len(places), places.index(picked), show)


def answers_html(asked: Sequence[Asked]) -> str:
    """Return the cards as HTML for the `picker` component."""
    cards = "".join(_card(place, one) for place, one in enumerate(asked))
    return f'{BAR_STYLE}{_STYLE}<div class="tl-answers">{cards}</div>'


def _card(place: int, asked: Asked) -> str:
    answer = asked.answer
    name = html_text(shorten(answer.name, 80))
    picture = ""
    if asked.picture:
        picture = f'<img src="{asked.picture}" alt="{html_text(answer.name)}">'
    if not answer.top:
        words = f"<h3>This image cannot be used</h3><p>{name}</p>{html_text(answer.error)}"
        layout = "" if picture else " class=unseen"
        return f"<article{layout}>{picture}<div>{words}</div></article>"
    if picture:
        picture = f'<button type="button" data-pick="{place}">{picture}</button>'
    return (
        f"<article>{picture}<div><h3>{_title(asked, html_text)}</h3>"
        f"<p>{name}</p>{bars_html(answer.top)}</div></article>"
    )


def _title(asked: Asked, escaped: Callable[[str], str]) -> str:
    """Return the first class with its confidence and, where the true one is known, the verdict."""
    predicted, share = asked.answer.top[0]
    # Number and unit stay on one line.
    sure = confidence(share).replace(" ", "\N{NO-BREAK SPACE}")
    title = f"{escaped(shorten(predicted, 60))}, {escaped(sure)}"
    if not asked.true:
        return title
    if asked.true == predicted:
        return f"✓ right: {title}"
    return f"✗ wrong, it is {escaped(shorten(asked.true, 60))}: {title}"
