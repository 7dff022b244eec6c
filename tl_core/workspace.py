"""Settings, store and files of one installation, opened together."""

import logging
from dataclasses import dataclass
from pathlib import Path

from tl_core.cache import RowCache
from tl_core.home import open_home
from tl_core.records import OPERATOR, DatasetRecord, Person
from tl_core.room import Room
from tl_core.settings import Settings
from tl_core.store import Artifacts, Store, folder_of_store, open_store, sweep

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Workspace:
    settings: Settings
    store: Store
    artifacts: Artifacts
    cache: RowCache | None
    """Cache of decoded pixels and activations; None where nothing may be cached.

    For the images of a dataset, take `cache_for`."""
    room: Room
    """Room on the disk of the store, which is kept back for deleting."""
    person: Person = OPERATOR
    """Person to whom store and files are bound (`access.bind`)."""

    def cache_for(self, dataset: DatasetRecord) -> RowCache | None:
        """Return the part of the cache for a dataset's images."""
        return self.cache and self.cache.scoped(dataset.cache_scope)

    @property
    def weights_folders(self) -> tuple[Path, ...]:
        """Folders that are searched for weights, those of this person among them."""
        return self.weights_folders_of(self.person.id)

    def weights_folders_of(self, owner: str) -> tuple[Path, ...]:
        """Return the folders that are searched for the weights of a person's runs."""
        own = self.artifacts.weights_folder(owner)
        folders = self.settings.weights_folders
        return folders if own in folders else (own, *folders)


def open_workspace(settings: Settings | None = None) -> Workspace:
    """Open the home folder, store and cache that the settings name; create what is missing.

    What killed processes have left in the home folder is swept away.

    Raises:
        StoreUnavailable: the home folder cannot be written, or the database cannot be reached.
        ConfigError: on Windows, the home folder's path is too long.
    """
    settings = settings or Settings.from_environment()
    open_home(settings.home)
    cache = _open_cache(settings)
    room = Room(folder_of_store(settings.database_url) or settings.home, cache)
    store = open_store(settings.database_url, room.for_deleting)
    artifacts = Artifacts(settings.home)
    sweep(store, artifacts)
    return Workspace(settings, store, artifacts, cache, room)


def _open_cache(settings: Settings) -> RowCache | None:
    """Open the cache; None where nothing may be kept, or where its folder cannot be used."""
    folder = settings.home / "cache"
    try:
        # A cache of 0 bytes is opened too: opening deletes what a larger bound had kept.
        cache = RowCache(folder, settings.cache_bytes)
    except OSError as error:
        # All work is possible without it, only slower.
        _log.warning(
            "The cache %s cannot be used (%s), so everything is computed anew each time: "
            "`transferlab doctor --repair` puts a folder there.",
            *(folder, error.strerror or error),
        )
        return None
    return cache if settings.cache_bytes else None
