"""House: the whole installation with everybody's records, opened for upkeep."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tl_core.cache import RowCache
from tl_core.home import open_home
from tl_core.room import Room
from tl_core.settings import Settings
from tl_core.store import Artifacts, SqlStore, folder_of_store, open_store


@dataclass(frozen=True, slots=True)
class House:
    settings: Settings
    store: SqlStore
    """Store with everybody's records, also those that no page shows."""
    artifacts: Artifacts
    cache: RowCache | None
    """Cache of activations; None where its folder cannot be used."""
    room: Room


@contextmanager
def opened_house(settings: Settings) -> Iterator[House]:
    """Open an installation without sweeping anything away, and close it after the block.

    Raises:
        StoreUnavailable: the home folder cannot be written, or the database cannot be reached.
    """
    open_home(settings.home)
    try:
        cache = RowCache(settings.home / "cache", settings.cache_bytes)
    except OSError:
        cache = None
    room = Room(folder_of_store(settings.database_url) or settings.home, cache)
    store = open_store(settings.database_url, room.for_deleting)
    try:
        yield House(settings, store, Artifacts(settings.home), cache, room)
    finally:
        store.close()
