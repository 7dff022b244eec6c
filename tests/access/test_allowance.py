"""Limits of one person, on both databases: each refusal names limit, use and what to do."""

import time
from dataclasses import replace
from threading import Thread

import pytest
from access.spaces import a_dataset, add_dataset
from making_runs import import_folder, run_config

from tl_core.access import NO_LIMITS, BoundRunner, PersonLimits, why_no_time
from tl_core.access.allowance import bytes_in
from tl_core.access.minutes import look_at_minutes
from tl_core.config import make_run_config
from tl_core.datasets.importing import owned
from tl_core.errors import LimitReached
from tl_core.records import Run, RunState
from tl_core.store.tables import runs, training_time

NO_OTHER_LIMITS = NO_LIMITS.model_dump()


@pytest.fixture
def limit(school):
    def put(**limits):
        school.directory.set_limits(PersonLimits(**{**NO_OTHER_LIMITS, **limits}))

    return put


@pytest.fixture
def queue(school):
    """Return a function that queues a run of somebody."""
    datasets: dict[str, str] = {}

    def one(person) -> Run:
        store = school.of(person).store
        if person.id not in datasets:
            datasets[person.id] = add_dataset(store, 3, "pets")
        return store.add_run(make_run_config(datasets[person.id], {}), "pets")

    return one


def test_so_many_runs_of_one_person_wait_and_no_more(school, limit, queue):
    limit(waiting_runs=2)
    first, _ = (queue(school.ann) for _ in range(2))
    refused = "You have 2 waiting runs, and 2 may wait for one person: wait until one has started"
    with pytest.raises(LimitReached, match=refused):
        queue(school.ann)
    # Others have their own; whoever administers and the command line have none.
    for person in (school.bob, school.lead, *[school.teacher] * 3):
        queue(person)
    store = school.of(school.ann).store
    store.request_pause(first.id)
    queue(school.ann)
    with pytest.raises(LimitReached, match="2 waiting runs"):
        store.queue_again(first.id)
    school.of(school.teacher).store.queue_again(first.id)
    assert school.house.store.usage_of(school.ann.id).waiting_runs == 3


class Sleeping:
    """Runner of a server whose worker is busy."""

    def __init__(self, workspace):
        self.workspace = workspace

    def wake(self):
        pass


def test_three_hundred_runs_of_one_visitor_keep_nobody_waiting(school, limit, colours_folder):
    limit(waiting_runs=3)
    visitor = BoundRunner(Sleeping(school.house), school.ann)
    mine = import_folder(school.of(school.ann), colours_folder)
    refusals = 0
    for n in range(300):
        try:
            visitor.submit(run_config(mine, epochs=1000, seed=n))
        except LimitReached:
            refusals += 1
    assert refusals == 300 - 3
    other = import_folder(school.of(school.bob), colours_folder)
    first = BoundRunner(Sleeping(school.house), school.bob).submit(run_config(other))
    assert [place.run_id for place in school.of(school.bob).store.list_queue()][1] == first.id


def test_two_tabs_do_not_both_take_the_last_place(school, limit, queue):
    limit(waiting_runs=3)
    queue(school.ann)

    def press() -> None:
        for _ in range(3):
            try:
                queue(school.ann)
            except LimitReached:
                return

    threads = [Thread(target=press) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert school.house.store.usage_of(school.ann.id).waiting_runs == 3


def spend(school, run: Run, minutes: float) -> None:
    """Let a run train for so many minutes and pause."""
    store = school.house.store
    store.claim_run(run.id)
    store.finish_run(run.id, RunState.PAUSED)
    with store.writing() as connection:
        last = training_time.c.owner == run.owner
        connection.execute(training_time.update().where(last).values(seconds=60 * minutes))


def test_training_time_is_used_up_and_neither_deleting_nor_resuming_gives_it_back(
    school, limit, queue
):
    run = queue(school.ann)
    spend(school, run, 61)
    limit(minutes_a_day=60)
    store = school.of(school.ann).store
    refused = "taken 61 minutes of training within 24 hours, and one person may use 60: go on in"
    with pytest.raises(LimitReached, match=f"{refused} about 24 hours"):
        store.queue_again(run.id)
    store.delete_run(run.id)
    with pytest.raises(LimitReached, match=refused):
        queue(school.ann)
    queue(school.bob)


def test_runs_of_who_has_no_time_left_are_paused_and_wait_while_others_go_on(school, limit, queue):
    house = school.house.store
    spend(school, queue(school.ann), 61)
    waiting, running = queue(school.ann), queue(school.ann)
    others = queue(school.bob)
    mine = house.add_run(running.config, "pets")
    house.claim_run(running.id)
    limit(minutes_a_day=60)
    look_at_minutes(house)
    assert house.asked_of(running.id) == "pause"
    assert "the 60 minutes of training" in house.get_run(running.id).facts.notes[0]
    assert [place.run_id for place in house.list_queue()] == [others.id, mine.id, waiting.id]
    assert {house.claim_next_run().id for _ in range(2)} == {others.id, mine.id}
    assert house.claim_next_run() is None
    [place] = house.list_queue()
    assert place.rests and "go on in about 24 hours" in why_no_time(school.of(school.ann))
    # With more time for everyone, what waits starts by itself.
    limit(minutes_a_day=120)
    look_at_minutes(house)
    assert house.claim_next_run().id == waiting.id


def test_hours_in_which_no_server_was_there_do_not_count(school, queue):
    run = queue(school.ann)
    store = school.house.store
    store.claim_run(run.id)
    three_hours = 3 * 3600
    with store.writing() as connection:
        away = {"started_at": time.time() - three_hours, "heard_at": time.time() - three_hours + 30}
        connection.execute(runs.update().where(runs.c.id == run.id).values(away))
    assert store.usage_of(school.ann.id).seconds == pytest.approx(90, abs=1)
    store.put_back(run.id)
    assert store.usage_of(school.ann.id).seconds == pytest.approx(90, abs=1)


def test_time_is_free_again_a_day_after_it_was_used(school, queue):
    run = queue(school.ann)
    spend(school, run, 30)
    spend(school, school.house.store.queue_again(run.id), 30)
    usage = school.house.store.usage_of(school.ann.id)
    now = time.time()
    assert usage.seconds == 3600
    assert usage.free_at(4000, now) == now
    first, second = sorted(ended for ended, _ in usage.spent)
    assert usage.free_at(3600, now) == first + 86_400
    assert usage.free_at(1800, now) == second + 86_400


def test_images_of_all_datasets_are_counted_but_not_those_of_a_copy_or_of_others(school, limit):
    limit(images=3)
    ann = school.of(school.ann).store
    add_dataset(school.of(school.bob).store, 1, "pets")
    kept = add_dataset(ann, 1, "pets")
    with pytest.raises(
        LimitReached, match="have 2 images, and this one has 2 more; one person may"
    ):
        add_dataset(ann, 2, "flowers")
    record, images = a_dataset(2, "flowers")
    ann.add_dataset(replace(owned(record, school.ann.id), is_copy=True), images, [])
    ann.bin_dataset(kept)
    add_dataset(ann, 4, "more pets")


def test_files_count_also_in_the_bin_and_refuse_more(school, limit, queue):
    run = queue(school.ann)
    house = school.house
    folder = house.artifacts.run_folder(run.id)
    folder.mkdir(parents=True)
    (folder / "model.safetensors").write_bytes(bytes(2000))
    (folder / "same").hardlink_to(folder / "model.safetensors")
    assert bytes_in(folder) == 2000
    limit(disk_bytes=2000)
    refused = "take 2.0 kB; one person may keep 2.0 kB: delete some, also from the bin"
    with pytest.raises(LimitReached, match=refused):
        queue(school.ann)
    house.store.request_cancel(run.id)
    house.store.bin_run(run.id)
    with pytest.raises(LimitReached, match=refused):
        queue(school.ann)
    limit(disk_bytes=2500)
    queue(school.ann)
    record, images = a_dataset(5, "large")
    large = owned(record, school.ann.id)
    new = house.artifacts.dataset_folder(large.id)
    new.mkdir(parents=True)
    (new / "image").write_bytes(bytes(1000))
    with pytest.raises(LimitReached, match=r"take 2\.0 kB, and 1\.0 kB more would be kept"):
        school.of(school.ann).store.add_dataset(large, images, [])
    assert large.id not in house.store.usage_of(school.ann.id).datasets
