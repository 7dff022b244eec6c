"""Pages of the gate: plain HTML in the look of the app, which works without scripts."""

import base64
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.responses import HTMLResponse, Response

from tl_ui.gate.headers import page_policy
from tl_ui.site_files import SITE


def page(
    template: str, title: str, status: int = 200, wrong: str = "", /, **content: Any
) -> Response:
    """Draw a page.

    Args:
        template: its name, without endings.
        title: heading; user text in it is escaped, as everywhere.
        wrong: sentence on what the visitor has to change.
    """
    style = _style()
    text = (
        _templates()
        .get_template(f"{template}.html.jinja")
        .render(
            title=title,
            wrong=wrong,
            style=style,
            logo=_read("logo").decode(),
            icon=_icon(),
            **content,
        )
    )
    # What is shown may be a secret, and nobody else may find it in this browser's history.
    headers = {"Cache-Control": "no-store", "Content-Security-Policy": page_policy(style)}
    return HTMLResponse(text, status, headers)


@cache
def _templates() -> Environment:
    return Environment(
        loader=PackageLoader("tl_ui.gate", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


@cache
def _style() -> str:
    source, _, _ = _templates().loader.get_source(_templates(), "page.css")  # type: ignore[union-attr]
    return source


@cache
def _icon() -> str:
    return base64.b64encode(_read("icon")).decode()


@cache
def _read(name: str) -> bytes:
    return (SITE / "assets" / f"{name}.svg").read_bytes()
