"""Drop zone that sends whole folders to the server in batches."""

from typing import TypedDict, cast

import streamlit as st

from tl_ui.components.assets import read_asset, url_base
from tl_ui.data.upload_kinds import DATASET, Kind
from tl_ui.data.uploads import PersonUploads, Uploads

_component = st.components.v2.component(
    "transferlab_upload",
    html=read_asset("upload/dropzone.html"),
    css=read_asset("upload/dropzone.css"),
    js=read_asset("upload/sender.js", "upload/picking.js", "upload/dropzone.js"),
)


class Sent(TypedDict):
    """Completed upload, as the browser describes it."""

    upload_id: str
    files: int
    bytes: int
    loose: bool
    """True if no file was in a folder."""
    zip: bool
    """True if the upload is a single zip file."""
    turn: int
    """Number of the upload, of those that the zone has sent."""
    folder_name: str
    """Name of the only folder, or of the zip without its suffix; else empty. User text."""


class Words(TypedDict):
    """Words of a drop zone that takes no dataset."""

    title: str
    hint: str
    choose: str
    """Label of the button."""
    what: str
    """Word for what the limits are of."""
    accept: str
    """Types of files that the browser offers first, as of `<input accept>`."""


def upload_dropzone(
    *,
    key: str,
    token: str,
    uploads: Uploads | PersonUploads,
    kind: Kind = DATASET,
    words: Words | None = None,
) -> Sent | None:
    """Draw the drop zone; return the upload in every script run until the token changes.

    An upload continues while the script runs again or the server restarts.

    Args:
        token: signed for "upload" and a new upload id; to be kept in the session until the upload
            has been imported.
        kind: kind of the upload, which has the limits.
        words: for a zone that takes single files; None takes a dataset.
    """
    limits = kind.limits(uploads.limits).model_dump(include={"max_files", "max_bytes"})
    heard = (st.session_state.get(key) or {}).get("sent")
    data = {
        "url_base": url_base(),
        "token": token,
        "limits": limits,
        "words": words,
        "heard": heard and heard["upload_id"],
    }
    state = _component(key=key, data=data, on_sent_change=lambda: None)
    sent = cast(Sent | None, state.get("sent"))
    if sent is None or _is_imported(key, token, sent["upload_id"]):
        return None
    # The component keeps its value, although the upload may have been imported or have expired.
    return sent if uploads.is_open(sent["upload_id"]) else None


def _is_imported(key: str, token: str, upload_id: str) -> bool:
    """Return True if the token has changed in this session since the upload was first returned."""
    # Comparing the upload's id with the token would lose uploads that outlive their session, as
    # they do when the server restarts.
    first_tokens = st.session_state.setdefault(f"{key}-given", {})
    return bool(first_tokens.setdefault(upload_id, token) != token)
