"""Isolation: nobody reads or writes in somebody else's space, by any method of store or runner."""

import inspect
from collections.abc import Iterator
from pathlib import Path

import pytest
from access.conftest import Class
from access.spaces import (
    ATTACKS,
    NONSENSE,
    SECRET,
    Space,
    add_dataset,
    bind_bin_times,
    fill_space,
    outcome_of,
    put_back,
    rows_of,
)

from tl_core.access import NOBODY, BoundRunner, BoundStore, bind
from tl_core.access.binding import NOWHERE
from tl_core.access.rights import Rights
from tl_core.config import make_run_config
from tl_core.records import Person, RunState
from tl_core.runners import Runner
from tl_core.runs.execute import claim, execute_run
from tl_core.store import Artifacts, Store
from tl_core.store.absent import no_dataset
from tl_core.workspace import Workspace

ON_SQLITE = pytest.mark.parametrize("url", ["sqlite"], indirect=True)
"""One database will do for what is not about queries."""
METHODS = sorted(name for name in vars(Store) if not name.startswith("_"))
WITHOUT_PERSON = ("owner", "close")
"""Methods that tell nothing and change nothing."""


@pytest.fixture
def space(school: Class) -> Space:
    """Return Ann's space, into which nobody else may reach."""
    filled = fill_space(school.house.store, school.of(school.ann).store)
    bind_bin_times(school.house)
    return filled


@pytest.fixture
def removed(school: Class) -> Person:
    person, _ = school.directory.join("Cleo")
    school.directory.remove(person.id)
    return person


def breaches(house: Workspace, person: Person, space: Space, method: str) -> Iterator[str]:
    """Yield how the person got at the space by the method, which is left as it was."""
    before = rows_of(house.store)
    store = bind(house, person).store
    for number, attack in enumerate(ATTACKS[method]):
        seen = outcome_of(attack, store, space)
        has_changed = rows_of(house.store) != before
        if has_changed:
            put_back(house.store, before)
        # Somebody else's may not even be told from nothing.
        nothing = outcome_of(attack, store, NONSENSE)
        if rows_of(house.store) != before:
            put_back(house.store, before)
        if has_changed:
            yield f"{method} {number} has changed something"
        if SECRET in seen:
            yield f"{method} {number} shows {seen}"
        if seen != nothing:
            yield f"{method} {number} says {seen}, and of nothing {nothing}"
        if person.removed_at is not None and not seen.startswith(("NotAdmitted", "NotAllowed")):
            yield f"{method} {number} lets {person.name or 'nobody'} in: {seen}"


def test_the_walk_knows_every_method_of_the_store():
    assert sorted(ATTACKS) == METHODS
    bound = {name for name, _ in inspect.getmembers(BoundStore) if not name.startswith("_")}
    assert bound == set(METHODS)


def test_another_student_a_removed_one_and_nobody_reach_nothing(school, space, removed):
    lost = school.directory.person(removed.id)
    for person in (school.bob, lost, NOBODY):
        for method in METHODS:
            assert list(breaches(school.house, person, space, method)) == [], person


def test_one_s_own_space_is_open(school, space):
    """The walk would find nothing in a store that refuses everything."""
    store = school.of(school.ann).store
    assert {run.id for run in store.list_runs()} == set(space.runs) - {space.binned_run}
    assert {binned.id for binned in store.list_bin()} == {space.binned_run, space.binned_dataset}
    assert store.get_dataset(space.dataset_name).id == space.dataset
    assert [image.name for image in store.list_images(space.dataset)]
    assert store.get_run(space.done).note == f"{SECRET} note"
    assert store.list_predictions(space.done, "test")[1]
    assert [preset.name for preset in store.list_presets()] == [space.preset]
    store.request_cancel(space.running)
    assert store.asked_of(space.running) == "cancel"
    store.restore_run(space.binned_run)
    store.delete_run(space.binned_run)
    assert store.queue_again(space.paused).owner == school.ann.id


def test_somebody_who_leads_sees_everything_and_changes_the_queue_alone(school, space):
    seen = {"list_runs", "summarise_runs", "list_running_runs", "get_run", "list_datasets"}
    seen |= {"get_dataset", "list_images", "list_skipped", "list_metrics", "list_preview"}
    seen |= {"list_predictions", "list_sample_images", "asked_of", "is_cancel_requested"}
    seen |= {"list_queue", "list_people", "find_person"}
    queue = {"request_cancel", "request_pause", "queue_again", "move_run", "hold_queue"}
    for method in METHODS:
        found = list(breaches(school.house, school.lead, space, method))
        assert any("has changed" in breach for breach in found) == (method in queue), method
        assert any("shows" in breach for breach in found) <= (method in seen | queue), method


def ask_the_house(name: str):
    """Return a method that has forgotten to ask whose store it is."""

    def forgetful(self, *arguments, **named):
        return getattr(self._house, name)(*arguments, **named)

    return forgetful


@ON_SQLITE
def test_the_walk_notices_each_method_that_forgets_to_ask(school, space, removed, monkeypatch):
    lost = school.directory.person(removed.id)
    before = rows_of(school.house.store)
    for method in sorted(set(METHODS) - {*WITHOUT_PERSON, "save_preset"}):
        with monkeypatch.context() as patched:
            patched.setattr(BoundStore, method, ask_the_house(method))
            found = (
                breach
                for person in (school.bob, lost)
                for breach in breaches(school.house, person, space, method)
            )
            assert next(found, None), method
        assert rows_of(school.house.store) == before


CHECKS = [name for name in vars(Rights) if not name.startswith("_")]


@ON_SQLITE
def test_the_walk_notices_each_check_that_is_taken_out(school, space, removed, monkeypatch):
    lost = school.directory.person(removed.id)
    for check in CHECKS:
        with monkeypatch.context() as patched:
            if check == "person":
                anyone = property(lambda self: self.house.find_person(person_id=self.person_id))
                patched.setattr(Rights, check, anyone)
            else:
                patched.setattr(Rights, check, lambda self, *_: True)
            found = (
                breach
                for person in (school.bob, lost)
                for method in METHODS
                for breach in breaches(school.house, person, space, method)
            )
            assert files_reached(school, space) or next(found, None), check


# Files


def files_reached(school: Class, space: Space) -> list[Path]:
    """Return the files of Ann that Bob gets a path to."""
    artifacts = school.of(school.bob).artifacts
    own = Artifacts(school.house.artifacts.home)
    asked = [
        *(of(run) for run in space.runs for of in (artifacts.run_folder, artifacts.checkpoint)),
        *(of(run) for run in space.runs for of in (artifacts.training_state, artifacts.outputs)),
        *(of(run) for run in space.runs for of in (artifacts.run_lock, artifacts.run_process)),
        *(artifacts.dataset_folder(dataset) for dataset in space.datasets),
    ]
    real = {
        *(of(run) for run in space.runs for of in (own.run_folder, own.checkpoint)),
        *(of(run) for run in space.runs for of in (own.training_state, own.outputs)),
        *(of(run) for run in space.runs for of in (own.run_lock, own.run_process)),
        *(own.dataset_folder(dataset) for dataset in space.datasets),
    }
    return [path for path in asked if path in real]


@ON_SQLITE
def test_files_of_others_do_not_exist_and_cannot_be_made(school, space):
    assert files_reached(school, space) == []
    assert school.of(school.bob).artifacts.weights_folder(school.ann.id) == NOWHERE
    for person in (school.bob, school.teacher):
        artifacts = school.of(person).artifacts
        for run in space.runs:
            folder = school.house.artifacts.run_folder(run)
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "model.safetensors").write_text(SECRET)
            assert artifacts.checkpoint(run).exists() == person.administers
        dataset = school.house.artifacts.dataset_folder(space.dataset)
        dataset.mkdir(parents=True, exist_ok=True)
        (dataset / "x").write_text(SECRET)
        assert artifacts.dataset_folder(space.dataset).exists() == person.administers
    of_bob = school.of(school.bob).artifacts
    school.house.artifacts.run_lock(space.done).touch()
    assert of_bob.stored_runs() == of_bob.stored_datasets() == set()
    assert of_bob.lock_files() == of_bob.staged() == []
    assert of_bob.process_of(space.done) is None
    assert school.of(school.ann).artifacts.stored_runs() == set(space.runs)
    nowhere = of_bob.run_folder(space.done)
    with pytest.raises(OSError):
        nowhere.mkdir(parents=True)
    assert list(nowhere.rglob("*")) == []
    school.of(school.bob).artifacts.delete_run(space.done)
    school.of(school.bob).artifacts.delete_dataset(space.dataset)
    assert school.house.artifacts.checkpoint(space.done).read_text() == SECRET
    assert (dataset / "x").exists()


@ON_SQLITE
def test_no_id_leads_out_of_the_home_folder(school):
    artifacts = school.of(school.bob).artifacts
    for path in ("../runs", "..", "/", "/etc", "a/b", "x" * 64, "A", "\0"):
        assert artifacts.run_folder(path) == artifacts.dataset_folder(path) == NOWHERE


def test_the_walk_knows_every_path():
    harmless = {"home", "dataset_lock", "claim_lock", "people_lock", "server_lock", "upkeep_lock"}
    harmless |= {"changing", "unchanging", "staging_folder", "sweep_staging", "identity"}
    # These read and write what `run_process` leads to.
    harmless |= {"note_process", "process_of", "is_servers"}
    walked = {"dataset_folder", "run_folder", "checkpoint", "training_state", "outputs"}
    walked |= {"run_lock", "run_process", "stored_runs", "stored_datasets", "lock_files", "staged"}
    walked |= {"delete_dataset", "delete_run", "weights_folder"}
    known = {name for name in vars(Artifacts) if not name.startswith("_")} | {"home"}
    assert known == harmless | walked


# Runner


class IdleRunner:
    """Runner of a server that has no worker."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self.woken = 0

    def wake(self) -> None:
        self.woken += 1


RUNNER_ATTACKS = {
    "submit": [
        lambda runner, it: runner.submit(make_run_config(it.dataset, {})),
        lambda runner, it: runner.submit(make_run_config(it.dataset_name, {})),
    ],
    "resume": [
        *(
            lambda runner, it, name=name: runner.resume(getattr(it, name))
            for name in ("done", "queued", "running", "paused", "binned_run")
        ),
        lambda runner, it: runner.resume(it.done, 50),
    ],
}


def test_the_walk_knows_every_method_of_a_runner():
    for runner in (Runner, BoundRunner):
        named = {name for name in vars(runner) if not name.startswith("_")}
        assert named == set(RUNNER_ATTACKS)


def test_no_run_of_others_is_queued_or_resumed(school, space, removed):
    lost = school.directory.person(removed.id)
    before = rows_of(school.house.store)
    for person in (school.bob, lost, NOBODY):
        idle = IdleRunner(school.house)
        runner = BoundRunner(idle, person)
        for attacks in RUNNER_ATTACKS.values():
            for attack in attacks:
                seen = outcome_of(attack, runner, space)
                assert seen == outcome_of(attack, runner, NONSENSE)
                assert SECRET not in seen
        assert idle.woken == 0
    assert rows_of(school.house.store) == before


@ON_SQLITE
def test_a_workspace_is_bound_once(school):
    with pytest.raises(TypeError, match="bound to a person once"):
        bind(school.of(school.ann), school.bob)


@ON_SQLITE
def test_a_worker_tells_nobody_what_others_have(school, space):
    """It works on the house's own store, and its errors become messages of runs."""
    store = school.of(school.bob).store
    # The name is that of Ann's dataset, and of a dataset of Bob's that is gone.
    dataset = add_dataset(store, 1, "mine")
    run = store.add_run(make_run_config(dataset, {}), "mine")
    store.bin_run(run.id)
    store.delete_dataset(dataset)
    store.restore_run(run.id)
    named = add_dataset(school.of(school.ann).store, 2, dataset)
    assert school.house.store.get_dataset(dataset).id == named
    with claim(school.house, lambda: school.house.store.claim_run(run.id)) as claimed:
        execute_run(school.house, claimed)
    failed = store.get_run(run.id)
    assert failed.state is RunState.FAILED
    assert failed.message == str(no_dataset(dataset))
