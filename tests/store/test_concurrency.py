"""Concurrent threads and processes on one store lose nothing and do nothing twice."""

import os
import subprocess
import sys
import textwrap
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import delete, select

from tl_core.config import RunConfig
from tl_core.errors import ConfigError, RunNotReady
from tl_core.facts import RunFacts
from tl_core.records import DatasetRecord, MetricPoint, RunState
from tl_core.store import SqlStore
from tl_core.store.tables import datasets, runs

THREADS = 8


def in_threads(work: Callable[[int], object], count: int = THREADS) -> list:
    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(work, range(count)))


def in_processes(code: str, *arguments: str, count: int = 3) -> list[str]:
    """Run the code in several processes at once, and return what each printed."""
    command = [sys.executable, "-c", textwrap.dedent(code), *arguments]
    started = [
        subprocess.Popen([*command, str(number)], stdout=subprocess.PIPE, text=True)
        for number in range(count)
    ]
    printed = [process.communicate(timeout=120)[0] for process in started]
    assert [process.returncode for process in started] == [0] * count
    return printed


def test_threads_that_merge_facts_lose_none(store: SqlStore, config: RunConfig):
    run = store.add_run(config, "flowers")

    def add_facts(thread: int) -> None:
        for number in range(20):
            store.update_run(run.id, facts=RunFacts(notes=(f"{thread}.{number}",)))

    in_threads(add_facts)
    assert len(store.get_run(run.id).facts.notes) == THREADS * 20


def test_processes_that_merge_facts_lose_none(url: str, store: SqlStore, config: RunConfig):
    run = store.add_run(config, "flowers")
    add_facts = """
        import sys
        from tl_core.facts import RunFacts
        from tl_core.store import open_store
        url, run_id, process = sys.argv[1:]
        store = open_store(url)
        for number in range(50):
            store.update_run(run_id, facts=RunFacts(notes=(f"{process}.{number}",)))
    """
    in_processes(add_facts, url, run.id)
    assert len(store.get_run(run.id).facts.notes) == 3 * 50


def test_no_run_is_claimed_by_two_threads(store: SqlStore, config: RunConfig):
    added = {store.add_run(config, "flowers").id for _ in range(40)}

    def claim_all(_: int) -> list[str]:
        return [run.id for run in iter(store.claim_next_run, None)]

    claimed = Counter(run_id for ids in in_threads(claim_all) for run_id in ids)
    assert claimed == dict.fromkeys(added, 1)


def test_no_run_is_claimed_by_two_processes(url: str, store: SqlStore, config: RunConfig):
    added = {store.add_run(config, "flowers").id for _ in range(60)}
    claim_all = """
        import sys
        from tl_core.store import open_store
        store = open_store(sys.argv[1])
        for run in iter(store.claim_next_run, None):
            print(run.id)
    """
    claimed = Counter("".join(in_processes(claim_all, url)).split())
    assert claimed == dict.fromkeys(added, 1)


def test_one_of_many_threads_claims_a_run_by_id(store: SqlStore, config: RunConfig):
    for _ in range(10):
        run = store.add_run(config, "flowers")
        got = in_threads(lambda _, run_id=run.id: store.claim_run(run_id))
        assert [claimed.id for claimed in got if claimed] == [run.id]


def test_a_run_is_either_claimed_or_cancelled(store: SqlStore, config: RunConfig):
    for _ in range(10):
        run = store.add_run(config, "flowers")
        claimed, _ = in_threads(
            lambda n, run_id=run.id: [store.claim_run, store.request_cancel][n](run_id), count=2
        )
        state = RunState.RUNNING if claimed else RunState.CANCELLED
        assert store.get_run(run.id).state is state
        assert store.is_cancel_requested(run.id) is (state is RunState.RUNNING)


def test_a_run_is_either_paused_before_it_is_claimed_or_asked_to_pause(
    store: SqlStore, config: RunConfig
):
    for _ in range(10):
        run = store.add_run(config, "flowers")
        claimed, _ = in_threads(
            lambda n, run_id=run.id: [store.claim_run, store.request_pause][n](run_id), count=2
        )
        expected = (RunState.RUNNING, "pause") if claimed else (RunState.PAUSED, None)
        assert (store.get_run(run.id).state, store.asked_of(run.id)) == expected


def test_one_of_many_threads_resumes_a_run(store: SqlStore, config: RunConfig):
    run = store.add_run(config, "flowers")
    store.claim_run(run.id)
    store.finish_run(run.id, RunState.PAUSED)

    def resume(_: int) -> str:
        try:
            return store.queue_again(run.id).state
        except RunNotReady as refusal:
            return str(refusal)

    outcomes = Counter(in_threads(resume))
    assert outcomes[RunState.QUEUED] == 1 and len(outcomes) == 2
    found = store.get_run(run.id)
    assert found.facts == RunFacts(resumed=1, first_started_at=found.facts.first_started_at)
    assert found.facts.first_started_at is not None


def test_a_run_paused_and_cancelled_at_once_is_cancelled(store: SqlStore, config: RunConfig):
    for _ in range(10):
        run = store.add_run(config, "flowers")
        store.claim_run(run.id)
        steps = [
            store.request_cancel,
            store.request_pause,
            lambda run_id: store.finish_run(run_id, RunState.PAUSED),
        ]
        in_threads(lambda n, run_id=run.id, steps=steps: steps[n](run_id), count=3)
        assert store.get_run(run.id).state is RunState.CANCELLED


def test_one_of_many_threads_saves_a_preset_name(store: SqlStore, config: RunConfig):
    def save(thread: int) -> str:
        try:
            return store.save_preset("mine", str(thread), config).description
        except ConfigError:
            return "refused"

    outcomes = Counter(in_threads(save))
    assert outcomes["refused"] == THREADS - 1
    assert store.list_presets()[0].description in outcomes


def test_the_first_of_many_endings_stays(store: SqlStore, config: RunConfig):
    run = store.add_run(config, "flowers")

    def finish(thread: int) -> str:
        store.finish_run(run.id, RunState.FAILED, str(thread))
        return store.get_run(run.id).message

    assert len(set(in_threads(finish))) == 1


def test_threads_that_append_the_same_points_leave_one_of_each(store: SqlStore, config: RunConfig):
    run = store.add_run(config, "flowers")
    points = [MetricPoint(seq, 1, seq + 1, "train", "loss", seq / 7, 32) for seq in range(200)]

    def append(thread: int) -> None:
        # Steps of different lengths make the batches overlap.
        for start in range(0, 200, 20 - thread):
            store.append_metrics(run.id, points[start : start + 20])

    in_threads(append)
    assert store.list_metrics(run.id) == points


def test_readers_see_whole_batches_while_a_writer_writes(store: SqlStore, config: RunConfig):
    run = store.add_run(config, "flowers")

    def write_or_read(thread: int) -> list[int]:
        if thread:
            return [len(store.list_metrics(run.id)) for _ in range(20)]
        for start in range(0, 400, 20):
            points = [
                MetricPoint(seq, 1, seq + 1, "train", "loss", 0.5, 32)
                for seq in range(start, start + 20)
            ]
            store.append_metrics(run.id, points)
        return []

    lengths = [length for seen in in_threads(write_or_read) for length in seen]
    assert {length % 20 for length in lengths} == {0}
    assert len(store.list_metrics(run.id)) == 400


def test_threads_that_add_one_dataset_all_get_the_first(store: SqlStore, dataset: DatasetRecord):
    assert in_threads(lambda _: store.add_dataset(dataset, [], [])) == [dataset] * THREADS
    assert store.list_datasets() == [dataset]


def test_a_dataset_is_not_deleted_under_a_run_that_is_being_added(
    store: SqlStore, dataset: DatasetRecord, config: RunConfig
):
    for _ in range(10):
        store.add_dataset(dataset, [], [])

        def add_or_delete(thread: int) -> str:
            try:
                return (
                    store.add_run(config, "flowers").id
                    if thread
                    else str(store.delete_dataset(dataset.id))
                )
            except Exception as refusal:
                return type(refusal).__name__

        deletion, run_id = in_threads(add_or_delete, count=2)
        run = store.get_run(run_id)
        assert deletion in ("None", "DatasetInUse")
        assert len(store.list_datasets()) == (deletion == "DatasetInUse")
        store.request_cancel(run.id)


def test_processes_that_open_an_empty_store_at_once_all_succeed(url: str):
    open_it = """
        import sys
        from tl_core.store import open_store
        print(len(open_store(sys.argv[1]).list_runs()))
    """
    assert in_processes(open_it, url, count=4) == ["0\n"] * 4


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_forked_child_uses_the_store_without_harm_to_its_parent(
    store: SqlStore, config: RunConfig
):
    run = store.add_run(config, "flowers")
    child = os.fork()
    if child == 0:
        try:
            store.update_run(run.id, epochs_done=3)
        finally:
            os._exit(0)
    for number in range(20):
        store.update_run(run.id, facts=RunFacts(notes=(str(number),)))
    assert os.waitpid(child, 0)[1] == 0
    assert store.get_run(run.id).epochs_done == 3
    assert len(store.get_run(run.id).facts.notes) == 20


# PostgreSQL allows concurrent writers: here one transaction stays open while another one starts.


def test_a_run_that_another_is_just_claiming_is_passed_over(
    postgres_url: str, open_url, config: RunConfig
):
    store = open_url(postgres_url)
    first, second = (store.add_run(config, "flowers") for _ in range(2))
    with ThreadPoolExecutor(1) as pool, store.writing() as connection:
        connection.execute(select(runs).where(runs.c.id == first.id).with_for_update())
        assert pool.submit(store.claim_next_run).result(timeout=10).id == second.id


def test_a_run_on_a_dataset_that_is_just_being_deleted_waits(
    postgres_url: str, open_url, dataset: DatasetRecord, config: RunConfig
):
    store = open_url(postgres_url)
    store.add_dataset(dataset, [], [])
    with ThreadPoolExecutor(1) as pool:
        with store.writing() as connection:
            connection.execute(select(datasets).with_for_update())
            adding = pool.submit(store.add_run, config, "flowers")
            with pytest.raises(TimeoutError):
                adding.result(timeout=0.3)
        assert adding.result(timeout=30).state is RunState.QUEUED


def test_points_of_a_run_that_is_just_being_deleted_are_dropped(
    postgres_url: str, open_url, config: RunConfig
):
    store = open_url(postgres_url)
    run = store.add_run(config, "flowers")
    with ThreadPoolExecutor(1) as pool:
        with store.writing() as connection:
            connection.execute(delete(runs).where(runs.c.id == run.id))
            points = [MetricPoint(0, 1, 1, "train", "loss", 0.5, 32)]
            appending = pool.submit(store.append_metrics, run.id, points)
            with pytest.raises(TimeoutError):
                appending.result(timeout=0.3)
        appending.result(timeout=30)
    assert store.list_metrics(run.id) == []
