"""Heat-map of an uploaded image, computed on demand and embedded in the page."""

import base64
import hashlib
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import BinaryIO

import streamlit as st

from tl_core.errors import TransferLabError
from tl_core.evaluation.explain import METHODS, Method
from tl_core.glossary import GLOSSARY
from tl_core.records import Run
from tl_core.text import confidence, html_text, isolated, shorten
from tl_ui.components.drawing import drawing
from tl_ui.folding import unfolded
from tl_ui.heatmaps import Drawn, Heats, Wanted, draw_heat
from tl_ui.markdown import literal
from tl_ui.resources import get_predictor, get_workspace
from tl_ui.run.large_view import METHOD_NAMES
from tl_ui.try_it.predictions import TURNS, Asked

_STYLE = """<style>
.tl-heat { margin: 0; max-width: 40rem; }
.tl-heat img { display: block; max-width: 100%; max-height: 70vh; border-radius: 0.375rem; }
.tl-heat figcaption { font-size: 0.875rem; margin-top: 0.35rem; overflow-wrap: anywhere; }
</style>"""


@cache
def _heats() -> Heats:
    """Return this process's cache of heat-maps for uploaded images."""
    return Heats()


# Choices redraw this part alone: a rerun of the page would ask for all predictions again, and
# lose those for the test samples, which last for one click.
@st.fragment
def show_where_it_looks(
    run: Run, files: Sequence[tuple[str, Path | BinaryIO]], asked: Sequence[Asked]
) -> None:
    """Draw a heat-map of one image for one of its most likely classes, once unfolded.

    Args:
        asked: predictions, in the order of the files.
    """
    # For a file that is no usable image there is no answer to explain.
    usable = [i for i, one in enumerate(asked) if one.answer.top]
    if not usable:
        return
    title = "Heat-map (Grad-CAM, occlusion)"
    box = unfolded(title, ":material/local_fire_department:", f"where-{run.id}")
    if not box:
        return
    with box:
        st.caption("Where does the model look?", help=GLOSSARY["heat-map"])
        place, name, method = _choose(run, usable, asked)
        try:
            with st.spinner("Asking the model where it looks", show_time=True):
                drawn = _draw(run, files[place][1], name, method)
        except TransferLabError as error:
            st.warning(literal(str(error)), icon=":material/info:")
            return
        drawing(_STYLE + heat_html(drawn, name), key="own-heat")
        st.caption(
            "Hatched: cut off before the model is shown the image. "
            "The brightest place is the maximum of this map."
        )


def _choose(run: Run, usable: Sequence[int], asked: Sequence[Asked]) -> tuple[int, str, Method]:
    left, middle, right = st.columns(3)
    with left:
        place = st.selectbox(
            "Image",
            usable,
            format_func=lambda i: isolated(shorten(asked[i].answer.name, 60)),
            key=f"where-image-{run.id}",
        )
    top = dict(asked[place].answer.top)
    with middle:
        name = st.selectbox(
            "Heat-map of class",
            list(top),
            format_func=lambda name: f"{confidence(top[name])} {isolated(shorten(name, 60))}",
            # A key for each image, because each has other likely classes.
            key=f"where-class-{run.id}-{place}",
        )
    with right:
        method: Method = st.segmented_control(
            "Method",
            METHODS,
            default=METHODS[0],
            required=True,
            format_func=METHOD_NAMES.__getitem__,
            key=f"where-method-{run.id}",
            help=f"Grad-CAM: {GLOSSARY['Grad-CAM']} Occlusion: {GLOSSARY['occlusion']}",
        )
    return place, name, method


def _draw(run: Run, file: Path | BinaryIO, name: str, method: Method) -> Drawn:
    predictor = get_predictor(run)
    max_pixels = get_workspace().settings.limits.max_pixels
    label = predictor.classes.index(name)
    # By content, since uploads of different images may have the same name.
    wanted = Wanted(run.id, run.best_epoch, _sha256(file), label, method)

    def draw() -> Drawn:
        # Heat-maps wait for the same turns as predictions.
        with TURNS:
            return draw_heat(predictor, file, wanted, max_pixels)

    return _heats().get(wanted, draw)


def _sha256(file: Path | BinaryIO) -> str:
    if isinstance(file, Path):
        return hashlib.sha256(file.read_bytes()).hexdigest()
    # The prediction has read the upload to its end.
    file.seek(0)
    return hashlib.file_digest(file, "sha256").hexdigest()


def heat_html(drawn: Drawn, name: str) -> str:
    """Return the heat-map as HTML with the picture inside.

    The image belongs to one reader alone, and therefore gets no address of its own.
    """
    words = html_text(f"Where it sees {isolated(shorten(name, 60))}: {drawn.where}")
    source = f"data:image/webp;base64,{base64.b64encode(drawn.body).decode()}"
    picture = f'<img src="{source}" alt="Heat-map. {words}">'
    return f'<figure class="tl-heat">{picture}<figcaption>{words}</figcaption></figure>'
