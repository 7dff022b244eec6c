"""Address on which this server listens, and the addresses at which others find it."""

import streamlit as st

from tl_core.network import as_number, host_names, lan_addresses
from tl_core.settings import Settings

_EVERYWHERE = (None, "", "0.0.0.0", "::")  # noqa: S104


def listening_address() -> str | None:
    """Return the address that Streamlit listens on; None for all of this machine's."""
    address = st.get_option("server.address")
    return None if address is None else str(address)


def base_addresses(settings: Settings) -> list[str]:
    """Return the addresses of the app for other machines, the likeliest first.

    A name that the operator gave comes before what this machine knows of itself.
    """
    names = [name for name in settings.hosts if not name.startswith("*.")]
    if names and settings.proxies:
        # The proxy speaks TLS and listens where browsers look first.
        return [f"https://{name}" for name in names]
    scheme = "https" if st.get_option("server.sslCertFile") else "http"
    port = st.get_option("server.port")
    return [f"{scheme}://{host}:{port}" for host in [*names, *_own_hosts()]]


def _own_hosts() -> list[str]:
    address = listening_address()
    hosts = [*lan_addresses(), *host_names()] if address in _EVERYWHERE else [str(address)]
    return [f"[{host}]" if _is_ipv6(host) else host for host in hosts]


def _is_ipv6(host: str) -> bool:
    number = as_number(host)
    return number is not None and number.version == 6
