"""Leave to listen: an app that is open to everyone is for the person at this machine."""

from tl_core.errors import ConfigError
from tl_core.network import host_names, is_local
from tl_core.settings import Settings

_HOW_TO_SHARE = (
    "To share it, start a class with `transferlab app --classroom`, or set TRANSFERLAB_ACCESS to "
    "organisation. Where everyone who reaches it may do everything, set TRANSFERLAB_ALLOW_OPEN=1."
)


def check_listening(settings: Settings, address: str | None) -> None:
    """Check that a server may listen on an address.

    Args:
        address: None stands for every address of this machine.

    Raises:
        ConfigError: others would reach an app that is open to everyone, there or by a proxy.
    """
    if settings.access != "open" or settings.allow_open:
        return
    if not is_local(address):
        raise ConfigError(
            f"The app is open to everyone, so it does not listen on {address or 'every address'}, "
            f"where others would see and delete everything. {_HOW_TO_SHARE}"
        )
    if variable := _names_a_proxy(settings):
        raise ConfigError(
            f"{variable}: the app is open to everyone, so it does not start behind a proxy, by "
            "which others would see and delete everything. Unset it if there is none. "
            f"{_HOW_TO_SHARE}"
        )


def _names_a_proxy(settings: Settings) -> str | None:
    """Return the variable by which an app on this machine expects visitors from elsewhere."""
    if settings.proxies:
        return "TRANSFERLAB_PROXIES"
    own = {"localhost", *host_names()}
    return None if own.issuperset(settings.hosts) else "TRANSFERLAB_HOSTS"
