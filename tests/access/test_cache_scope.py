"""Cache: thirty people on a shared dataset compute once, and private ones tell nobody anything."""

import numpy as np
import pytest
from access.conftest import Class
from making_runs import import_folder, make_colours, run_config

from tl_core.access import BoundRunner
from tl_core.backbones import list_weights_files
from tl_core.cache import RowCache
from tl_core.datasets.copying import copy_dataset
from tl_core.records import COMMON_SCOPE, DatasetRecord, Person
from tl_core.runs.execute import claim, execute_run

ON_SQLITE = pytest.mark.parametrize("url", ["sqlite"], indirect=True)


class ThisThread:
    """Runner of a server that takes from the queue when it is woken."""

    def __init__(self, workspace):
        self.workspace = workspace

    def wake(self):
        with claim(self.workspace) as run:
            execute_run(self.workspace, run)


def computes(school: Class, person: Person, dataset: DatasetRecord) -> bool:
    """Have a run of a person on a dataset carried out; return whether it computed features."""
    rows = school.house.cache.folder
    before = set(rows.rglob("*.rows"))
    run = BoundRunner(ThisThread(school.house), person).submit(run_config(dataset, epochs=1))
    done = school.house.store.get_run(run.id)
    assert done.result, done.message
    assert done.owner == person.id
    return bool(set(rows.rglob("*.rows")) - before)


@ON_SQLITE
def test_what_is_private_is_computed_for_each_and_what_is_shared_once(school, tmp_path):
    folder = make_colours(tmp_path / "colours", per_class=10)
    of_ann, of_bob = (import_folder(school.of(each), folder) for each in (school.ann, school.bob))
    assert computes(school, school.ann, of_ann)
    assert not computes(school, school.ann, of_ann)
    assert computes(school, school.bob, of_bob)
    given = import_folder(school.of(school.teacher), folder)
    given = school.of(school.teacher).store.share_dataset(given.id)
    assert computes(school, school.ann, given)
    assert not computes(school, school.bob, given)
    copy = copy_dataset(school.of(school.bob), given.id)
    # The images that Bob had imported himself are his private ones still.
    assert copy.id == of_bob.id
    assert not computes(school, school.bob, copy)
    of_lead = copy_dataset(school.of(school.lead), given.id)
    assert not computes(school, school.lead, of_lead)


@ON_SQLITE
def test_scopes_are_kept_apart_and_the_operator_s_rows_are_found_as_ever(school):
    cache = school.house.cache
    row = np.ones((1, 4), np.float32)

    def is_found(cache: RowCache) -> bool:
        return cache.shelf({"recipe": "r"}).find(["key"]) == [True]

    assert cache.shelf({"recipe": "r"}).write(["key"], row)
    assert is_found(cache)
    for scope in (school.ann.id, COMMON_SCOPE):
        assert not is_found(cache.scoped(scope))
        assert is_found(cache.scoped(scope).scoped(""))
    assert not is_found(school.of(school.ann).cache)


@ON_SQLITE
def test_weights_that_somebody_has_uploaded_are_found_for_their_runs_alone(school):
    folder = school.house.artifacts.weights_folder(school.ann.id)
    folder.mkdir(parents=True)
    (folder / "mine.pth").write_bytes(b"x")
    assert "mine.pth" in list_weights_files(school.of(school.ann).weights_folders)
    assert "mine.pth" in list_weights_files(school.house.weights_folders_of(school.ann.id))
    for workspace in (school.house, school.of(school.bob), school.of(school.teacher)):
        assert "mine.pth" not in list_weights_files(workspace.weights_folders)
