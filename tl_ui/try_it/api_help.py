"""Explanation of the REST API of a run's model, with a command to copy."""

from urllib.parse import urlsplit

import streamlit as st

from tl_core.records import Run
from tl_core.serving.images import MAX_BYTES, MAX_IMAGES
from tl_ui.components.assets import url_base
from tl_ui.resources import get_tokens


def show_for_programs(run: Run) -> None:
    """Draw the address, a key for this model, and a description of the answer."""
    with st.expander("REST API", icon=":material/terminal:"):
        server = f"{_this_server()}{url_base()}"
        address = f"{server}/api/runs/{run.id}/predict"
        # Signed for predictions alone: with this key nobody can fetch charts or images.
        key = get_tokens().sign("predict", run.id)
        st.markdown(
            "Ask the model from a program: send an image and get the most likely classes as JSON, "
            "with the same confidence as on this page:"
        )
        st.code(curl_line(address, key), language=None, wrap_lines=True)
        st.markdown(
            "The key is for this model and valid for a day; everyone who has it can ask. A request "
            f"may have {MAX_IMAGES} images and {MAX_BYTES // 2**20} MB. `?top=3` returns three "
            "classes. The image alone as the body works, too (`--data-binary @photo.jpg`). For an "
            "image that cannot be used, `error` gives the reason."
        )
        st.markdown(
            "The full description, for tools that read OpenAPI: "
            f"[{url_base()}/api/openapi.json]({server}/api/openapi.json). "
            "Without this app, `transferlab serve` answers the same."
        )


def curl_line(address: str, key: str) -> str:
    return f'curl -H "Authorization: Bearer {key}" -F "image=@photo.jpg" "{address}"'


def _this_server() -> str:
    """Return the server's address as the reader's browser sees it."""
    # A session without a browser, as in tests, has no address; 8501 is the default port.
    parts = urlsplit(st.context.url or "")
    return f"{parts.scheme}://{parts.netloc}" if parts.netloc else "http://localhost:8501"
