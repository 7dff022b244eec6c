"""Pictures as part of a page's text."""

import base64


def data_url(webp: bytes) -> str:
    """Return a WebP file as the address of an image, which needs no network."""
    return f"data:image/webp;base64,{base64.b64encode(webp).decode()}"
