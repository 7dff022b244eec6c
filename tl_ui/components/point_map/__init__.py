"""Map of images: points that show their picture and can be selected with a lasso."""

from typing import Any

import streamlit as st

from tl_ui.components.assets import PLOTLY_AND_THEME, read_asset
from tl_ui.components.live_chart import plotly_url
from tl_ui.point_maps import PointMap
from tl_ui.room import keep_room

_component = st.components.v2.component(
    "transferlab_map",
    html=read_asset("point_map/map.html"),
    css=read_asset("live_chart/chart.css", "point_map/map.css"),
    js=f"{PLOTLY_AND_THEME}\n{read_asset('point_map/map.js')}",
    # Plotly adds its style rules to the document, where a shadow root would not see them.
    isolate_styles=False,
)


_AROUND = 32
"""Height of a map's title, in pixels."""


def point_map(
    drawn: PointMap, *, key: str, height: int = 520, glide: int = 0, lasso: bool = True
) -> list[int]:
    """Draw a map; return the indices of the selected points.

    Args:
        height: maximum in pixels; a map is never higher than wide.
        glide: duration of the points' transition to the next map, in milliseconds.
        lasso: let the user select points.
    """
    look = {"height": height, "glide": glide, "lasso": lasso}
    data: dict[str, Any] = {"plotly": plotly_url(), "map": drawn.content(), **look}
    # Title, legend and buttons take room, too; on a phone a map is as high as it is wide.
    keep_room(key, height + _AROUND, 358 + _AROUND)
    state = _component(key=key, data=data, on_chosen_change=lambda: None)
    chosen = state.get("chosen") or {}
    # The selection may still be that of the map shown before.
    if chosen.get("of") != drawn.name:
        return []
    # The indices come from the browser, so they are checked.
    return [i for i in chosen.get("points", []) if 0 <= i < len(drawn.x)]
