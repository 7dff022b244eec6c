"""Expanders and tabs whose content is computed only while it is visible."""

from collections.abc import Sequence
from typing import Any

import streamlit as st


def unfolded(label: str, icon: str, key: str) -> Any:
    """Draw an expander; return its container, or None while it is collapsed."""
    # By default the content of a collapsed box would be computed and sent as well.
    box: Any = st.expander(label, icon=icon, key=key, on_change="rerun")
    return box if box.open else None


def front_tab(labels: Sequence[str], key: str) -> tuple[str, Any]:
    """Draw tabs; return the label and the container of the open one."""
    tabs: list[Any] = list(st.tabs(labels, key=key, on_change="rerun"))
    for label, tab in zip(labels, tabs, strict=True):
        if tab.open:
            return label, tab
    return labels[0], tabs[0]
