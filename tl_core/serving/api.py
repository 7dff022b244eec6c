"""Base of the HTTP APIs: errors are sentences in JSON, and all responses have security headers."""

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tl_core.errors import StoreUnavailable, TransferLabError, UnknownDataset, UnknownRun
from tl_core.text import without_folders

# Responses are for programs: a browser should neither keep them nor display them as pages.
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; sandbox",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
"""Headers of every response that does not set them itself."""


class Refused(TransferLabError):
    """A request was refused, with its HTTP status."""

    def __init__(self, sentence: str, status: int) -> None:
        super().__init__(sentence)
        self.status = status


class Error(BaseModel):
    """Body of every error response."""

    error: str = Field(description="Sentence on what is wrong and what to do.")


def make_api() -> FastAPI:
    """Make an API that answers `/api/health` and describes itself at `/api/openapi.json`."""
    api = FastAPI(
        title="TransferLab",
        version="1",
        description="Predictions of a trained run's model for images, the same as in the app.",
        openapi_url="/api/openapi.json",
        # Both pages would load their scripts from another server.
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        # Addresses contain tokens, which traces would pass on.
        telemetry={"tracing": False, "metrics": False, "logs": False},
        exception_handlers={
            TransferLabError: _refused,
            RequestValidationError: _invalid,
            HTTPException: _no_route,
            ClientDisconnect: _disconnected,
            Exception: _failed,
        },
    )
    api.add_middleware(_SecurityHeaders)
    # Starlette's method, because the OpenAPI document should not list this route.
    api.add_route("/api/health", _health)
    return api


class _SecurityHeaders:
    """ASGI middleware; unlike Starlette's `BaseHTTPMiddleware` it starts no task per request."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, send_with_headers)


async def _health(request: Request) -> Response:
    return JSONResponse({"status": "ok"})


async def _refused(request: Request, error: TransferLabError) -> Response:
    is_unknown = isinstance(error, UnknownRun | UnknownDataset)
    status = getattr(error, "status", 400)
    if is_unknown:
        status = 404
    elif isinstance(error, StoreUnavailable):
        # Nothing is wrong with the request, which may be sent again.
        status = 503
    return JSONResponse({"error": without_folders(str(error))}, status)


async def _invalid(request: Request, error: RequestValidationError) -> Response:
    first = error.errors()[0]
    name = first["loc"][-1]
    # An input may be as long as an address, and only needs to be recognised.
    value = str(first["input"])[:40]
    # pydantic writes "Input should be greater than …".
    constraint = first["msg"].removeprefix("Input ")
    return JSONResponse({"error": f"{name}: {value!r} is not possible; it {constraint}."}, 400)


async def _no_route(request: Request, error: HTTPException) -> Response:
    """Respond to an address or a method that has no route."""
    headers = {}
    sentence = error.detail
    if error.status_code == 404:
        sentence = "There is nothing at this address."
    elif error.status_code == 405:
        # Starlette lists the methods in an order that changes from one process to the next.
        methods = (error.headers or {}).get("Allow", "")
        headers["Allow"] = ", ".join(sorted(methods.split(", ")))
        sentence = f"This address accepts {headers['Allow']}, not {request.method}."
    return JSONResponse({"error": sentence}, error.status_code, headers)


async def _disconnected(request: Request, error: ClientDisconnect) -> Response:
    return JSONResponse({"error": "The connection was lost. Try again."}, 400)


async def _failed(request: Request, error: Exception) -> Response:
    """Respond to an unexpected error, whose traceback the server logs."""
    sentence = "Something went wrong on the server; its log has the details."
    # This handler runs outside the middleware, which therefore adds no headers.
    return JSONResponse({"error": sentence}, 500, _HEADERS)
