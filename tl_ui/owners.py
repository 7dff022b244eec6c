"""Whose datasets and runs are listed, for those who see more than their own."""

from collections.abc import Iterable, Sequence
from typing import Protocol, TypeVar

from tl_core.records import OPERATOR
from tl_core.text import isolated
from tl_ui.people import current_person
from tl_ui.resources import get_workspace

OPERATOR_WORD = "operator"
"""Stands for the operator, whose id is empty, in an address."""


class Owned(Protocol):
    @property
    def owner(self) -> str: ...


Thing = TypeVar("Thing", bound=Owned)


def owners_of(owners: Iterable[str]) -> dict[str, str]:
    """Return the name of each owner, by id; nothing where all is the reader's own.

    Args:
        owners: ids of the people whose datasets or runs are listed.
    """
    person = current_person()
    found = set(owners)
    if not person.leads or found <= {person.id}:
        return {}
    names = {other.id: isolated(other.name) for other in get_workspace().store.list_people()}
    # What belongs to somebody who is no longer known is kept.
    return {owner: names.get(owner, owner or "this server") for owner in found}


def own_first(things: Sequence[Thing]) -> list[Thing]:
    """Return the reader's own before those of others, and otherwise keep the order."""
    person = current_person()
    # For the operator everything is as good as their own.
    if person is OPERATOR:
        return list(things)
    # `sorted` is stable.
    return sorted(things, key=lambda thing: thing.owner != person.id)
