"""Predictions for images of the reader's own; what was asked once is not asked again."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from threading import BoundedSemaphore
from typing import Any, BinaryIO

import streamlit as st

from tl_core.data.decoders import get_decoders
from tl_core.errors import ImageUnusable, TransferLabError
from tl_core.records import Levels, Run
from tl_core.runs.predictor import Answer
from tl_core.text import number_of
from tl_ui.markdown import literal
from tl_ui.resources import get_predictor, get_workspace

TURNS = BoundedSemaphore(2)
"""Limit of concurrent predictions; other pages wait, so that many readers do not slow all down."""
CARD_SIDE = 320
"""Longest side of the pictures on the cards, in pixels."""
_ASKED = "asked"
"""Session key: predictions for the images that are shown, by what was asked."""


@dataclass(frozen=True, slots=True)
class Asked:
    """Image with its prediction."""

    answer: Answer
    picture: str
    """Data URI; empty if the image cannot be shown."""
    true: str = ""
    """True class, if it is known; user text."""


def ask(
    run: Run, files: Sequence[tuple[str, Path | BinaryIO]], true: Sequence[str] = ()
) -> list[Asked]:
    """Return the model's predictions; if it cannot be loaded, say why on the page.

    Only images that were not shown before are asked about: a rerun of the page, such as by the
    camera's switch, asks nothing again.

    Args:
        true: true classes in the order of the files, if they are known.
    """
    known: dict[Any, Asked] = st.session_state.get(_ASKED, {})
    keys = [_key(run, name, file) for name, file in files]
    new = {key: file for key, file in zip(keys, files, strict=True) if key not in known}
    if new:
        try:
            known = known | dict(zip(new, _ask(run, list(new.values())), strict=True))
        except TransferLabError as error:
            st.error(literal(str(error)), icon=":material/error:")
            return []
    # Those that are no longer shown are forgotten.
    st.session_state[_ASKED] = {key: known[key] for key in keys}
    classes = [*true, *[""] * (len(files) - len(true))]
    return [replace(known[key], true=name) for key, name in zip(keys, classes, strict=True)]


def _key(run: Run, name: str, file: Path | BinaryIO) -> tuple[Any, ...]:
    # An upload has an identifier of its own; a file of a dataset never changes.
    return run.id, run.best_epoch, name, getattr(file, "file_id", str(file))


def _ask(run: Run, files: Sequence[tuple[str, Path | BinaryIO]]) -> list[Asked]:
    with st.spinner(f"Asking the model about {number_of(len(files), 'image')}…", show_time=False):
        with TURNS:
            predictor = get_predictor(run)
            answers = predictor.predict(files)
        # After the turn is given back, because pictures are made without the model.
        pictures = [picture_uri(file, CARD_SIDE, predictor.levels) for _, file in files]
    return [Asked(*row) for row in zip(answers, pictures, strict=True)]


def picture_uri(file: Path | BinaryIO, side: int, levels: Levels | None) -> str:
    """Return a picture of at most `side` pixels as a data URI; empty if the file is no image.

    The image belongs to one reader alone, and therefore gets no address of its own.

    Args:
        levels: black and white of samples with more than 8 bits, as the model sees them.
    """
    max_pixels = get_workspace().settings.limits.max_pixels
    try:
        # The fastest method: somebody is waiting, and the pictures are small in any case.
        picture = get_decoders().encode(
            file, max_pixels, side, "WEBP", levels, quality=85, method=0
        )
    except ImageUnusable:
        # Its card gives the reason.
        return ""
    return f"data:image/webp;base64,{base64.b64encode(picture).decode()}"
