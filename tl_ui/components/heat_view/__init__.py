"""Image beside its heat-maps, which the browser fetches, so that the script need not wait."""

from collections.abc import Sequence

import streamlit as st

from tl_ui.components.assets import read_asset
from tl_ui.heatmaps import SCALE_STYLE, scale_html

_component = st.components.v2.component(
    "transferlab_heat_view",
    html=read_asset("heat_view/heat_view.html"),
    css=read_asset("heat_view/heat_view.css") + SCALE_STYLE,
    js=read_asset("heat_view/heat_view.js"),
)


def heat_view(
    *, key: str, photo: str, heats: Sequence[tuple[str, str]], size: tuple[int, int], alt: str
) -> None:
    """Show an image and its heat-maps side by side.

    Args:
        photo: address of the image.
        heats: address (of the route that makes it) and caption of each heat-map. Captions are
            user text, not escaped.
        size: width and height of the image, in pixels.
        alt: description of the image. User text, not escaped.
    """
    # Bounded, so that very long images do not collapse their frames.
    ratio = min(4.0, max(0.25, size[0] / size[1]))
    captioned = [{"url": url, "caption": caption} for url, caption in heats]
    _component(
        key=key,
        data={
            "photo": photo,
            "heats": captioned,
            "ratio": ratio,
            "alt": alt,
            "scale": scale_html(),
        },
    )
