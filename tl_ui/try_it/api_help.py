"""How a program asks a run's model what the page asks, in words and in a line to copy."""

from urllib.parse import urlsplit

import streamlit as st

from tl_core.records import Run
from tl_core.serving.images import MAX_BYTES, MAX_IMAGES
from tl_ui.components.assets import url_base
from tl_ui.resources import get_tokens


def show_for_programs(run: Run) -> None:
    """The address, a key for this model, and what comes back."""
    with st.expander("Ask it from a program", icon=":material/terminal:"):
        address = f"{_this_server()}{url_base()}/api/runs/{run.id}/predict"
        st.markdown(
            "Send an image and get the likeliest classes as JSON, with the same confidence as on this page:"
        )
        st.code(
            curl_line(address, get_tokens().sign("predict", run.id)), language=None, wrap_lines=True
        )
        st.markdown(
            f"The key in it is for this model and good for a day; who has it can ask. A request may have "
            f"{MAX_IMAGES} images and {MAX_BYTES // 2**20} MB. `?top=3` names three classes. The image alone as the "
            f"body works, too (`--data-binary @photo.jpg`). An image that cannot be used has its reason in `error`."
        )
        st.markdown(
            f"The whole description, for tools that read OpenAPI: [{url_base()}/api/openapi.json]"
            f"({_this_server()}{url_base()}/api/openapi.json). Without this app, `transferlab serve` answers the same."
        )


def curl_line(address: str, key: str) -> str:
    return f'curl -H "Authorization: Bearer {key}" -F "image=@photo.jpg" "{address}"'


def _this_server() -> str:
    """As the reader's browser calls it."""
    parts = urlsplit(st.context.url or "")
    return f"{parts.scheme}://{parts.netloc}" if parts.netloc else "http://localhost:8501"
