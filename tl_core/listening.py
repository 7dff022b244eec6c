"""Leave to listen: an app that is open to everyone is for the person at this machine."""

from tl_core.errors import ConfigError
from tl_core.network import is_local
from tl_core.settings import Settings


def check_listening(settings: Settings, address: str | None) -> None:
    """Check that a server may listen on an address.

    Args:
        address: None stands for every address of this machine.

    Raises:
        ConfigError: others would reach an app that is open to everyone.
    """
    if settings.access != "open" or settings.allow_open or is_local(address):
        return
    raise ConfigError(
        f"The app is open to everyone, so it does not listen on {address or 'every address'}, "
        "where others would see and delete everything. To share it, start a class with "
        "`transferlab app --classroom`, or set TRANSFERLAB_ACCESS to organisation. Where everyone "
        "in the network may do everything, set TRANSFERLAB_ALLOW_OPEN=1."
    )
