"""Checks at the start of the server: no app is served that lets in everyone, or nobody."""

import os
import sys

from streamlit.auth_util import validate_auth_credentials
from streamlit.errors import StreamlitAuthError

from tl_core.errors import ConfigError
from tl_core.listening import check_listening
from tl_core.settings import Settings
from tl_ui.gate.listening import listening_address
from tl_ui.gate.oidc import uses_oidc


def check_start() -> None:
    """End the process with a sentence where the settings of access cannot be served."""
    try:
        settings = Settings.from_environment()
        check_listening(settings, listening_address())
        check_proxies(settings, os.environ.get("FORWARDED_ALLOW_IPS"))
        check_sign_in(settings)
    except ConfigError as error:
        sys.exit(str(error))


def check_proxies(settings: Settings, believed: str | None) -> None:
    """Check that the gate sees which requests come from a proxy.

    Args:
        believed: addresses that uvicorn believes; None for its default, this machine.

    Raises:
        ConfigError: nobody could come in, or uvicorn hides where requests come from.
    """
    if settings.access == "organisation" and settings.user_header and not settings.proxies:
        raise ConfigError(
            f"TRANSFERLAB_USER_HEADER: {settings.user_header!r} is believed of no one; give the "
            "addresses of your proxies in TRANSFERLAB_PROXIES, such as 127.0.0.1."
        )
    if settings.proxies and believed != "":
        raise ConfigError(
            "TRANSFERLAB_PROXIES: the server would not see which requests come from a proxy; start "
            "it with `transferlab app`, or set FORWARDED_ALLOW_IPS to nothing."
        )


def check_sign_in(settings: Settings) -> None:
    """Check that people can sign in by OpenID Connect, where they are to.

    Raises:
        ConfigError: Streamlit's settings of it are missing or incomplete.
    """
    if not uses_oidc(settings):
        return
    try:
        validate_auth_credentials(settings.oidc_provider)
    except StreamlitAuthError as error:
        reason = " ".join(str(error).split())
        raise ConfigError(
            "TRANSFERLAB_ACCESS: organisation needs an identity provider in Streamlit's "
            f"secrets.toml, or a proxy's header in TRANSFERLAB_USER_HEADER. {reason}"
        ) from error
