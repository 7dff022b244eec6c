"""Answers of the gate itself: a sentence as text or JSON, or the way to the page for joining."""

import math
from urllib.parse import quote, urlsplit

from starlette.datastructures import Headers
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.types import Scope

JOIN = "/join"
HOME = "/"
_SEE_OTHER = 303


def refusal(
    scope: Scope, status: int, sentence: str, headers: dict[str, str] | None = None
) -> Response:
    """Refuse a request in a sentence, as JSON below `/api` and as text elsewhere."""
    headers = {"Cache-Control": "no-store", **(headers or {})}
    if scope["path"].startswith("/_stcore/"):
        # Streamlit shows such an answer on a page that has lost its connection.
        return JSONResponse(sentence, status, headers)
    if scope["path"].startswith("/api/"):
        return JSONResponse({"error": sentence}, status, headers)
    return PlainTextResponse(sentence + "\n", status, headers)


def too_many(scope: Scope, wait: float) -> Response:
    """Refuse a request that comes too soon, and say when it may be repeated."""
    seconds = math.ceil(wait)
    sentence = f"That was too often. Try again in {seconds} second{'s' if seconds > 1 else ''}."
    return refusal(scope, 429, sentence, {"Retry-After": str(seconds)})


def see_other(address: str) -> Response:
    """Send the browser on, so that what it did is not repeated when the page is loaded again."""
    return RedirectResponse(address, _SEE_OTHER, {"Cache-Control": "no-store"})


def to_join(scope: Scope) -> Response:
    """Send a browser to the page for joining, and from there back to where it wanted to go."""
    query = scope["query_string"].decode("latin-1")
    wanted = scope["path"] + (f"?{query}" if query else "")
    return see_other(JOIN if wanted == HOME else f"{JOIN}?next={quote(wanted, safe='/')}")


def is_navigation(scope: Scope, headers: Headers) -> bool:
    """Tell whether a browser wants to show the answer as a page."""
    mode = headers.get("sec-fetch-mode")
    wants_page = mode == "navigate" if mode else "text/html" in headers.get("accept", "")
    return scope["method"] in ("GET", "HEAD") and wants_page


def inside(address: str) -> str:
    """Return an address if it leads to a page of this app, else that of the first page.

    It comes from outside, and must not lead people who have just signed in elsewhere.
    """
    try:
        parts = urlsplit(address)
    except ValueError:
        return HOME
    is_path = address.startswith("/") and not address.startswith("//")
    # Browsers read a backslash as a slash, and drop control characters.
    is_plain = address.isascii() and address.isprintable() and not set(address) & set("\\ ")
    if not is_path or not is_plain or parts.scheme or parts.netloc:
        return HOME
    return HOME if parts.path.startswith(JOIN) else address
