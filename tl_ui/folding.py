"""Parts of a page that are made only once somebody looks at them: nobody waits for what is folded away."""

from collections.abc import Sequence
from typing import Any

import streamlit as st


def unfolded(label: str, icon: str, key: str) -> Any:
    """A part of the page that is made when somebody unfolds it: the container, or None while it is folded."""
    box: Any = st.expander(label, icon=icon, key=key, on_change="rerun")
    return box if box.open else None


def front_tab(labels: Sequence[str], key: str) -> tuple[str, Any]:
    """Tabs of which only the one in front is made: its label, and its container."""
    tabs: list[Any] = list(st.tabs(labels, key=key, on_change="rerun"))
    return next(
        (pair for pair in zip(labels, tabs, strict=True) if pair[1].open), (labels[0], tabs[0])
    )
