"""Hosts and origins: a foreign page must not drive the app, whatever its name resolves to.

A page of evil.example whose name is made to lead here (DNS rebinding) sends its own name as `Host`,
and a page that opens a connection to our name sends its own as `Origin`.
"""

from collections.abc import Iterable
from urllib.parse import SplitResult, urlsplit

from starlette.datastructures import Headers
from starlette.types import Scope

from tl_core.network import as_number, host_names, is_local
from tl_core.settings import Settings

_SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
_SECURE = ("https", "wss")
_BY_PROXY = ("forwarded", "x-forwarded-for", "x-real-ip", "via")


class Hosts:
    """Names and addresses under which this server may be asked.

    Args:
        names: in lower case; `*.example.org` stands for all below it.
        is_public: whether other machines reach the server.
    """

    def __init__(self, names: Iterable[str], *, is_public: bool) -> None:
        self._names = {name for name in names if not name.startswith("*.")}
        self._endings = tuple(name[1:] for name in names if name.startswith("*."))
        self._is_public = is_public

    def allow(self, host: str) -> bool:
        """Tell whether a request with this `Host` header is meant for us."""
        parts = _split(f"//{host}")
        name = parts.hostname if parts and parts.netloc == host else None
        if not name or "@" in host:
            return False
        name = name.rstrip(".")
        if as_number(name) is not None:
            # No name server can make a foreign page's name out of a bare address, and a server
            # behind a router or in a container does not know the address it is reached by.
            return self._is_public or is_local(name)
        return name == "localhost" or name in self._names or name.endswith(self._endings)


def known_hosts(settings: Settings, listens_on: str | None) -> Hosts:
    """Return the hosts of a server that listens on an address."""
    is_public = not is_local(listens_on)
    # Behind a proxy on this machine, others would reach an app that is for one person.
    is_shared = settings.access != "open" or settings.allow_open
    names = [*(settings.hosts if is_shared else ()), *(host_names() if is_public else ())]
    return Hosts(names, is_public=is_public)


def is_from_elsewhere(scope: Scope, headers: Headers) -> bool:
    """Tell whether a page of another origin asks for a websocket or for a change.

    Programs other than browsers send no `Origin`; they have no cookies of ours either.
    """
    if scope["type"] == "http" and scope["method"] in _SAFE_METHODS:
        return False
    if headers.get("sec-fetch-site", "none") not in ("same-origin", "none"):
        return True
    origin = headers.get("origin")
    if origin is None:
        return False
    parts = _split(origin)
    if parts is None or parts.netloc != headers.get("host", "").lower():
        return True
    # A page without TLS, under our name and port, was put there by someone in between.
    return scope["scheme"] in _SECURE and parts.scheme != "https"


def is_passed_on(headers: Headers) -> bool:
    """Tell whether a request says that a proxy has passed it on, as most make it say."""
    return any(name in headers for name in _BY_PROXY)


def _split(address: str) -> SplitResult | None:
    try:
        parts = urlsplit(address.lower())
        # Reading it checks that it is a number.
        _ = parts.port
    except ValueError:
        return None
    return parts
