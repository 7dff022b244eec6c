"""People of an organisation: who they are and their roles, by the word of its identity provider."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from tl_core.access import Directory
from tl_core.errors import NotAdmitted
from tl_core.records import Person, Role

_ROLES = list(Role)
_NO_ROLE = (
    "You have signed in, but none of your groups has a role here: ask whoever runs this server."
)


@dataclass(frozen=True, slots=True)
class Claims:
    """Word of an identity provider or a proxy on somebody."""

    subject: str
    """Stands for the person for good, whatever their name or address becomes."""
    name: str
    """User text."""
    groups: tuple[str, ...]


def claims_of(claims: Mapping[str, Any], groups_claim: str) -> Claims | None:
    """Read the claims of an OpenID Connect identity token; None where they name nobody.

    Args:
        groups_claim: name of the claim with the groups; `realm_access.roles` is a claim in a claim.
    """
    subject = claims.get("sub")
    if not isinstance(subject, str) or not subject:
        return None
    names = (claims.get(name) for name in ("name", "preferred_username", "email"))
    shown = next((name for name in names if isinstance(name, str) and name.strip()), subject)
    # Two providers may give the same subject to two people.
    return Claims(f"oidc {claims.get('iss', '')} {subject}", shown, _groups(claims, groups_claim))


def role_of(groups: Iterable[str], roles: Mapping[str, str]) -> Role | None:
    """Return the highest role of somebody's groups; None if they are not to be let in.

    Everyone is a member, unless a group is named as member: then only those in some group are.

    Args:
        roles: roles by group.
    """
    given = [Role(roles[group]) for group in groups if group in roles]
    if not given and Role.MEMBER not in roles.values():
        return Role.MEMBER
    return max(given, key=_ROLES.index, default=None)


def admit(directory: Directory, claims: Claims, roles: Mapping[str, str]) -> Person:
    """Return the person, who is new or is known, with the role they have now.

    Raises:
        NotAdmitted: they were removed, or their groups have no role.
    """
    role = role_of(claims.groups, roles)
    if role is None:
        raise NotAdmitted(_NO_ROLE)
    return directory.enter(claims.subject, claims.name, role)


def _groups(claims: Mapping[str, Any], name: str) -> tuple[str, ...]:
    found: Any = claims.get(name)
    if found is None:
        found = claims
        for part in name.split("."):
            found = found.get(part) if isinstance(found, Mapping) else None
    if isinstance(found, str):
        found = [found]
    return tuple(group for group in found or () if isinstance(group, str))
