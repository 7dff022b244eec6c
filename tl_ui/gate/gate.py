"""ASGI middleware in front of everything: Streamlit's pages and websockets, and our own routes."""

import logging
from collections.abc import Callable
from functools import cached_property

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from tl_core.access import Directory
from tl_core.errors import StoreUnavailable
from tl_core.logs import logged_as
from tl_core.network import as_number, is_local
from tl_core.records import OPERATOR
from tl_core.settings import Settings
from tl_core.text import without_folders
from tl_ui.gate.answers import is_navigation, refusal, to_join, too_many
from tl_ui.gate.headers import protect
from tl_ui.gate.hosts import Hosts, is_from_elsewhere, is_passed_on, known_hosts
from tl_ui.gate.limits import Limit, Rate, household
from tl_ui.gate.oidc import SignIn
from tl_ui.gate.sockets import POLICY_VIOLATION, Sockets
from tl_ui.gate.visitors import Visitor, Visitors
from tl_ui.people import HEADER

_PERSON = HEADER.encode()
_OURS = b"x-transferlab-"
_log = logging.getLogger(__name__)

_NOT_SIGNED_IN = "You are not signed in, or were removed. Load the page again to join."
PUBLIC = frozenset(
    {
        *("/join", "/leave", "/teacher"),
        *("/api/health", "/healthz", "/readyz", "/_stcore/health"),
        # Which itself refuses everyone but this machine and the token.
        "/metrics",
    }
)
"""Paths that answer everyone; what they say must tell nothing of anybody."""
_LIMITS = {
    # A page shows up to 200 pictures, and up to three charts are asked for every second.
    "api": Rate(at_once=2000, per_second=50),
    # A batch has about 4 MB.
    "upload": Rate(at_once=600, per_second=20),
    "socket": Rate(at_once=60, per_second=1),
}


class Gate:
    """Lets in who may come, says who it is, and protects every answer.

    Args:
        get_settings, get_directory: called for the first request.
        get_address: returns the address that the server listens on; None for all of the machine's.
    """

    def __init__(
        self,
        app: ASGIApp,
        get_settings: Callable[[], Settings],
        get_directory: Callable[[], Directory],
        get_address: Callable[[], str | None],
    ) -> None:
        self._app = app
        self._get_settings = get_settings
        self._get_directory = get_directory
        self._get_address = get_address
        self._limits = {kind: Limit(rate) for kind, rate in _LIMITS.items()}

    @cached_property
    def _settings(self) -> Settings:
        return self._get_settings()

    @cached_property
    def _visitors(self) -> Visitors:
        return Visitors(self._settings, self._get_directory)

    @cached_property
    def _sockets(self) -> Sockets:
        return Sockets(self._visitors.is_welcome)

    @cached_property
    def _sign_in(self) -> SignIn:
        return SignIn(self._settings, self._visitors)

    @cached_property
    def _forwarded(self) -> ASGIApp:
        trusted = list(map(str, self._settings.proxies))
        return ProxyHeadersMiddleware(self._protected, trusted)  # type: ignore[arg-type, return-value]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            return await self._app(scope, receive, send)
        scope["transferlab.by_proxy"] = _is_from(self._settings, scope)
        await self._forwarded(scope, receive, send)

    async def _protected(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_protected(message: Message) -> None:
            if message["type"] == "http.response.start":
                protect(MutableHeaders(scope=message))
            await send(message)

        headers = Headers(scope=scope)
        problem = self._hosts_problem(scope, headers)
        if problem:
            _log.warning("Refused %s: %s", scope["path"], problem)
            return await _answer(refusal(scope, 403, problem), scope, receive, send_protected)
        try:
            visitor = await self._visitors.find(
                scope, headers, by_proxy=scope["transferlab.by_proxy"]
            )
        except StoreUnavailable as error:
            away = refusal(scope, 503, without_folders(str(error)))
            return await _answer(away, scope, receive, send_protected)
        _name_visitor(scope, visitor)
        refused = self._refused(scope, headers, visitor)
        if refused is not None:
            return await _answer(refused, scope, receive, send_protected)
        with logged_as(person=visitor.person.id if visitor else ""):
            await self._let_in(scope, receive, send_protected, visitor)

    async def _let_in(
        self, scope: Scope, receive: Receive, send: Send, visitor: Visitor | None
    ) -> None:
        if scope["type"] == "websocket" and visitor is not None:
            return await self._sockets.serve(self._app, scope, receive, send, visitor)
        if self._sign_in.is_callback(scope):
            return await self._sign_in.serve(self._app, scope, receive, send)
        await self._app(scope, receive, send)

    def _hosts_problem(self, scope: Scope, headers: Headers) -> str | None:
        """Return a sentence on a request that a foreign page may have sent, or from afar."""
        hosts = headers.getlist("host")
        if len(hosts) != 1 or not self._hosts.allow(hosts[0]):
            return (
                f"This server is not known as {', '.join(hosts)[:100]!r}. If that is its name, add "
                "it to TRANSFERLAB_HOSTS and start it again."
            )
        if is_from_elsewhere(scope, headers):
            return (
                "This was asked by a page of another site. If it was the app's own, the proxy in "
                "front of it must pass the Host header on."
            )
        is_closed = self._settings.access == "open" and not self._settings.allow_open
        if not is_closed:
            return None
        if not _is_on_this_machine(scope):
            return "This app is open to one person, on the machine on which it runs."
        if is_passed_on(headers):
            return (
                "This came through a proxy, and this app is open to one person, on the machine on "
                "which it runs. To share it, choose another TRANSFERLAB_ACCESS; "
                "TRANSFERLAB_ALLOW_OPEN=1 lets in everyone whom the proxy lets in."
            )
        return None

    @cached_property
    def _hosts(self) -> Hosts:
        return known_hosts(self._settings, self._get_address())

    def _refused(self, scope: Scope, headers: Headers, visitor: Visitor | None) -> Response | None:
        """Return the answer to somebody who is not let in, or comes too often."""
        if visitor is None:
            return None if self._is_for_everyone(scope, headers) else _send_away(scope, headers)
        kind = _kind_of(scope)
        address = _address_of(scope)
        if kind is None or (visitor.person is OPERATOR and is_local(address)):
            return None
        wait = self._limits[kind].take(visitor.person.id or household(address))
        if wait > 0:
            return too_many(scope, wait)
        if kind == "socket" and self._sockets.is_full(visitor):
            return refusal(scope, 429, "You have too many pages open. Close some of them.")
        return None

    def _is_for_everyone(self, scope: Scope, headers: Headers) -> bool:
        if scope["type"] == "websocket":
            return False
        path = scope["path"]
        # The route checks the key, which stands for nobody's session.
        is_program = path.startswith("/api/runs/") and path.endswith("/predict")
        has_key = headers.get("authorization", "").lower().startswith("bearer ")
        return path in PUBLIC or (is_program and has_key) or self._sign_in.owns(scope)


def _is_from(settings: Settings, scope: Scope) -> bool:
    """Tell whether a request comes straight from a proxy that is trusted."""
    number = as_number(_address_of(scope))
    return number is not None and any(number in network for network in settings.proxies)


def _is_on_this_machine(scope: Scope) -> bool:
    # The address that was reached, which Streamlit's settings need not know.
    server = scope.get("server")
    return not server or server[1] is None or is_local(server[0])


def _name_visitor(scope: Scope, visitor: Visitor | None) -> None:
    """Replace what a request says about who sends it by what is known."""
    kept = [pair for pair in scope["headers"] if not pair[0].lower().startswith(_OURS)]
    if visitor is not None and visitor.person.id:
        kept.append((_PERSON, visitor.person.id.encode()))
    scope["headers"] = kept


def _send_away(scope: Scope, headers: Headers) -> Response:
    if scope["type"] == "http" and is_navigation(scope, headers):
        return to_join(scope)
    return refusal(scope, 401, _NOT_SIGNED_IN)


def _kind_of(scope: Scope) -> str | None:
    path = scope["path"]
    if scope["type"] == "websocket":
        return "socket"
    if path.startswith(("/api/uploads/", "/_stcore/upload_file/")):
        return "upload"
    return "api" if path.startswith("/api/") else None


def _address_of(scope: Scope) -> str:
    client = scope.get("client")
    return client[0] if client else ""


async def _answer(response: Response, scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "http":
        return await response(scope, receive, send)
    # A websocket that was never accepted is answered with status 403.
    await receive()
    await send({"type": "websocket.close", "code": POLICY_VIOLATION})
