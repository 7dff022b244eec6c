"""Features of a pretrained backbone: in order, through the cache, and without the test set."""

from dataclasses import replace

import pytest
from making_runs import run_config

from tl_core.errors import ConfigError
from tl_core.outputs import load_outputs
from tl_core.records import DatasetRecord, Run
from tl_core.runners import InlineRunner
from tl_core.runs.pretrained import learnable, pretrained_features
from tl_core.workspace import Workspace


def test_a_run_starts_from_the_same_features_at_once(workspace: Workspace, colours: DatasetRecord):
    told: list[float] = []
    config = run_config(colours, image_size=64)
    found = pretrained_features(workspace, config, on_progress=told.append)
    assert [image.position for image in found.images] == list(range(30))
    assert told == sorted(told)
    assert told[-1] == 1
    assert [found.dataset.classes[label] for label in found.labels] == [
        image.class_name for image in found.images
    ]
    run = InlineRunner(workspace).submit(config)
    facts = run.facts
    assert facts.cached_views == 1 and not facts.features_by, "nothing had to be computed"
    kept = load_outputs(workspace.artifacts.outputs(run.id), "test")
    assert kept.features == pytest.approx(found.features[kept.positions], rel=2e-3, abs=1e-3)


def test_without_a_cache_they_are_the_same(workspace: Workspace, colours: DatasetRecord):
    config = run_config(colours, image_size=64)
    cached = pretrained_features(workspace, config)
    without = replace(workspace, cache=None)
    uncached = pretrained_features(without, config, lambda split, images: [7, 3])
    assert uncached.features == pytest.approx(cached.features[[7, 3]], rel=1e-3, abs=1e-3)


def test_the_test_set_is_left_alone(finished: tuple[Workspace, Run]):
    workspace, run = finished
    dataset = workspace.store.get_dataset(run.config.data.dataset_id)
    found = pretrained_features(workspace, run_config(dataset), learnable(12))
    assert len(found.images) == 12
    assert {image.class_name for image in found.images} == set(dataset.classes)
    assert not {image.position for image in found.images} & set(found.split.test)


def test_random_weights_are_refused(workspace: Workspace, colours: DatasetRecord):
    with pytest.raises(ConfigError, match="random weights have learned nothing"):
        pretrained_features(workspace, run_config(colours, pretrained=False))
