"""Reset for the next class: what students had is erased, with its files, and the rest stays."""

from access.conftest import Class
from access.spaces import fill_space, rows_of
from making_runs import import_folder, make_colours

from tl_core.records import RunState


def test_removing_somebody_stops_their_runs_and_keeps_their_space(school: Class):
    store = school.house.store
    space = fill_space(store, school.of(school.ann).store)
    school.directory.remove(school.ann.id)
    assert store.asked_of(space.running) == "cancel"
    for run in (space.queued, space.paused):
        assert store.get_run(run).state is RunState.CANCELLED
    assert store.get_dataset(space.dataset).owner == school.ann.id
    assert school.ann.id not in {person.id for person in school.directory.people()}
    assert school.directory.person(school.ann.id).removed_at is not None


def test_a_reset_leaves_the_teacher_and_what_is_shared(school: Class, tmp_path):
    house = school.house
    space = fill_space(house.store, school.of(school.ann).store)
    house.store.finish_run(space.running, RunState.CANCELLED)
    assert house.store.claim_next_run()
    house.store.finish_run(space.queued, RunState.CANCELLED)
    of_bob = school.of(school.bob)
    folder = make_colours(tmp_path / "colours", per_class=4)
    given = import_folder(of_bob, folder)
    school.of(school.teacher).store.share_dataset(given.id)
    kept = import_folder(school.of(school.teacher), folder)
    weights = house.artifacts.weights_folder(school.bob.id)
    weights.mkdir(parents=True)
    (weights / "x.pth").write_bytes(b"x")
    model = house.artifacts.checkpoint(space.done)
    model.parent.mkdir(parents=True)
    model.write_bytes(b"x")
    token = school.directory.start_session(school.ann.id, 1_000)
    code = school.directory.classroom().code
    assert school.directory.reset() == 0
    assert not model.parent.exists()
    assert not weights.exists()
    assert {dataset.id for dataset in house.store.list_datasets()} == {given.id, kept.id}
    assert house.artifacts.dataset_folder(given.id).is_dir()
    assert house.store.list_runs() == house.store.list_bin() == []
    assert {person.name for person in school.directory.people(also_removed=True)} == {
        school.teacher.name,
        school.lead.name,
    }
    assert school.directory.person_of(token) is None
    assert not school.directory.admits(code)
    left = rows_of(house.store)
    assert not any(left[table] for table in ("runs", "presets", "sessions", "metrics", "turns"))
    # The name is free again.
    assert school.directory.join("Ann")[0].id != school.ann.id


def test_a_run_that_does_not_end_is_erased_by_a_later_sweep(school: Class, monkeypatch):
    monkeypatch.setattr("tl_core.access.erasing._PATIENCE_SECONDS", 0.0)
    space = fill_space(school.house.store, school.of(school.ann).store)
    assert school.directory.reset() == 1
    assert [run.id for run in school.house.store.list_runs()] == [space.running]
    assert school.directory.sweep() == 1
    school.house.store.finish_run(space.running, RunState.CANCELLED)
    assert school.directory.sweep() == 0
    assert school.house.store.list_runs() == school.house.store.list_datasets() == []
    assert school.directory.sweep() == 0
