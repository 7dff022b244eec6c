"""Settings, store and files of one installation, opened together."""

import os
from dataclasses import dataclass
from pathlib import Path

from tl_core.cache import RowCache
from tl_core.errors import ConfigError, StoreUnavailable
from tl_core.settings import Settings
from tl_core.store import Artifacts, Store, open_store

_LONGEST_HOME = 130
"""Characters of the home folder's path on Windows, whose paths end at 259: ours add up to 122."""


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
        ConfigError: on Windows, the home folder's path is too long.
    """
    settings = settings or Settings.from_environment()
    if os.name == "nt":
        _check_length(settings.home)
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


def _check_length(home: Path) -> None:
    length = len(str(home))
    if length > _LONGEST_HOME:
        raise ConfigError(
            f"TRANSFERLAB_HOME: the path of {home} has {length} characters; choose a folder of at "
            f"most {_LONGEST_HOME}, because Windows refuses long paths."
        )
