"""Sign-in by OpenID Connect: Streamlit speaks with the provider, the gate starts the session.

A session begins where Streamlit's callback succeeds, and nowhere else: Streamlit's own cookie,
which lasts 30 days, lets nobody in, so that whoever was removed cannot come back with it.
"""

import json
from functools import partial
from http.cookies import SimpleCookie
from typing import Any

from anyio import to_thread
from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from streamlit.auth_util import encode_provider_token, get_cookie_with_chunks
from streamlit.web.server.server_util import AUTH_COOKIE_NAME, get_cookie_secret
from streamlit.web.server.starlette.starlette_app_utils import decode_signed_value

from tl_core.errors import NotAdmitted, TransferLabError
from tl_core.records import Person
from tl_core.settings import Settings
from tl_ui.gate.answers import HOME, inside, refusal
from tl_ui.gate.organisation import admit, claims_of
from tl_ui.gate.visitors import Visitors, drop_session, set_session

NEXT = "transferlab_next"
"""Cookie with the page to come back to."""
SECONDS = 12 * 3600
"""Duration of a session: a working day, after which the provider is asked again."""
_CALLBACK = "/oauth2callback"
_PATHS = frozenset({"/auth/login", "/auth/logout", _CALLBACK})
_NAMELESS = "The identity provider does not say who you are: it has to send the claim `sub`."


class SignIn:
    """Streamlit's routes for signing in, which are closed where nobody signs in that way."""

    def __init__(self, settings: Settings, visitors: Visitors) -> None:
        self._settings = settings
        self._visitors = visitors

    @property
    def is_used(self) -> bool:
        return uses_oidc(self._settings)

    def owns(self, scope: Scope) -> bool:
        return self.is_used and scope["path"] in _PATHS

    def is_callback(self, scope: Scope) -> bool:
        return self.is_used and scope["type"] == "http" and scope["path"] == _CALLBACK

    async def serve(self, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        """Let Streamlit end the sign-in; where it succeeds, start a session of ours."""
        connection = HTTPConnection(scope)
        refused = False

        async def send_with_session(message: Message) -> None:
            nonlocal refused
            if refused:
                return
            claims = _signed_claims(message) if message["type"] == "http.response.start" else None
            if claims is not None:
                try:
                    await self._start(await self._admit(claims), connection, message)
                except TransferLabError as error:
                    refused = True
                    return await _refuse(str(error), scope, receive, send)
            await send(message)

        await app(scope, receive, send_with_session)

    async def _admit(self, claims: dict[str, Any]) -> Person:
        known = claims_of(claims, self._settings.groups_claim)
        if known is None:
            raise NotAdmitted(_NAMELESS)
        roles = dict(self._settings.roles)
        return await to_thread.run_sync(partial(admit, self._visitors.directory, known, roles))

    async def _start(self, person: Person, connection: HTTPConnection, message: Message) -> None:
        start = partial(self._visitors.directory.start_session, person.id, SECONDS)
        cookies = Response()
        set_session(cookies, connection, await to_thread.run_sync(start), SECONDS)
        cookies.delete_cookie(NEXT)
        headers = MutableHeaders(scope=message)
        for value in cookies.headers.getlist("set-cookie"):
            headers.append("Set-Cookie", value)
        headers["Location"] = inside(connection.cookies.get(NEXT, HOME))


def uses_oidc(settings: Settings) -> bool:
    """Tell whether people sign in by OpenID Connect."""
    return settings.access == "organisation" and settings.user_header is None


def sign_in_address(settings: Settings) -> str:
    """Return the address that begins a sign-in, as `st.login` does; it is valid for minutes.

    Raises:
        StreamlitAuthError: the settings of Streamlit's sign-in are missing.
    """
    return f"/auth/login?provider={encode_provider_token(settings.oidc_provider)}"


async def _refuse(sentence: str, scope: Scope, receive: Receive, send: Send) -> None:
    response = refusal(scope, 403, sentence)
    drop_session(response, HTTPConnection(scope))
    await response(scope, receive, send)


def _signed_claims(message: Message) -> dict[str, Any] | None:
    """Return the claims that Streamlit signs into its cookie, if this answer sets that cookie."""
    cookies: SimpleCookie = SimpleCookie()
    for value in MutableHeaders(scope=message).getlist("set-cookie"):
        cookies.load(value)
    secret = get_cookie_secret()

    def read(name: str) -> bytes | None:
        cookie = cookies.get(name)
        return decode_signed_value(secret, name, cookie.value) if cookie else None

    content = get_cookie_with_chunks(read, AUTH_COOKIE_NAME)
    return json.loads(content) if content else None
