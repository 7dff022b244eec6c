"""One image of the reader's own: itself, its heat-map and the model's answers, side by side."""

import base64
import hashlib
from functools import cache
from pathlib import Path
from typing import BinaryIO

import streamlit as st

from tl_core.errors import ImageUnusable, TransferLabError
from tl_core.evaluation.explain import METHODS, Method
from tl_core.glossary import GLOSSARY
from tl_core.records import Run
from tl_core.text import confidence, html_text, isolated, shorten
from tl_ui.bars import STYLE as BAR_STYLE
from tl_ui.bars import bars_html
from tl_ui.components.drawing import drawing
from tl_ui.heatmaps import (
    LARGEST_SIDE,
    METHOD_NAMES,
    SCALE_STYLE,
    Drawn,
    Heats,
    Wanted,
    draw_heat,
    scale_html,
)
from tl_ui.markdown import literal
from tl_ui.people import current_person
from tl_ui.resources import get_predictor, get_workspace
from tl_ui.try_it.asking import TURNS, Asked, picture_uri

_STYLE = f"""<style>
.tl-pair {{ display: grid; gap: 0.75rem; grid-template-columns: repeat(2, minmax(0, 1fr)); }}
.tl-pair figure {{ margin: 0; min-width: 0; }}
.tl-pair .frame {{ display: grid; place-items: center; min-height: 6rem; border-radius: 0.375rem;
  background: color-mix(in srgb, currentColor 8%, transparent); }}
.tl-pair img {{ display: block; width: 100%; max-height: 55vh; object-fit: contain;
  border-radius: 0.375rem; }}
.tl-pair .waiting {{ position: relative; }}
.tl-pair .waiting img {{ opacity: 0.3; }}
.tl-pair .waiting span {{ position: absolute; padding: 0.25rem 0.5rem; text-align: center; }}
.tl-pair figcaption {{ font-size: 0.875rem; margin-top: 0.35rem; overflow-wrap: anywhere; }}
{SCALE_STYLE}</style>"""


@cache
def _heats() -> Heats:
    """Return this process's cache of heat-maps for uploaded images."""
    return Heats()


def show_one(run: Run, file: Path | BinaryIO, asked: Asked) -> None:
    """Draw an image and its heat-map side by side, beside the model's most likely classes.

    The heat-map is that of the first class, until another is chosen.
    """
    left, right = st.columns([2, 1], gap="medium")
    with right:
        # Not by `st.html`, where the bars would not get the theme's colours.
        drawing(f"{BAR_STYLE}{bars_html(asked.answer.top, asked.true)}", key="one-bars")
        name, method = _choose(run, asked)
    with left:
        _show_pair(run, file, asked, name, method)


def _choose(run: Run, asked: Asked) -> tuple[str, Method]:
    top = dict(asked.answer.top)
    name = st.selectbox(
        "Heat-map of class",
        list(top),
        format_func=lambda name: f"{confidence(top[name])} {isolated(shorten(name, 60))}",
        # A key for each image, because each has other likely classes.
        key=f"where-class-{run.id}-{asked.answer.name}",
        help=GLOSSARY["heat-map"],
    )
    method: Method = st.segmented_control(
        "Method",
        METHODS,
        default=METHODS[0],
        required=True,
        format_func=METHOD_NAMES.__getitem__,
        key=f"where-method-{run.id}",
        help=f"Grad-CAM: {GLOSSARY['Grad-CAM']} Occlusion: {GLOSSARY['occlusion']}",
    )
    return name, method


def _show_pair(run: Run, file: Path | BinaryIO, asked: Asked, name: str, method: Method) -> None:
    photo = picture_uri(file, LARGEST_SIDE, get_predictor(run).levels)
    title = asked.answer.name
    place = st.empty()
    with place:
        # The image is there at once; its heat-map takes a moment.
        drawing(_STYLE + pair_html(photo, title), key="one-waiting")
    try:
        drawn = _draw(run, file, name, method)
    except TransferLabError as error:
        st.warning(literal(str(error)), icon=":material/info:")
        return
    with place:
        drawing(_STYLE + pair_html(photo, title, drawn, name), key="one-pair")
    st.caption(
        "Hatched: cut off before the model is shown the image. Grey speaks neither way; yellow is "
        "the strongest place of this heat-map."
    )


def _draw(run: Run, file: Path | BinaryIO, name: str, method: Method) -> Drawn:
    predictor = get_predictor(run)
    max_pixels = get_workspace().settings.limits.max_pixels
    label = predictor.classes.index(name)
    # By content, since uploads of different images may have the same name.
    content = _sha256(file)
    wanted = Wanted(run.id, run.best_epoch, content, label, method, current_person().id)

    def draw() -> Drawn:
        # Heat-maps wait for the same turns as predictions.
        with TURNS:
            return draw_heat(predictor, file, wanted, max_pixels)

    return _heats().get(wanted, draw)


def _sha256(file: Path | BinaryIO) -> str:
    if isinstance(file, Path):
        try:
            with file.open("rb") as opened:
                return hashlib.file_digest(opened, "sha256").hexdigest()
        except OSError as error:
            raise ImageUnusable(
                f"The image is no longer here ({error.strerror}). Drop it in again."
            ) from error
    # The prediction has read the picture to its end.
    file.seek(0)
    return hashlib.file_digest(file, "sha256").hexdigest()


def pair_html(photo: str, title: str, drawn: Drawn | None = None, name: str = "") -> str:
    """Return image and heat-map side by side, with the scale of the heat-map.

    Args:
        photo: the image as a data URI: it belongs to one reader alone, and gets no address.
        title: name of the image. User text.
        drawn: the heat-map; None while it is being made.
        name: class of the heat-map. User text.
    """
    alt = html_text(isolated(title))
    first = _figure("frame", f'<img src="{photo}" alt="{alt}">', html_text(shorten(title, 60)))
    if drawn is None:
        words = '<span role="status">Asking the model where it looks…</span>'
        second = _figure("frame waiting", f'<img src="{photo}" alt="">{words}', "Heat-map")
    else:
        words = html_text(f"Where it sees {isolated(shorten(name, 60))}: {drawn.where}")
        source = f"data:image/webp;base64,{base64.b64encode(drawn.body).decode()}"
        picture = f'<img src="{source}" alt="Heat-map. {words}">'
        second = _figure("frame", picture, f"{words} {scale_html()}")
    return f'<div class="tl-pair">{first}{second}</div>'


def _figure(frame: str, content: str, caption: str) -> str:
    return (
        f'<figure><div class="{frame}">{content}</div><figcaption>{caption}</figcaption></figure>'
    )
