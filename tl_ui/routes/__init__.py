"""The app's own HTTP routes, beside Streamlit's pages and outside their sessions: every one asks for a token."""

import gzip
import hashlib
from collections.abc import Callable
from functools import cache
from importlib.resources import files

from anyio import to_thread
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tl_core.runs.predictor import Predictors
from tl_ui.routes.area import Served, answering, nothing_else, packed_or_plain
from tl_ui.routes.of_runs import OfRuns
from tl_ui.routes.pictures import Pictures
from tl_ui.routes.uploading import Uploading

_PLOTLY_KEEP = "public, max-age=31536000, immutable"


def make_routes(
    get_workspace: Callable[[], Served], get_predictors: Callable[[], Predictors] | None = None
) -> list[Route]:
    """Everything under `/api`. What is given is first called when a request comes in."""
    get_predictors = get_predictors or cache(lambda: Predictors(get_workspace()))
    routes = [
        Route("/api/health", answering(health)),
        Route("/api/plotly.js", answering(plotly)),
        *Uploading(get_workspace).routes,
        *Pictures(get_workspace, get_predictors).routes,
        *OfRuns(get_workspace, get_predictors).routes,
    ]
    return [*routes, nothing_else(routes)]


async def health(request: Request) -> Response:
    return JSONResponse({"status": "ok"})


async def plotly(request: Request) -> Response:
    """The library that draws the charts, kept by browsers for good; its address has its version."""
    body, packed, etag = await to_thread.run_sync(_plotly_js)
    headers = {"Cache-Control": _PLOTLY_KEEP, "ETag": etag, "Vary": "Accept-Encoding"}
    if request.headers.get("if-none-match") == etag:
        return Response(status_code=304, headers=headers)
    return packed_or_plain(request, body, packed, "text/javascript; charset=utf-8", headers)


@cache
def _plotly_js() -> tuple[bytes, bytes, str]:
    body = files("plotly").joinpath("package_data", "plotly.min.js").read_bytes()
    return body, gzip.compress(body, 6), f'"{hashlib.sha256(body).hexdigest()[:16]}"'
