"""Cache of results that belong to people: nobody is served what was computed for another."""

from collections.abc import Callable, Hashable
from threading import Lock
from typing import Any, Protocol, TypeVar

from cachetools import LRUCache, cached
from cachetools.keys import hashkey

from tl_ui.people import current_person

Result = TypeVar("Result")
Result_co = TypeVar("Result_co", covariant=True)


class Cached(Protocol[Result_co]):
    """Function whose results are kept."""

    def __call__(self, *args: Any, **kwargs: Any) -> Result_co: ...

    def cache_clear(self) -> None: ...


def cached_by_person(
    maxsize: int, *, weigh: Callable[[Any], int] | None = None
) -> Callable[[Callable[..., Result]], Cached[Result]]:
    """Return a decorator like `lru_cache`, whose key also holds the current person.

    Args:
        maxsize: number of results that are kept, of all people together.
        weigh: function from a result to what it counts towards `maxsize`; without it, 1.
    """

    def decorate(function: Callable[..., Result]) -> Cached[Result]:
        kept: LRUCache[Hashable, Result] = LRUCache(maxsize, weigh)
        return cached(kept, key=_person_key, lock=Lock())(function)

    return decorate


def _person_key(*args: Any, **kwargs: Any) -> Hashable:
    """Return the key of a result that the current person asked for with these arguments."""
    # The whole record and not the id alone: with another role a person may see other things.
    return hashkey(current_person(), *args, **kwargs)
