"""Settings, store and files of one installation, opened together."""

from dataclasses import dataclass

from tl_core.cache import RowCache
from tl_core.errors import StoreUnavailable
from tl_core.settings import Settings
from tl_core.store import Artifacts, Store, open_store


@dataclass(frozen=True, slots=True)
class Workspace:
    settings: Settings
    store: Store
    artifacts: Artifacts
    cache: RowCache | None
    """Cache of decoded pixels and activations; None where nothing may be cached."""


def open_workspace(settings: Settings | None = None) -> Workspace:
    """Open the home folder, store and cache that the settings name; create what is missing.

    Raises:
        TransferLabError: the home folder cannot be written, or the database cannot be reached.
    """
    settings = settings or Settings.from_environment()
    try:
        settings.home.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreUnavailable(
            f"The folder {settings.home} cannot be created ({error.strerror}): "
            "set TRANSFERLAB_HOME to one you own."
        ) from error
    # A cache of 0 bytes is opened too: opening deletes what a larger bound had kept.
    cache = RowCache(settings.home / "cache", settings.cache_bytes)
    store = open_store(settings.database_url)
    artifacts = Artifacts(settings.home)
    return Workspace(settings, store, artifacts, cache if settings.cache_bytes else None)
