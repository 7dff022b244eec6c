"""A drop zone that sends whole folders to the server in batches."""

from typing import TypedDict, cast

import streamlit as st

from tl_ui.components.assets import read_asset, url_base
from tl_ui.data.uploads import Uploads

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
    """Draw the drop zone; gives what was sent on every run of the script, until the script comes with a new token.

    An upload goes on while the script runs again or the server restarts.

    Args:
        token: signed for "upload" and a new upload id; keep it in the session until what was sent is dealt with.
    """
    limits = uploads.limits.model_dump(include={"max_files", "max_bytes"})
    heard = (st.session_state.get(key) or {}).get("sent")
    data = {
        "url_base": url_base(),
        "token": token,
        "limits": limits,
        "heard": heard and heard["upload_id"],
    }
    state = _component(key=key, data=data, on_sent_change=lambda: None)
    sent = cast(Sent | None, state.get("sent"))
    if (
        sent is None
        or _is_dealt_with(key, token, sent["upload_id"])
        or not uploads.is_open(sent["upload_id"])
    ):
        return None
    return sent


def _is_dealt_with(key: str, token: str, upload_id: str) -> bool:
    """Whether the token has changed in this session since the upload was first given.

    Comparing the upload with the token itself would lose one that outlived its session, as after a restart.
    """
    memory = st.session_state.setdefault(f"{key}-given", {})
    return bool(memory.setdefault(upload_id, token) != token)
