"""Security headers of every answer, with a content security policy as strict as Streamlit allows.

Streamlit 1.67 needs some exceptions: `style-src 'unsafe-inline'` (Emotion and Plotly write styles
into the page), `blob:` for scripts (inline components are modules made by its own scripts),
`'wasm-unsafe-eval'` (numbers of 64 bits), `data:` for pictures, fonts and the camera's photos, and
`blob:` for pictures that our scripts make. The one script in its page is allowed by its hash.
"""

import base64
import hashlib
import re
from functools import cache
from importlib.resources import files

from starlette.datastructures import MutableHeaders

_INLINE_SCRIPT = re.compile(rb"<script>(.*?)</script>", re.DOTALL)

ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    # Browsers that know frame-ancestors ignore this one.
    "X-Frame-Options": "DENY",
    # "no-referrer" would also hide the origin of our own forms, which the gate asks for.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), microphone=(self), geolocation=(), payment=(), usb=()",
}


@cache
def app_policy() -> str:
    """Return the content security policy of Streamlit's pages and everything beside them."""
    page = files("streamlit").joinpath("static", "index.html").read_bytes()
    scripts = " ".join(f"'{_digest(script)}'" for script in _INLINE_SCRIPT.findall(page))
    return _policy(
        {
            "default-src": "'self'",
            "script-src": f"'self' blob: 'wasm-unsafe-eval' {scripts}",
            "style-src": "'self' 'unsafe-inline'",
            # Heat-maps and Plotly's own downloads are pictures that the page's scripts make.
            "img-src": "'self' data: blob:",
            "font-src": "'self' data:",
            "connect-src": "'self' data:",
            "worker-src": "'none'",
            "object-src": "'none'",
            "frame-src": "'none'",
            "base-uri": "'self'",
            "form-action": "'self'",
            "frame-ancestors": "'none'",
        }
    )


def page_policy(style: str) -> str:
    """Return the policy of a page of the gate: no scripts, one style sheet, a form."""
    return _policy(
        {
            "default-src": "'none'",
            "style-src": f"'{_digest(style.encode())}'",
            "img-src": "data:",
            "base-uri": "'none'",
            "form-action": "'self'",
            "frame-ancestors": "'none'",
        }
    )


def protect(headers: MutableHeaders) -> None:
    """Add to an answer the headers that it does not set itself."""
    for name, value in ALWAYS.items():
        headers.setdefault(name, value)
    headers.setdefault("Content-Security-Policy", app_policy())


def _policy(directives: dict[str, str]) -> str:
    return "; ".join(f"{name} {value}" for name, value in directives.items())


def _digest(text: bytes) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text).digest()).decode()}"
