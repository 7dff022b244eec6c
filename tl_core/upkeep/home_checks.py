"""Checks of the home folder itself: its rights, its parts and the room on its disk."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from tl_core.errors import StoreUnavailable
from tl_core.files import make_private
from tl_core.home import is_private, why_not_writable
from tl_core.room import Room
from tl_core.secret_files import SECRET_BYTES
from tl_core.settings import Settings
from tl_core.store import folder_of_store
from tl_core.text import size
from tl_core.upkeep.findings import Finding

_FOLDERS = ("cache", "datasets", "locks", "runs", "staging", "weights")
_PUT_ASIDE = ".put-aside"


def check_home(settings: Settings) -> Iterator[Finding]:
    """Yield what is wrong with the home folder, before anything in it is opened."""
    home = settings.home
    if not home.is_dir():
        return
    if reason := why_not_writable(home):
        yield Finding(
            "home",
            str(home),
            f"The folder {home} cannot be written ({reason}), so nothing new can be kept.",
            "Make it writable for the account that runs TransferLab, or set TRANSFERLAB_HOME to "
            "another folder.",
        )
    yield from _rights(settings)
    yield from _kinds(home)
    yield from _secret(home / "token.secret")


def check_room(room: Room) -> Iterator[Finding]:
    """Yield that the disk is full, where hardly anything can be kept any more."""
    if room.is_short:
        yield Finding(
            "room",
            "the disk",
            f"The disk is full: {size(room.free)} are free, and deleting may need "
            f"{size(room.enough)}.",
            "Repairing gives up the cache. `transferlab free` says what else can go.",
            room.make,
        )


def _rights(settings: Settings) -> Iterator[Finding]:
    home = settings.home
    paths = [home, *sorted(home.glob("*.secret"))]
    try:
        folder = folder_of_store(settings.database_url)
    except StoreUnavailable:
        folder = None
    if folder is not None:
        paths += sorted(folder.glob("*.db*"))
    for path in paths:
        if path.exists() and not is_private(path):
            yield Finding(
                "rights",
                str(path),
                f"Other accounts of this machine can open {path}.",
                "Repairing leaves it to its owner alone.",
                partial(make_private, path),
            )


def _kinds(home: Path) -> Iterator[Finding]:
    for name in _FOLDERS:
        path = home / name
        if path.exists() and not path.is_dir():
            yield Finding(
                "folders",
                name,
                f"{path} is a file, and should be a folder.",
                f"Repairing renames it to {name}{_PUT_ASIDE}.",
                partial(_put_aside, path),
            )


def _put_aside(path: Path) -> None:
    path.rename(path.with_name(f"{path.name}{_PUT_ASIDE}"))


def _secret(path: Path) -> Iterator[Finding]:
    if path.is_file() and path.stat().st_size < SECRET_BYTES:
        yield Finding(
            "secret",
            path.name,
            f"{path} is too short to protect anything: anybody could sign addresses of the app.",
            "Repairing deletes it; the next start of the app makes a new one.",
            partial(path.unlink, missing_ok=True),
        )
