"""Names and addresses of this machine, and which of them other machines can reach."""

import socket
from ipaddress import IPv4Address, IPv6Address, ip_address

import psutil

_EVERY_ADDRESS = ("", "0.0.0.0", "::")  # noqa: S104


def is_local(address: str | None) -> bool:
    """Tell whether a server that listens on an address or name is reached by this machine alone.

    Args:
        address: None or empty stands for every address of this machine.
    """
    if not address or address in _EVERY_ADDRESS:
        return False
    number = as_number(address)
    if number is None:
        # Any other name may lead to an address that others reach.
        return address.lower().rstrip(".") == "localhost"
    return number.is_loopback


def as_number(text: str) -> IPv4Address | IPv6Address | None:
    """Read an IP address, also one in square brackets; None where the text is none."""
    try:
        number = ip_address(text.removeprefix("[").removesuffix("]").partition("%")[0])
    except ValueError:
        return None
    # A socket for both kinds shows IPv4 as ::ffff:192.0.2.1.
    return getattr(number, "ipv4_mapped", None) or number


def host_names() -> list[str]:
    """Return this machine's names in its network, in lower case: `lab`, `lab.local`."""
    full = socket.gethostname().lower().rstrip(".")
    first = full.partition(".")[0]
    # Other machines of a network without a name server find it by multicast DNS.
    return list(dict.fromkeys(name for name in (full, first, first and f"{first}.local") if name))


def lan_addresses() -> list[str]:
    """Return the addresses at which other machines may reach this one, the likeliest first."""
    found = [
        number
        for interface in psutil.net_if_addrs().values()
        for address in interface
        if address.family in (socket.AF_INET, socket.AF_INET6)
        and (number := as_number(address.address))
        and not number.is_loopback
        and not number.is_link_local
    ]
    outgoing = _outgoing_address()
    found.sort(key=lambda number: (str(number) != outgoing, number.version))
    return list(dict.fromkeys(map(str, found)))


def _outgoing_address() -> str | None:
    """Return the address from which this machine would reach others; nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            # An address that is reserved for documents: only the choice of a route matters.
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return None
        return str(probe.getsockname()[0])
