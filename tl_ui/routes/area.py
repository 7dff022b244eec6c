"""What all routes have in common: who may ask, how failures are told, and what every answer carries."""

import logging
from collections.abc import Awaitable, Callable, Sequence
from functools import cache, wraps
from typing import Protocol

from anyio import to_thread
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Match, Route

from tl_core.errors import TransferLabError, UnknownDataset, UnknownRun
from tl_core.serving import Refused, nothing_there
from tl_core.settings import Settings
from tl_core.store import Artifacts, Store
from tl_ui.data.upload_batch import UploadRefused
from tl_ui.routes.charts import UnknownChart
from tl_ui.tokens import TokenRefused, Tokens

KEEP = "private, max-age=86400, immutable"
_SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; sandbox",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
_log = logging.getLogger(__name__)

Handler = Callable[[Request], Awaitable[Response]]


class Served(Protocol):
    """What the routes need of a workspace."""

    @property
    def store(self) -> Store: ...

    @property
    def artifacts(self) -> Artifacts: ...

    @property
    def settings(self) -> Settings: ...


class NotFound(TransferLabError):
    """There is no such file."""


class Area:
    """Routes that belong together. A workspace is asked for when a request comes in, not before."""

    def __init__(self, get_workspace: Callable[[], Served]) -> None:
        self.workspace = get_workspace
        self._tokens = cache(lambda: Tokens(get_workspace().settings.home))

    async def subject(self, request: Request, purpose: str, token: str) -> str:
        """What a token was signed for. Raises: TokenRefused: not for that purpose, or too long ago."""
        tokens = await to_thread.run_sync(self._tokens)
        return tokens.check(purpose, token)

    async def demand(self, request: Request, purpose: str, subject: str) -> None:
        """Raises: TokenRefused: the request's token is for something else."""
        if await self.subject(request, purpose, request.query_params.get("token", "")) != subject:
            raise TokenRefused("This address is not valid. Reload the page and try again.")


def answering(handler: Handler) -> Handler:
    """Every answer with the security headers, every failure as a sentence in JSON."""

    @wraps(handler)
    async def answer(request: Request) -> Response:
        try:
            response = await handler(request)
        except ClientDisconnect:
            response = _error("The connection was lost. Try again.", 400)
        except TransferLabError as error:
            response = _error(str(error), _status(error), missing=getattr(error, "missing", None))
        except Exception:
            _log.exception("%s failed", request.url.path)
            response = _error("Something went wrong in the server. Its log says what.", 500)
        response.headers.update(_SECURITY_HEADERS)
        return response

    return answer


def nothing_else(routes: Sequence[Route]) -> Route:
    """The last route: what is asked for elsewhere below `/api`, or in another way, would get Streamlit's page."""

    async def refuse(request: Request) -> Response:
        found = [route for route in routes if route.matches(request.scope)[0] is Match.PARTIAL]
        response = nothing_there(
            request, ", ".join(sorted(method for route in found for method in route.methods or ()))
        )
        response.headers["Cache-Control"] = "no-store"
        return response

    return Route("/api/{path:path}", answering(refuse), methods=_METHODS)


def _error(sentence: str, status: int, missing: list[int] | None = None) -> Response:
    content = {"error": sentence} if missing is None else {"error": sentence, "missing": missing}
    return JSONResponse(content, status, headers={"Cache-Control": "no-store"})


def _status(error: TransferLabError) -> int:
    match error:
        case UploadRefused() | Refused():
            return error.status
        case TokenRefused():
            return 403
        case NotFound() | UnknownChart() | UnknownRun() | UnknownDataset():
            return 404
        case _:
            return 400


def packed_or_plain(
    request: Request, body: bytes, packed: bytes, media_type: str, headers: dict[str, str]
) -> Response:
    """As the browser takes it: gzipped, or not."""
    if "gzip" in request.headers.get("accept-encoding", ""):
        return Response(
            packed, media_type=media_type, headers=headers | {"Content-Encoding": "gzip"}
        )
    return Response(body, media_type=media_type, headers=headers)
