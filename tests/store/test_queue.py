"""Queue of a store, on SQLite and PostgreSQL: people take turns, and leads change the order."""

import itertools
from threading import Thread

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tl_core.config import RunConfig
from tl_core.errors import RunNotReady, UnknownRun
from tl_core.records import Run, RunState
from tl_core.store import SqlStore

_classes = itertools.count()

PEOPLE = "abcd"
EVENTS = st.lists(
    st.tuples(st.just("submit"), st.sampled_from(PEOPLE))
    | st.tuples(st.just("claim"), st.none())
    | st.tuples(st.sampled_from(["pause", "cancel"]), st.integers(0, 5)),
    max_size=40,
)


def add(store: SqlStore, config: RunConfig, owners: str) -> list[Run]:
    return [store.add_run(config, "flowers", owner=owner) for owner in owners]


def claimed(store: SqlStore) -> list[str]:
    """Claim all runs; return the ids of their owners in that order."""
    return [run.owner for run in iter(store.claim_next_run, None)]


def waiting(store: SqlStore, newcomer: str | None = None) -> list[str]:
    return [place.run_id for place in store.list_queue(newcomer)]


def test_people_take_turns_however_many_runs_each_has(store: SqlStore, config: RunConfig):
    add(store, config, "aaaaabbc")
    assert "".join(claimed(store)) == "abcabaaa"


def test_who_comes_later_goes_next_and_then_takes_turns(store: SqlStore, config: RunConfig):
    add(store, config, "aaa")
    assert store.claim_next_run().owner == "a"
    add(store, config, "bb")
    assert "".join(claimed(store)) == "baba"


def test_a_deleted_run_leaves_no_turn_for_another(store: SqlStore, config: RunConfig):
    add(store, config, "aab")
    first = store.claim_next_run()
    store.finish_run(first.id, RunState.COMPLETED)
    store.delete_run(first.id)
    assert "".join(claimed(store)) == "ba"


def test_a_resumed_run_keeps_its_place_among_ones_own(store: SqlStore, config: RunConfig):
    first, second = add(store, config, "aa")
    store.request_pause(first.id)
    store.queue_again(first.id)
    assert waiting(store) == [first.id, second.id]


def test_the_queue_tells_where_a_run_would_be_that_is_queued_now(
    store: SqlStore, config: RunConfig
):
    one, two, three = add(store, config, "aab")
    assert waiting(store, "c") == [one.id, three.id, "", two.id]
    assert waiting(store, "a") == [one.id, three.id, two.id, ""]
    assert [place.owner for place in store.list_queue()] == ["a", "b", "a"]


def test_a_run_is_moved_to_the_front_and_counts_as_a_turn(store: SqlStore, config: RunConfig):
    one, two, three, four = add(store, config, "abaa")
    store.move_run(four.id, "front")
    assert waiting(store) == [four.id, two.id, one.id, three.id]
    store.move_run(three.id, "front")
    assert waiting(store) == [three.id, four.id, two.id, one.id]
    store.request_pause(three.id)
    store.queue_again(three.id)
    assert waiting(store) == [four.id, two.id, one.id, three.id]
    assert "".join(claimed(store)) == "abaa"


def test_a_run_moved_later_goes_behind_ones_own_or_lets_the_others_pass(
    store: SqlStore, config: RunConfig
):
    one, two, three, four = add(store, config, "aabb")
    store.move_run(one.id, "later")
    assert waiting(store) == [two.id, three.id, one.id, four.id]
    store.request_cancel(two.id)
    store.move_run(one.id, "later")
    assert waiting(store) == [three.id, one.id, four.id]
    store.move_run(one.id, "front")
    store.move_run(one.id, "later")
    assert waiting(store) == [three.id, one.id, four.id]


def test_only_a_waiting_run_is_moved(store: SqlStore, config: RunConfig):
    (run,) = add(store, config, "a")
    store.claim_run(run.id)
    with pytest.raises(RunNotReady, match="running: only a waiting run"):
        store.move_run(run.id, "front")
    with pytest.raises(UnknownRun, match="missing2"):
        store.move_run("missing2", "later")


def test_a_held_queue_starts_nothing_and_keeps_its_order(store: SqlStore, config: RunConfig):
    run, *_ = add(store, config, "ab")
    store.hold_queue(True)
    assert store.is_queue_held() and store.claim_next_run() is None
    # A command line does not take part in the queue.
    assert store.claim_run(run.id)
    store.hold_queue(False)
    assert not store.is_queue_held() and claimed(store) == ["b"]


def test_simultaneous_claims_take_turns_too(store: SqlStore, config: RunConfig):
    add(store, config, "aaaabbbbcccc")
    claims: list[Run] = []

    def work() -> None:
        claims.extend(iter(store.claim_next_run, None))

    threads = [Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({run.id for run in claims}) == len(claims) == 12
    assert store.list_queue() == []


@given(first=st.lists(st.sampled_from(PEOPLE), min_size=4, max_size=12), events=EVENTS)
@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_nobody_waits_for_more_than_one_run_of_each_other_person_between_two_of_their_own(
    store: SqlStore, config: RunConfig, first: list[str], events: list
):
    """No run is lost or taken twice, and the queue foretells who is next."""
    prefix = f"{next(_classes)}-"
    added: list[str] = []
    taken: list[str] = []
    gone: set[str] = set()
    since_turn: dict[str, dict[str, int]] = {}
    """For each person with a waiting run who had a turn: turns of the others since then."""

    def take() -> None:
        places = store.list_queue()
        run = store.claim_next_run()
        assert (run.id if run else None) == (places[0].run_id if places else None)
        if run is None:
            return
        taken.append(run.id)
        counts = since_turn.pop(run.owner, {})
        assert max(counts.values(), default=0) <= 1, counts
        for turns in since_turn.values():
            turns[run.owner] = turns.get(run.owner, 0) + 1
        if any(place.owner == run.owner for place in places[1:]):
            since_turn[run.owner] = {}

    for kind, what in [*(("submit", person) for person in first), *events]:
        places = store.list_queue()
        if kind == "submit":
            added.append(store.add_run(config, "flowers", owner=prefix + what).id)
        elif kind == "claim":
            take()
        elif places:
            run_id = places[what % len(places)].run_id
            (store.request_pause if kind == "pause" else store.request_cancel)(run_id)
            if kind == "pause":
                store.queue_again(run_id)
            else:
                gone.add(run_id)
        left = {place.owner for place in store.list_queue()}
        # Whoever has nothing waiting waits for nobody.
        for person in set(since_turn) - left:
            del since_turn[person]
    for _ in store.list_queue():
        take()
    assert sorted([*taken, *gone]) == sorted(added)
    assert store.list_queue() == []
