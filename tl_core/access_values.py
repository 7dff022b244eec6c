"""Values of settings on who may reach the app and as whom: hosts, proxies, headers, roles."""

import re
from ipaddress import IPv4Network, IPv6Network
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field

_HOST_NAME = re.compile(r"(?:\*\.)?[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*")
_HEADER_NAME = re.compile(r"[A-Za-z0-9-]+")


def _split_at_commas(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    return [part.strip() for part in value.split(",") if part.strip()]


def _check_host(name: str) -> str:
    if not _HOST_NAME.fullmatch(name):
        raise ValueError(
            f"{name!r} is not the name of a host; give names such as lab.example.org or "
            "*.example.org, without http:// and port, separated by commas."
        )
    return name.lower()


def _read_roles(value: Any) -> Any:
    """Read `teachers=admin, tutors=lead` as pairs of a group and its role."""
    if not isinstance(value, str):
        return value
    # The group may hold an equals sign, as distinguished names of directories do.
    pairs = [part.rpartition("=") for part in _split_at_commas(value)]
    return [(group.strip(), role.strip()) for group, _, role in pairs]


def _check_role(pair: tuple[str, str]) -> tuple[str, str]:
    group, role = pair
    if not group or role not in ("member", "lead", "admin"):
        raise ValueError(
            f"{group}={role} is not possible; give groups and their roles (member, lead or "
            "admin), such as lab-staff=lead, lab-heads=admin."
        )
    return pair


def _check_header(name: str) -> str:
    if not _HEADER_NAME.fullmatch(name):
        raise ValueError(f"{name!r} is not the name of an HTTP header, such as X-Forwarded-User.")
    return name.lower()


Hosts = Annotated[
    tuple[Annotated[str, AfterValidator(_check_host)], ...], BeforeValidator(_split_at_commas)
]
"""Names of hosts in lower case; `*.example.org` stands for all below it."""
Networks = Annotated[
    tuple[IPv4Network | IPv6Network, ...],
    BeforeValidator(_split_at_commas),
    Field(json_schema_extra={"example": "addresses or networks, such as 127.0.0.1, 10.0.0.0/8"}),
]
HeaderName = Annotated[str, AfterValidator(_check_header)]
"""Name of an HTTP header in lower case."""
Roles = Annotated[
    tuple[Annotated[tuple[str, str], AfterValidator(_check_role)], ...],
    BeforeValidator(_read_roles),
]
"""Pairs of a group and its role; not a dictionary, since settings are keys of caches."""
