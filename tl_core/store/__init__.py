"""Storage of datasets, runs and reports: records in a database, files in folders."""

from tl_core.store.artifacts import Artifacts
from tl_core.store.contract import Store
from tl_core.store.database import folder_of_store
from tl_core.store.leftovers import Leftover, find_leftovers, sweep
from tl_core.store.queries import EVERY_RUN, RunQuery, RunSummary, Usage
from tl_core.store.recovery import Death, recover_runs
from tl_core.store.sql import SqlStore, open_store
from tl_core.store.turns import Waiting

__all__ = [
    "EVERY_RUN",
    "Artifacts",
    "Death",
    "Leftover",
    "RunQuery",
    "RunSummary",
    "SqlStore",
    "Store",
    "Usage",
    "Waiting",
    "find_leftovers",
    "folder_of_store",
    "open_store",
    "recover_runs",
    "sweep",
]
