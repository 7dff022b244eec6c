"""An image beside its heat-maps, which are fetched on their own: the script need not wait until they are computed."""

from collections.abc import Sequence

import streamlit as st

from tl_ui.components.assets import read_asset

_component = st.components.v2.component(
    "transferlab_heat_view",
    html=read_asset("heat_view/heat_view.html"),
    css=read_asset("heat_view/heat_view.css"),
    js=read_asset("heat_view/heat_view.js"),
)


def heat_view(
    *, key: str, photo: str, heats: Sequence[tuple[str, str]], size: tuple[int, int], alt: str
) -> None:
    """Show them side by side.

    Args:
        photo: address of the image itself.
        heats: of each heat-map its address, of the route that makes it, and what it shows. User text, as it is.
        size: width and height of the image in pixels.
        alt: what the image is. User text, as it is.
    """
    ratio = min(4.0, max(0.25, size[0] / size[1]))
    told = [{"url": url, "of": of} for url, of in heats]
    _component(key=key, data={"photo": photo, "heats": told, "ratio": ratio, "alt": alt})
