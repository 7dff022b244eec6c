"""A drop zone that sends whole folders to the server in batches."""

from typing import TypedDict, cast

import streamlit as st

from tl_core.settings import Limits
from tl_ui.components.assets import read_asset

_component = st.components.v2.component(
    "transferlab_upload",
    html=read_asset("upload/dropzone.html"),
    css=read_asset("upload/dropzone.css"),
    js=read_asset("upload/sender.js", "upload/picking.js", "upload/dropzone.js"),
)


class Sent(TypedDict):
    token: str
    """The token it was sent with."""
    upload_id: str
    files: int
    bytes: int
    loose: bool
    """True when no file came in a folder."""
    zip: bool
    """True when the one thing sent is a zip."""
    folder_name: str
    """Of the one folder that was sent, or of the zip without its ending, else empty. User text."""


def upload_dropzone(*, key: str, url_base: str, token: str, limits: Limits) -> Sent | None:
    """Draw the drop zone; gives what was sent with this token, on every run of the script once all of it is there.

    An upload goes on while the script runs again. After a new token (for a new upload id) it is ready for more.

    Args:
        token: signed for "upload" and an upload id; keep it in the session until the upload has been taken in.
    """
    state = _component(
        key=key,
        data={"url_base": url_base, "token": token, "limits": limits.model_dump(include={"max_files", "max_bytes"})},
        on_sent_change=lambda: None,
    )
    sent = cast(Sent | None, state.get("sent"))
    return sent if sent and sent["token"] == token else None
