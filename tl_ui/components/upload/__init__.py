"""A drop zone that sends whole folders to the server in batches."""

from typing import TypedDict, cast

import streamlit as st

from tl_ui.components.assets import read_asset, url_base
from tl_ui.uploads import Uploads

_component = st.components.v2.component(
    "transferlab_upload",
    html=read_asset("upload/dropzone.html"),
    css=read_asset("upload/dropzone.css"),
    js=read_asset("upload/sender.js", "upload/picking.js", "upload/dropzone.js"),
)


class Sent(TypedDict):
    upload_id: str
    files: int
    bytes: int
    loose: bool
    """True when no file came in a folder."""
    zip: bool
    """True when the one thing sent is a zip."""
    folder_name: str
    """Of the one folder that was sent, or of the zip without its ending, else empty. User text."""


def upload_dropzone(*, key: str, token: str, uploads: Uploads) -> Sent | None:
    """Draw the drop zone; gives what was sent, on every run of the script until it has been taken or closed.

    An upload goes on while the script runs again or the server restarts. After a new token it is ready for more.

    Args:
        token: signed for "upload" and a new upload id; keep it in the session until the upload has been taken.
    """
    limits = uploads.limits.model_dump(include={"max_files", "max_bytes"})
    state = _component(
        key=key, data={"url_base": url_base(), "token": token, "limits": limits}, on_sent_change=lambda: None
    )
    sent = cast(Sent | None, state.get("sent"))
    # Not compared with the token: after a restart the session is new, but the upload it began is not lost.
    return sent if sent and uploads.is_open(sent["upload_id"]) else None
