"""Lists of a store with thousands of waiting runs: every run in full, and what a page shows.

Three pages are measured: the list of runs when it is opened, its refresh every two seconds, and the
place of a run in the queue.
"""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.measuring import Options, Report, median, take_turns
from tl_core.config import make_run_config
from tl_core.facts import RunFacts
from tl_core.records import RunState
from tl_core.store import RunQuery, Store, open_store

RUNS, PEOPLE, DRAWN = 3_000, 30, 100


def run(options: Options) -> Report:
    n_runs = 60 if options.tiny else RUNS
    with tempfile.TemporaryDirectory() as folder:
        store = open_store(f"sqlite:///{Path(folder) / 'runs.db'}")
        ids = _fill(store, n_runs)
        ways = _ways(store, ids)
        found = take_turns({way: _timed(read) for way, read in ways.items()}, options.rounds)
        store.close()
    usual = median(found["every run in full"])
    return Report(
        "lists",
        f"Lists with {n_runs:,} waiting runs of {PEOPLE} people",
        ("way", "milliseconds", "share of reading every run"),
        [(way, 1000 * median(each), median(each) / usual) for way, each in found.items()],
        ["SQLite; processor time of the server"],
        {"seconds": found},
    )


def _fill(store: Store, n_runs: int) -> tuple[str, ...]:
    config = make_run_config("0123456789abcdef", {"epochs": 1000})
    facts = RunFacts(classes=("ant", "bee"), trainable_parameters=2_562)
    runs = [
        store.add_run(config, "insects", facts, owner=f"person {n % PEOPLE}") for n in range(n_runs)
    ]
    return tuple(run.id for run in reversed(runs))


def _ways(store: Store, ids: tuple[str, ...]) -> dict[str, Callable[[], object]]:
    drawn = RunQuery(ids=ids[:DRAWN])
    queued = (RunState.QUEUED,)
    return {
        "every run in full": lambda: store.list_runs(RunQuery(states=queued)),
        "list of runs, opened": lambda: (store.summarise_runs(), store.list_runs(drawn)),
        "list of runs, refreshed": lambda: store.list_runs(drawn),
        "places in the queue": store.list_queue,
    }


def _timed(read: Callable[[], object]) -> Callable[[], float]:
    def timed() -> float:
        started = time.process_time()
        read()
        return time.process_time() - started

    return timed
