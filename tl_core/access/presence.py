"""Memory of who is let in, so that not every look at a page asks the database again."""

import threading
import weakref
from collections.abc import Callable

from cachetools import TTLCache

from tl_core.records import Person, Role
from tl_core.store import Store

_SECONDS = 1.0
"""Time after which a change that another process made is seen."""
_MOST = 10_000

NOBODY = Person("nobody", "", Role.MEMBER, 0.0, removed_at=0.0)
"""Somebody who is not let in: nothing that is bound to them reads or writes anything."""


class _Unknown:
    """Marks that nothing is remembered."""


_UNKNOWN = _Unknown()
_Known = TTLCache[tuple[str, str], Person | None]
_known: weakref.WeakKeyDictionary[Store, _Known] = weakref.WeakKeyDictionary()
_lock = threading.Lock()


def person_with_id(store: Store, person_id: str) -> Person | None:
    """Return who has this id now, also if they were removed.

    Args:
        store: the house's own, not one that is bound to somebody.
    """
    return _look_up(store, ("id", person_id), lambda: store.find_person(person_id=person_id))


def person_in_session(store: Store, token: str) -> Person | None:
    """Return whose session has this digest, unless it has ended or they were removed."""
    return _look_up(store, ("token", token), lambda: store.person_in_session(token))


def forget_everyone() -> None:
    """Ask the database again from now on; called after every change of a person or session."""
    with _lock:
        _known.clear()


def _look_up(store: Store, key: tuple[str, str], ask: Callable[[], Person | None]) -> Person | None:
    with _lock:
        known = _known.setdefault(store, TTLCache(_MOST, _SECONDS))
        # Not `in` and then `[]`, between which an entry may expire.
        found = known.get(key, _UNKNOWN)
    if not isinstance(found, _Unknown):
        return found
    person = ask()
    with _lock:
        # A change that was made while the database answered has replaced the memory.
        if _known.get(store) is known:
            known[key] = person
    return person
