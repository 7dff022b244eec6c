"""Workload of a run before it starts: it is what the run then does, and knows the cache."""

from dataclasses import replace
from typing import Any

import pytest
from making_runs import run_config

from tl_core.cache import RowCache
from tl_core.facts import RunFacts
from tl_core.records import DatasetRecord
from tl_core.runs.execute import make_experiment
from tl_core.runs.workload import Workload, count_work
from tl_core.training import Experiment, run_experiment
from tl_core.workspace import Workspace

ROOM = 10**9


def counted(experiment: Experiment, room: int = ROOM) -> Workload:
    return count_work(experiment, room)


def carry_out(experiment: Experiment) -> RunFacts:
    facts = RunFacts()
    for event in run_experiment(experiment):
        facts = facts.merged(getattr(event, "facts", RunFacts()))
    return facts


@pytest.fixture
def make(workspace: Workspace, colours: DatasetRecord):
    def make_one(name: str = "run", **settings: Any) -> Experiment:
        return make_experiment(workspace, run_config(colours, **settings), name)

    return make_one


VARIED = [
    {},
    {"augment": "photos", "epochs": 4},
    {"frozen_stages": -1},
    {"frozen_stages": 0, "epochs": 1, "image_size": 32},
    {"mixup": 0.2, "epochs": 1, "image_size": 32},
    {"unfreeze": "two-phase", "head_epochs": 2, "epochs": 3, "frozen_stages": -1},
]


@pytest.mark.parametrize("settings", VARIED)
def test_what_is_counted_is_what_the_run_reads_and_caches(make, settings: dict):
    experiment = make(**settings)
    work = counted(experiment)
    facts = carry_out(experiment)
    clock = experiment.reading
    assert facts.cached_views == work.views
    reading = work.reading + work.test_reading
    for phase in work.phases:
        reading = reading + phase.reading
    assert clock.read.n == reading.n
    assert clock.varied.n == reading.varied
    assert sum(tally.n for tally in clock.decoded.values()) == sum(n for _, n in reading.decoded)


@pytest.mark.parametrize("settings", VARIED[:3])
def test_the_same_run_again_finds_everything_in_the_cache(make, settings: dict):
    first = make("first", **settings)
    before = counted(first)
    carry_out(first)
    after = counted(make("second", **settings))
    assert before.rows > 0 and before.rows_found == 0
    assert after.rows == 0 and after.rows_found == before.rows
    assert after.test_rows == 0 and after.reading.n == 0


def test_another_seed_needs_nothing_and_another_augmentation_other_views(make):
    settings = {"augment": "photos", "epochs": 4}
    carry_out(make("first", **settings))
    assert counted(make("second", seed=7, **settings)).rows == 0
    other = counted(make("third", rotation=30, **settings))
    assert 0 < other.rows_found < other.rows
    assert other.reading.varied == other.reading.n == other.rows, "plain views are found"


def test_other_weights_find_nothing(make, workspace: Workspace):
    carry_out(make("first"))
    known = workspace.settings.home / "cache" / "weights.json"
    assert known.is_file()
    known.unlink()
    assert counted(make("second")).rows_found == 0, "weights that nobody has hashed are not known"


def test_what_does_not_fit_into_the_cache_is_not_counted_as_cached(make, tmp_path):
    experiment = replace(make(), cache=RowCache(tmp_path / "cache", 1000, keep_free=0))
    assert counted(experiment, 1000).views == 0
    assert carry_out(experiment).cached_views == 0
