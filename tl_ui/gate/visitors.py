"""Telling who asks: a session's cookie, or a header of a proxy that is trusted."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from anyio import CapacityLimiter, to_thread
from cachetools import TTLCache
from starlette.datastructures import Headers
from starlette.requests import HTTPConnection, cookie_parser
from starlette.responses import Response
from starlette.types import Scope

from tl_core.access import Directory
from tl_core.errors import NotAdmitted
from tl_core.records import OPERATOR, Person
from tl_core.settings import Settings
from tl_ui.gate.organisation import Claims, admit

COOKIE = "transferlab_session"
DAY = 24 * 3600
_THREADS = 8
_KNOWN_SECONDS = 1.0
"""Time for which the word of a proxy is not looked up again."""


@dataclass(frozen=True, slots=True)
class Visitor:
    """Somebody who asks, and how to ask again whether they may."""

    person: Person
    token: str = ""
    """Secret of the browser's session; empty where there are no sessions."""
    claims: Claims | None = None
    """Word of the proxy that let them in."""


class Visitors:
    """Finds out who asks, in the way that the settings name."""

    def __init__(self, settings: Settings, get_directory: Callable[[], Directory]) -> None:
        self._settings = settings
        self._get_directory = get_directory
        self._by_claims: TTLCache[Claims, Person | None] = TTLCache(1000, _KNOWN_SECONDS)
        # Streamlit's own threads may all be busy with slow uploads.
        self._threads = CapacityLimiter(_THREADS)

    @property
    def directory(self) -> Directory:
        return self._get_directory()

    async def find(self, scope: Scope, headers: Headers, *, by_proxy: bool) -> Visitor | None:
        """Return who asks; None for nobody that is known here.

        Args:
            by_proxy: whether the request comes from a proxy whose headers are believed.

        Raises:
            StoreUnavailable: the database cannot be asked.
        """
        if self._settings.access == "open":
            return Visitor(OPERATOR)
        if self._settings.user_header:
            claims = self._claims_of(headers) if by_proxy else None
            return await self._visitor_with(claims) if claims else None
        token = cookie_parser(headers.get("cookie", "")).get(COOKIE, "")
        return await self._visitor_in(token) if token else None

    async def is_welcome(self, visitor: Visitor) -> bool:
        """Tell whether somebody who was let in still is."""
        if visitor.person is OPERATOR:
            return True
        if visitor.claims:
            return await self._visitor_with(visitor.claims) is not None
        return await self._visitor_in(visitor.token) is not None

    async def _visitor_in(self, token: str) -> Visitor | None:
        person = await to_thread.run_sync(self.directory.person_of, token, limiter=self._threads)
        return None if person is None else Visitor(person, token=token)

    async def _visitor_with(self, claims: Claims) -> Visitor | None:
        if claims not in self._by_claims:
            find = partial(admit, self.directory, claims, dict(self._settings.roles))
            try:
                self._by_claims[claims] = await to_thread.run_sync(find, limiter=self._threads)
            except NotAdmitted:
                self._by_claims[claims] = None
        person = self._by_claims.get(claims)
        return None if person is None else Visitor(person, claims=claims)

    def _claims_of(self, headers: Headers) -> Claims | None:
        settings = self._settings
        user = headers.get(settings.user_header or "", "").strip()
        if not user:
            return None
        name = headers.get(settings.name_header or "", "").strip()
        groups = headers.get(settings.groups_header or "", "").split(",")
        return Claims(
            f"proxy {user}", name or user, tuple(group.strip() for group in groups if group.strip())
        )


def set_session(response: Response, connection: HTTPConnection, token: str, seconds: int) -> None:
    """Give a browser the secret of its session, out of reach of scripts and other sites."""
    response.set_cookie(
        COOKIE,
        token,
        max_age=seconds,
        httponly=True,
        samesite="lax",
        secure=connection.url.scheme == "https",
    )


def drop_session(response: Response, connection: HTTPConnection) -> None:
    """Have a browser forget its session."""
    response.delete_cookie(
        COOKIE, httponly=True, samesite="lax", secure=connection.url.scheme == "https"
    )
