"""Drawing of a network whose boundary between frozen and trained stages can be moved."""

from collections.abc import Callable, Collection, Sequence
from typing import Any

import streamlit as st

from tl_ui.components.assets import read_asset
from tl_ui.fields import watched

_component = st.components.v2.component(
    "transferlab_depth_control",
    html=read_asset("depth_control/control.html"),
    css=read_asset("depth_control/control.css"),
    js=read_asset("depth_control/control.js"),
)


def depth_control(
    html: str,
    *,
    key: str,
    place: int,
    sentences: Sequence[tuple[str, str]],
    partly: Collection[int] = (),
    label: str,
    locked: bool = False,
    take: Callable[[int], None],
) -> None:
    """Show the drawing with a grip: a slider for the number of frozen stages.

    Args:
        html: trusted markup, such as that of `network_html`. It does not depend on the place, so
            that moving the grip replaces nothing and the keyboard stays where it is.
        place: number of frozen stages, counted from the input. It is the page's truth: what the
            reader does is shown at once, and replaced by what the page makes of it.
        sentences: for each place from 0, the words for a screen reader and the line below the
            drawing. Plain text.
        partly: indices from 0 of further stages in which some layers are frozen.
        label: name of the slider.
        locked: show the place, but let nobody change it here.
        take: receives the new place at the beginning of the next script run.
    """
    moved = _moved(st.session_state.get(key))
    data = {
        "html": html,
        "place": place,
        "sentences": [list(pair) for pair in sentences],
        "partly": sorted(partly),
        "label": label,
        "locked": locked,
        # The browser keeps its own place until the page has taken its last move.
        "taken": moved["at"] if moved else None,
    }

    def take_move(state: Any) -> None:
        if now := _moved(state):
            # The number comes from the browser, so it is checked.
            take(max(0, min(len(sentences) - 1, now["place"])))

    # The empty callback declares `moved`, so that it is in the state before any move.
    _component(key=watched(key, take_move), data=data, on_moved_change=lambda: None)


def _moved(state: Any) -> dict[str, int] | None:
    """Return the last move that the browser told, as its place and its number."""
    moved = state.get("moved") if state else None
    if not isinstance(moved, dict):
        return None
    place = moved.get("place")
    at = moved.get("at")
    if not isinstance(place, (int, float)) or not isinstance(at, (int, float)):
        return None
    return {"place": int(place), "at": int(at)}
