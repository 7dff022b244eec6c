"""Shared datasets and presets, published runs: what others see of them, and what not."""

from pathlib import Path

import pytest
from access.conftest import Class
from access.spaces import RESULT, SECRET, Space, fill_space
from making_runs import import_folder, make_colours

from tl_core.access import sample_image
from tl_core.config import make_run_config
from tl_core.datasets.copying import copy_dataset
from tl_core.errors import (
    ConfigError,
    DatasetInUse,
    DatasetRefused,
    NotAllowed,
    RunNotReady,
    UnknownDataset,
    UnknownRun,
)
from tl_core.facts import RunFacts
from tl_core.records import COMMON_SCOPE, DatasetRecord, RunState
from tl_core.runners import resume


@pytest.fixture
def space(school: Class) -> Space:
    return fill_space(school.house.store, school.of(school.ann).store)


@pytest.fixture
def shared(school: Class, tmp_path: Path) -> DatasetRecord:
    """Return a dataset with files that the teacher has shared."""
    teacher = school.of(school.teacher)
    record = import_folder(teacher, make_colours(tmp_path / "colours", per_class=4))
    return teacher.store.share_dataset(record.id)


def test_a_published_run_shows_its_figures_and_nothing_else(school, space):
    ann, bob = (school.of(person).store for person in (school.ann, school.bob))
    ann.publish_run(space.done)
    assert bob.list_published() == [seen := bob.get_run(space.done)]
    assert seen == bob.get_run(space.done[:5])
    assert (seen.result, seen.title, seen.owner) == (RESULT, SECRET, school.ann.id)
    assert (seen.note, seen.tags, seen.is_favourite) == ("", (), False)
    assert (seen.facts.comparison, seen.facts.continues) == ("", "")
    assert seen.facts.classes == (f"{SECRET} cat", "dog")
    assert bob.list_predictions(space.done, "test")[1]
    assert bob.list_metrics(space.done)
    assert bob.list_sample_images(space.done) == []
    assert bob.list_images(space.dataset) == []
    assert bob.list_runs() == []
    assert not school.of(school.bob).artifacts.checkpoint(space.done).exists()
    assert bob.find_person(person_id=school.ann.id) == school.ann
    for forbidden in (
        lambda: bob.get_dataset(space.dataset),
        lambda: bob.annotate_run(space.done, title="Mine"),
        lambda: bob.queue_again(space.done),
        lambda: bob.bin_run(space.done),
        lambda: bob.publish_run(space.done, shows_images=True),
        lambda: resume(school.of(school.bob), space.done, epochs=9),
    ):
        with pytest.raises((UnknownRun, UnknownDataset, RunNotReady)):
            forbidden()
    bob.withdraw_run(space.done)
    assert len(bob.list_published()) == 1
    assert ann.get_run(space.done).note == f"{SECRET} note"


def test_a_published_run_names_no_weights_of_its_owner(school, space):
    ann, bob = (school.of(person).store for person in (school.ann, school.bob))
    config = make_run_config(space.dataset, {"weights": f"file:{SECRET}.pth"})
    run = ann.add_run(config, "pets", RunFacts(weights=f"All 9 tensors come from {SECRET}.pth."))
    school.house.store.claim_run(run.id)
    school.house.store.update_run(run.id, result=RESULT)
    school.house.store.finish_run(run.id, RunState.COMPLETED)
    ann.publish_run(run.id)
    for seen in (bob.get_run(run.id), *bob.list_published()):
        assert SECRET not in repr((seen.config, seen.facts))
        assert seen.config.model.weights == "file:its owner's own weights"
        assert seen.facts.weights == "It began with its owner's own weights."
    for reader in (ann, school.of(school.teacher).store):
        assert reader.get_run(run.id).config == config


def test_a_withdrawn_or_deleted_run_is_seen_no_more(school, space):
    ann, bob = (school.of(person).store for person in (school.ann, school.bob))
    for hide, show in (
        (ann.withdraw_run, ann.publish_run),
        (ann.bin_run, ann.restore_run),
        (school.of(school.teacher).store.withdraw_run, ann.publish_run),
    ):
        ann.publish_run(space.done)
        hide(space.done)
        assert bob.list_published() == []
        assert bob.list_metrics(space.done) == []
        with pytest.raises(UnknownRun):
            bob.get_run(space.done)
        show(space.done)
        assert len(bob.list_published()) == 1
    school.directory.remove(school.ann.id)
    assert bob.list_published() == []


def test_only_a_tested_run_is_published_and_only_by_its_owner(school, space):
    ann, teacher = (school.of(person).store for person in (school.ann, school.teacher))
    with pytest.raises(RunNotReady, match="has not been tested"):
        ann.publish_run(space.queued)
    with pytest.raises(UnknownRun):
        teacher.publish_run(space.done)


def test_sample_images_are_shown_if_their_owner_agrees(school, tmp_path):
    of_ann = school.of(school.ann)
    record = import_folder(of_ann, make_colours(tmp_path / "mine", per_class=4))
    run = of_ann.store.add_run(make_run_config(record.id, {}), record.name)
    from access.spaces import finish

    finish(school.house.store, run.id)
    of_ann.store.publish_run(run.id, shows_images=True)
    of_bob = school.of(school.bob)
    images = of_bob.store.list_sample_images(run.id)
    assert [image.position for image in images] == [0, 1]
    assert {image.name for image in images} == {""}
    assert all(sample_image(of_bob, run.id, image.sha256).is_file() for image in images)
    other = next(i for i in of_ann.store.list_images(record.id) if i.position == 5)
    with pytest.raises(UnknownRun):
        sample_image(of_bob, run.id, other.sha256)
    assert not of_bob.artifacts.dataset_folder(record.id).exists()
    of_ann.store.publish_run(run.id, shows_images=False)
    with pytest.raises(UnknownRun):
        sample_image(of_bob, run.id, images[0].sha256)


def test_everyone_uses_a_shared_dataset_and_nobody_else_changes_it(school, shared):
    of_bob = school.of(school.bob)
    assert of_bob.store.list_datasets() == [shared]
    assert of_bob.store.get_dataset(shared.name) == shared
    assert len(of_bob.store.list_images(shared.id)) == shared.n
    assert of_bob.artifacts.dataset_folder(shared.id).is_dir()
    run = of_bob.store.add_run(make_run_config(shared.id, {}), shared.name)
    for forbidden in (of_bob.store.delete_dataset, of_bob.store.bin_dataset):
        with pytest.raises(UnknownDataset):
            forbidden(shared.id)
    for person in (school.bob, school.lead):
        with pytest.raises((NotAllowed, UnknownDataset)):
            school.of(person).store.share_dataset(shared.id, False)
    of_teacher = school.of(school.teacher)
    with pytest.raises(DatasetInUse, match=run.id):
        of_teacher.store.delete_dataset(shared.id)
    of_teacher.store.share_dataset(shared.id, False)
    assert of_bob.store.list_datasets() == []
    with pytest.raises(UnknownDataset):
        of_bob.store.add_run(make_run_config(shared.id, {}), shared.name)
    assert of_bob.store.get_run(run.id).owner == school.bob.id


def test_whoever_deletes_is_not_told_whose_runs_need_a_dataset(school, space):
    """A dataset that was shared may have runs of others."""
    teacher, ann = (school.of(person).store for person in (school.teacher, school.ann))
    teacher.share_dataset(space.dataset)
    foreign = school.of(school.bob).store.add_run(make_run_config(space.dataset, {}), "x")
    teacher.share_dataset(space.dataset, False)
    for delete in (ann.delete_dataset, ann.bin_dataset):
        with pytest.raises(DatasetInUse) as told:
            delete(space.dataset)
        assert foreign.id not in str(told.value)


def test_a_copy_of_a_shared_dataset_is_one_s_own(school, shared):
    of_bob = school.of(school.bob)
    copy = copy_dataset(of_bob, shared.name, "mine")
    assert (copy.name, copy.owner, copy.shared_at) == ("mine", school.bob.id, None)
    assert copy.id != shared.id
    assert copy.cache_scope == shared.cache_scope == COMMON_SCOPE
    school.of(school.teacher).store.share_dataset(shared.id, False)
    school.of(school.teacher).store.delete_dataset(shared.id)
    school.house.artifacts.delete_dataset(shared.id)
    files = [path for path in of_bob.artifacts.dataset_folder(copy.id).rglob("*") if path.is_file()]
    assert len(files) == 2 * shared.n
    assert len(of_bob.store.list_images(copy.id)) == shared.n
    assert of_bob.store.list_datasets() == [copy]
    with pytest.raises(UnknownDataset):
        school.of(school.ann).store.get_dataset(copy.id)


def test_only_what_is_shared_and_not_one_s_own_is_copied(school, shared, space):
    with pytest.raises(UnknownDataset):
        copy_dataset(school.of(school.bob), space.dataset)
    with pytest.raises(DatasetRefused, match="is not shared"):
        copy_dataset(school.of(school.teacher), space.dataset)
    with pytest.raises(DatasetRefused, match="yours already"):
        copy_dataset(school.of(school.teacher), shared.id)


def test_a_shared_preset_is_everyone_s_until_they_have_their_own_of_that_name(school):
    teacher, bob = (school.of(person).store for person in (school.teacher, school.bob))
    slow, quick = (make_run_config("any", {"epochs": epochs}) for epochs in (50, 2))
    teacher.save_preset("slow", "", slow)
    assert bob.list_presets() == []
    bob.save_preset("mine", "", quick)
    teacher.share_preset("slow")
    assert [preset.name for preset in bob.list_presets()] == ["mine", "slow"]
    bob.delete_preset("slow")
    assert len(bob.list_presets()) == 2
    copied = bob.list_presets()[1]
    bob.save_preset(copied.name, copied.description, copied.config)
    [_, own] = bob.list_presets()
    assert (own.owner, own.config) == (school.bob.id, slow)
    with pytest.raises(ConfigError, match="already a preset called 'slow'"):
        bob.save_preset("slow", "", quick)
    with pytest.raises(NotAllowed):
        bob.share_preset("mine")
    with pytest.raises(ConfigError, match="no preset 'mine'"):
        teacher.share_preset("mine")
    teacher.share_preset("slow", False)
    assert len(school.of(school.ann).store.list_presets()) == 0
