"""What a run's model says to images that someone brings: the picture, and the likeliest classes beside it."""

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import BoundedSemaphore
from typing import Any, BinaryIO

import streamlit as st

from tl_core.data.images import SUFFIXES, image_path, open_rgb
from tl_core.errors import ImageUnusable, TransferLabError
from tl_core.glossary import GLOSSARY
from tl_core.records import Run
from tl_core.runs.predictor import Answer, answers_csv
from tl_core.runs.summary import model_words
from tl_core.text import confidence, html_text, isolated, number_of, percent, shorten
from tl_ui.address_select import choose_by_address
from tl_ui.bars import STYLE as BAR_STYLE
from tl_ui.bars import bars_html
from tl_ui.components.drawing import drawing
from tl_ui.gallery import gallery_html
from tl_ui.markdown import literal
from tl_ui.resources import get_predictor, get_workspace
from tl_ui.run.images import gallery_item, images_of, pick_samples, run_split
from tl_ui.run.overview import has_model
from tl_ui.runs.table import in_order

MAX_AT_ONCE = 50
TURNS = BoundedSemaphore(2)
"""Who asks at once; the others' pages wait, so that thirty people do not slow each other down to a stop."""
PICTURE_SIDE = 320

_STYLE = """<style>
.tl-answers { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(24rem, 100%), 1fr)); gap: 1rem; }
.tl-answers article { display: grid; grid-template-columns: 8rem minmax(0, 1fr); gap: 1rem; padding: 0.75rem;
  border: 1px solid var(--st-border-color); border-radius: 0.5rem; align-items: start; }
.tl-answers .unseen { grid-template-columns: 1fr; }
.tl-answers img { width: 100%; max-height: 12rem; object-fit: contain; border-radius: 0.375rem; }
.tl-answers h3 { font-size: 1rem; font-weight: 600; margin: 0 0 0.1rem; overflow-wrap: anywhere; }
.tl-answers p { font-size: 0.8125rem; margin: 0 0 0.5rem; overflow-wrap: anywhere; opacity: 0.85; }
</style>"""


@dataclass(frozen=True, slots=True)
class Asked:
    """An image and what the model said to it."""

    answer: Answer
    picture: str
    """A data URI; empty when the image cannot be shown."""
    true: str = ""
    """Its class, where that is known. User text."""


def choose_run(runs: Sequence[Run]) -> Run | None:
    """Of the runs that have a model, the one the address names or else the first; None when there is none.

    Favourites come before the others, the newest first.
    """
    able = [run for run in in_order(runs) if has_model(run)]
    if not able:
        return None
    chosen = choose_by_address("Model", {run.id: _run_name(run) for run in able}, "run")
    return next(run for run in able if run.id == chosen)


def _run_name(run: Run) -> str:
    """A choice in a list, which shows text as it is."""
    if run.result:
        figure = f"{percent(run.result.accuracy)} of {number_of(run.result.n, 'test image')} right"
    else:
        figure = f"model of epoch {run.best_epoch}, not tested"
    name = f"{'★ ' * run.is_favourite}{isolated(shorten(run.title or run.dataset_name, 60))}"
    return f"{name}: {model_words(run.config.model)}; {figure} ({run.id})"


def drop_images() -> list[tuple[str, Any]]:
    """(name, file) of what was dropped in. Names are user text."""
    limit = get_workspace().settings.limits.max_file_bytes // 2**20
    files = st.file_uploader(
        "Drop in one or more images",
        type=sorted(SUFFIXES),
        accept_multiple_files=True,
        max_upload_size=max(1, limit),
        help="They are only looked at, and not kept.",
    )
    if len(files) > MAX_AT_ONCE:
        st.info(
            f"These are {len(files)} images; the first {MAX_AT_ONCE} are answered.",
            icon=":material/info:",
        )
    return [(file.name, file) for file in files[:MAX_AT_ONCE]]


def take_picture() -> list[tuple[str, Any]]:
    """A picture from the camera, which is only asked for where somebody wants it."""
    if not st.toggle(
        "Use the camera", key="with-camera", help="The browser asks first. The picture is not kept."
    ):
        return []
    picture = st.camera_input("Take a picture", label_visibility="collapsed", width=480)
    return [("camera.jpg", picture)] if picture else []


def test_samples(run: Run) -> list[tuple[str, Path, str]]:
    """(name, file, class) of six test images, which the model did not learn from; none when the dataset is gone."""
    images, workspace = images_of(run), get_workspace()
    if not images:
        return []
    folder = workspace.artifacts.dataset_folder(run.config.data.dataset_id)
    chosen = [
        images[position] for position in pick_samples(images, run_split(run.config.data).test)
    ]
    return [(image.name, image_path(folder, image), image.class_name) for image in chosen]


def show_test_samples(run: Run) -> bool:
    """Six test images and a button; gives whether the model is to be asked about them."""
    images = images_of(run)
    if not images:
        return False
    st.markdown(
        "**No image at hand?** Here are some of the test images, which the model did not learn from."
    )
    positions = pick_samples(images, run_split(run.config.data).test)
    st.html(gallery_html([gallery_item(run, images, position) for position in positions], side=104))
    return st.button(
        "Ask the model about these", icon=":material/play_arrow:", key=f"samples-{run.id}"
    )


def ask(
    run: Run, files: Sequence[tuple[str, Path | BinaryIO]], true: Sequence[str] = ()
) -> list[Asked]:
    """What the run's model says; nothing, with a sentence on the page, when it cannot be loaded.

    Args:
        true: the classes, in the order of the files, where they are known.
    """
    with st.spinner(f"Asking the model about {number_of(len(files), 'image')}…", show_time=False):
        try:
            with TURNS:
                answers = get_predictor(run).predict(files)
        except TransferLabError as error:
            st.error(literal(str(error)), icon=":material/error:")
            return []
        pictures = [_picture(file) for _, file in files]
    classes = [*true, *[""] * (len(files) - len(true))]
    return [Asked(*row) for row in zip(answers, pictures, classes, strict=True)]


def show_answers(asked: Sequence[Asked]) -> None:
    """A card for each image with its five likeliest classes."""
    if not asked:
        return
    st.subheader(
        f"What it says to {number_of(len(asked), 'image')}",
        help=GLOSSARY["confidence"],
        anchor=False,
    )
    drawing(answers_html(asked), key="answers")
    st.download_button(
        "Download as CSV",
        answers_csv([one.answer for one in asked]),
        "answers.csv",
        "text/csv",
        icon=":material/download:",
        on_click="ignore",
    )
    st.caption(
        "The model always chooses among the classes it was trained on, even when the image shows none of them."
    )


def answers_html(asked: Sequence[Asked]) -> str:
    """HTML for the `drawing` component."""
    return (
        f'{BAR_STYLE}{_STYLE}<div class="tl-answers">{"".join(_card(one) for one in asked)}</div>'
    )


def _card(asked: Asked) -> str:
    answer = asked.answer
    name = html_text(shorten(answer.name, 80))
    picture = f'<img src="{asked.picture}" alt="{html_text(answer.name)}">' if asked.picture else ""
    if not answer.top:
        words = f"<h3>This image cannot be used</h3><p>{name}</p>{html_text(answer.error)}"
        return f"<article{'' if asked.picture else ' class=unseen'}>{picture}<div>{words}</div></article>"
    first, share = answer.top[0]
    verdict = ""
    if asked.true:
        verdict = (
            "✓ right: "
            if asked.true == first
            else f"✗ wrong, it is {html_text(shorten(asked.true, 60))}: "
        )
    return (
        f"<article>{picture}<div><h3>{verdict}{html_text(shorten(first, 60))}, {html_text(confidence(share))}</h3>"
        f"<p>{name}</p>{bars_html(answer.top)}</div></article>"
    )


def _picture(file: Path | BinaryIO) -> str:
    """A small picture inside the page itself: the image is nobody else's, and so gets no address of its own."""
    if not isinstance(file, Path):
        file.seek(0)
    try:
        pixels = open_rgb(
            file, get_workspace().settings.limits.max_pixels, draft_side=PICTURE_SIDE
        ).pixels
    except ImageUnusable:
        return ""
    pixels.thumbnail((PICTURE_SIDE, PICTURE_SIDE))
    buffer = io.BytesIO()
    pixels.save(buffer, "WEBP", quality=85, method=0)
    return f"data:image/webp;base64,{base64.b64encode(buffer.getvalue()).decode()}"
