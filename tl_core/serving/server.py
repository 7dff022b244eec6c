"""A server of nothing but models: what `transferlab serve` runs."""

import hmac
import logging
from collections.abc import Awaitable, Callable

from anyio import to_thread
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tl_core.errors import TransferLabError, UnknownRun
from tl_core.runs.predictor import Predictors
from tl_core.serving.asking import Asking, Refused
from tl_core.serving.openapi import describe
from tl_core.workspace import Workspace

_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; sandbox",
    "Cache-Control": "no-store",
}
NO_KEY = "The key is missing, too old, or for another model: send one as the header Authorization: Bearer KEY."
_log = logging.getLogger(__name__)

Handler = Callable[[Request], Awaitable[Response]]


def make_app(workspace: Workspace, key: str | None) -> Starlette:
    """Answers `POST /api/runs/{run_id}/predict` about every run that has a model.

    Args:
        key: what a request must bring as its bearer token; None where anybody may ask.
    """
    predictors = Predictors(workspace)
    asking = Asking(lambda: predictors)

    async def predict(request: Request) -> Response:
        if key is not None and not is_key(bearer(request), key):
            raise Refused(NO_KEY, 403)
        run = await to_thread.run_sync(workspace.store.get_run, request.path_params["run_id"])
        return await asking.answer(request, run)

    async def openapi(request: Request) -> Response:
        return JSONResponse(describe())

    async def health(request: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def nothing(request: Request, error: Exception) -> Response:
        response = nothing_there(request, (getattr(error, "headers", None) or {}).get("Allow", ""))
        response.headers.update(_HEADERS)
        return response

    return Starlette(
        routes=[
            Route("/api/runs/{run_id}/predict", _answering(predict), methods=["POST"]),
            Route("/api/openapi.json", openapi),
            Route("/api/health", health),
        ],
        exception_handlers={404: nothing, 405: nothing},
    )


def nothing_there(request: Request, allowed: str = "") -> Response:
    """For an address at which there is nothing, or nothing for this method, but for those that are `allowed`."""
    if not allowed:
        return JSONResponse({"error": "There is nothing at this address."}, 404)
    sentence = f"This address takes {allowed} and not {request.method}."
    return JSONResponse({"error": sentence}, 405, headers={"Allow": allowed})


def bearer(request: Request) -> str:
    """The key that a request brings; empty without one."""
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    return key.strip() if scheme.lower() == "bearer" else ""


def is_key(given: str, key: str) -> bool:
    """Compared in a time that tells nothing."""
    return hmac.compare_digest(given.encode(), key.encode())


def _answering(handler: Handler) -> Handler:
    """Every failure as a sentence in JSON."""

    async def answer(request: Request) -> Response:
        try:
            response = await handler(request)
        except ClientDisconnect:
            response = JSONResponse({"error": "The connection was lost."}, 400)
        except TransferLabError as error:
            status = (
                error.status
                if isinstance(error, Refused)
                else 404
                if isinstance(error, UnknownRun)
                else 400
            )
            response = JSONResponse({"error": str(error)}, status)
        except Exception:
            _log.exception("%s failed", request.url.path)
            response = JSONResponse(
                {"error": "Something went wrong in the server. Its log says what."}, 500
            )
        response.headers.update(_HEADERS)
        return response

    return answer
