"""Compressed responses, among them the charts' library."""

import gzip
import hashlib
from functools import cache
from importlib.resources import files

from fastapi import APIRouter, Request, Response

from tl_ui.routes.shared import GET_AND_HEAD

router = APIRouter()


@router.api_route("/api/plotly.js", methods=GET_AND_HEAD)
def plotly(request: Request) -> Response:
    """Send the library that draws the charts."""
    body, packed, etag = _plotly_js()
    # The address contains the version, so browsers may cache the library for good.
    headers = {
        "Cache-Control": "public, max-age=31536000, immutable",
        "ETag": etag,
        "Vary": "Accept-Encoding",
    }
    if request.headers.get("if-none-match") == etag:
        return Response(status_code=304, headers=headers)
    return compressed_or_plain(request, body, packed, "text/javascript; charset=utf-8", headers)


def compressed_or_plain(
    request: Request, body: bytes, packed: bytes, media_type: str, headers: dict[str, str]
) -> Response:
    """Send the compressed body to clients that accept gzip, else the plain one."""
    if "gzip" in request.headers.get("accept-encoding", ""):
        headers = {**headers, "Content-Encoding": "gzip"}
        body = packed
    return Response(body, media_type=media_type, headers=headers)


@cache
def _plotly_js() -> tuple[bytes, bytes, str]:
    body = files("plotly").joinpath("package_data", "plotly.min.js").read_bytes()
    return body, gzip.compress(body, 6), f'"{hashlib.sha256(body).hexdigest()[:16]}"'
