"""Home folder of an installation: made, kept private and checked before anything is written."""

import os
import stat
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

from tl_core.errors import ConfigError, StoreUnavailable
from tl_core.files import DISK_FULL, make_private

_LONGEST_HOME = 130
"""Characters of the home folder's path on Windows, whose paths end at 259: ours add up to 122."""
_SETTING = "set TRANSFERLAB_HOME to one you own"


def open_home(home: Path) -> None:
    """Make the home folder if it is missing, for its owner alone, and check that it can be written.

    Folders of earlier releases, which everybody on the machine could read, become private.

    Raises:
        StoreUnavailable: the folder cannot be made, or nothing can be written there.
        ConfigError: on Windows, its path is too long.
    """
    if os.name == "nt":
        _check_length(home)
    try:
        # The folders above it keep the usual rights: others may have their homes there.
        home.parent.mkdir(parents=True, exist_ok=True)
        home.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise StoreUnavailable(
            f"The folder {home} cannot be created ({error.strerror}): {_SETTING}."
        ) from error
    make_private(home)
    if reason := why_not_writable(home):
        raise StoreUnavailable(
            f"The folder {home} cannot be written ({reason}), so nothing could be kept there: make "
            f"it writable for the account that runs TransferLab, or {_SETTING}."
        )


def why_not_writable(folder: Path) -> str:
    """Return the system's reason why no file can be made in a folder; empty if one can.

    A full disk is no such reason, since room can be made.
    """
    # Rights alone do not tell: root passes them all, and a disk may be mounted read-only.
    probe = folder / f".{uuid4().hex}.probe"
    try:
        probe.touch(0o600)
    except OSError as error:
        return "" if error.errno in DISK_FULL else str(error.strerror)
    with suppress(OSError):
        probe.unlink()
    return ""


def is_private(path: Path) -> bool:
    """Return whether only its owner can open a file or folder; true on Windows, without a check."""
    return os.name == "nt" or not stat.S_IMODE(path.stat().st_mode) & 0o077


def _check_length(home: Path) -> None:
    length = len(str(home))
    if length > _LONGEST_HOME:
        raise ConfigError(
            f"TRANSFERLAB_HOME: the path of {home} has {length} characters; choose a folder of at "
            f"most {_LONGEST_HOME}, because Windows refuses long paths."
        )
