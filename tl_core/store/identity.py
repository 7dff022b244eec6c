"""Identity of an installation, by which a home folder and a database know each other.

Files without a record are leftovers only if the database is the one that they belong to: another
database knows none of them, and everything would seem to be left over.
"""

import secrets
from contextlib import suppress

from tl_core.errors import StoreUnavailable
from tl_core.files import write_whole
from tl_core.locks import hold_lock
from tl_core.store.artifacts import Artifacts
from tl_core.store.sql import SqlStore

INSTALLATION = "installation"
"""House setting with the identity."""


def belong_together(store: SqlStore, artifacts: Artifacts) -> bool:
    """Return whether the database is that of the home folder; two that are new are paired.

    Where only one of them has an identity, or none, as after an upgrade, they are paired if the
    database knows a dataset or run of the folder, or the folder holds none.
    """
    try:
        with hold_lock(artifacts.home / "locks" / "installation.lock"):
            ours = _read(artifacts)
            theirs = store.get_setting(INSTALLATION)
            if ours and theirs:
                return bool(ours == theirs)
            if not _is_known(store, artifacts):
                return False
            identity = ours or theirs or secrets.token_hex(16)
            _write(store, artifacts, identity)
            return True
    # A disk or database that refuses at this moment; another start will find out.
    except (OSError, StoreUnavailable):
        return False


def pair(store: SqlStore, artifacts: Artifacts) -> None:
    """Give both a new identity, because a person has said that they belong together.

    Raises:
        OSError: the home folder refuses.
        StoreUnavailable: the database refuses.
    """
    _write(store, artifacts, secrets.token_hex(16))


def _write(store: SqlStore, artifacts: Artifacts, identity: str) -> None:
    write_whole(artifacts.identity, identity)
    store.put_setting(INSTALLATION, identity)


def _read(artifacts: Artifacts) -> str:
    with suppress(FileNotFoundError):
        return artifacts.identity.read_text("ascii").strip()
    return ""


def _is_known(store: SqlStore, artifacts: Artifacts) -> bool:
    datasets = artifacts.stored_datasets()
    runs = artifacts.stored_runs()
    if not datasets and not runs:
        return True
    return bool(datasets & store.dataset_ids() or runs & store.run_ids())
