"""Store in an SQL database, assembled from one class for each part of the contract."""

from contextlib import nullcontext

from tl_core.records import OPERATOR
from tl_core.store.annotations import SqlAnnotations
from tl_core.store.bin import SqlBin
from tl_core.store.database import HaveRoom
from tl_core.store.datasets import SqlDatasets
from tl_core.store.inspection import SqlInspection
from tl_core.store.listing import SqlListing
from tl_core.store.patience import patient
from tl_core.store.people import SqlPeople
from tl_core.store.presets import SqlPresets
from tl_core.store.queue import SqlQueue
from tl_core.store.reports import SqlReports
from tl_core.store.runs import SqlRuns
from tl_core.store.sharing import SqlSharing
from tl_core.store.states import SqlStates
from tl_core.store.usage import SqlUsage


@patient
class SqlStore(
    SqlDatasets,
    SqlRuns,
    SqlListing,
    SqlStates,
    SqlQueue,
    SqlUsage,
    SqlReports,
    SqlAnnotations,
    SqlPresets,
    SqlBin,
    SqlSharing,
    SqlPeople,
    SqlInspection,
):
    """`Store` over SQLite or PostgreSQL.

    Threads may share an instance; forked children open their own connections. Methods wait for a
    database that is away (`waiting_for_store`).
    """

    owner = OPERATOR.id


def open_store(url: str, have_room: HaveRoom = nullcontext) -> SqlStore:
    """Open the store at `url`, creating a missing file with its folder, and migrate its schema.

    Args:
        url: `sqlite:///path/to/file.db` or `postgresql://user:password@host/database`.
        have_room: entered around deletions and ends of runs, which a full disk must not prevent.

    Raises:
        StoreUnavailable: the URL is invalid, or the database cannot be opened.
        StoreTooNew: a newer release has migrated the database.
    """
    return SqlStore(url, have_room)
