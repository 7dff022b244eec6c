"""Every HTTP API of ours: failures are sentences in JSON, and all answers carry the security headers."""

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tl_core.errors import TransferLabError, UnknownDataset, UnknownRun

_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; sandbox",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
"""Headers of every answer that does not set them itself."""


class Refused(TransferLabError):
    """A request that is not answered, with its HTTP status."""

    def __init__(self, sentence: str, status: int) -> None:
        super().__init__(sentence)
        self.status = status


class Error(BaseModel):
    """Body of every answer that is a failure."""

    error: str = Field(description="A sentence: what is wrong and what to do.")


def make_api() -> FastAPI:
    """Make an API that answers `/api/health` and describes itself at `/api/openapi.json`."""
    api = FastAPI(
        title="TransferLab",
        version="1",
        description="A trained run's model, asked about images. It answers as it does in the app.",
        openapi_url="/api/openapi.json",
        docs_url=None,  # both pages would load their scripts from another server
        redoc_url=None,
        redirect_slashes=False,
        # Addresses carry tokens, which a trace would pass on.
        telemetry={"tracing": False, "metrics": False, "logs": False},
        exception_handlers={
            TransferLabError: _refused,
            RequestValidationError: _not_valid,
            HTTPException: _not_taken,
            ClientDisconnect: _lost,
            Exception: _failed,
        },
    )
    api.add_middleware(_SecurityHeaders)
    api.add_route("/api/health", _health)
    return api


class _SecurityHeaders:
    """ASGI middleware; unlike Starlette's `BaseHTTPMiddleware` it costs no task per request."""

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
    status = 404 if is_unknown else getattr(error, "status", 400)
    return JSONResponse({"error": str(error)}, status)


async def _not_valid(request: Request, error: RequestValidationError) -> Response:
    wrong = error.errors()[0]
    name = wrong["loc"][-1]
    given = str(wrong["input"])[:40]
    legal = wrong["msg"].removeprefix("Input ")
    return JSONResponse({"error": f"{name}: {given!r} is not possible; it {legal}."}, 400)


async def _not_taken(request: Request, error: HTTPException) -> Response:
    """Answer for an address, or a method, that no route takes."""
    headers = {}
    sentence = "There is nothing at this address."
    if error.status_code == 405:
        methods = (error.headers or {}).get("Allow", "")
        headers["Allow"] = ", ".join(sorted(methods.split(", ")))
        sentence = f"This address takes {headers['Allow']} and not {request.method}."
    elif error.status_code != 404:
        sentence = error.detail
    return JSONResponse({"error": sentence}, error.status_code, headers)


async def _lost(request: Request, error: ClientDisconnect) -> Response:
    return JSONResponse({"error": "The connection was lost. Try again."}, 400)


async def _failed(request: Request, error: Exception) -> Response:
    """Answer for a defect of ours, whose traceback the server logs."""
    sentence = "Something went wrong in the server. Its log says what."
    return JSONResponse({"error": sentence}, 500, _HEADERS)
