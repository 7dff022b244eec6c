"""The preview grows with the images that have passed, keeps its budget, and changes no result."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from tl_core.cache import RowCache
from tl_core.events import EpochEnded, PreviewFitted
from tl_core.events import Tested as WasTested
from tl_core.features import CachedActivations, ImageExamples, Passed, Side, cut_into_chunks
from tl_core.records import ImageRecord, Preprocessing
from tl_core.training import Experiment, preview, run_experiment
from tl_core.training.preview import Preview

Make = Callable[..., Experiment]
PLAIN = Preprocessing(8, 8, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5), "bilinear")
CLOCK_STEP = 0.01


class Clock:
    """Clock that each look advances, as if everything took that long."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += CLOCK_STEP
        return self.now


def side_of(n: int, first: int, n_classes: int, views: int = 1) -> Side:
    images = [
        ImageRecord(first + i, f"{first + i:064}", f"{i}.png", "any", None, "png", 8, 8)
        for i in range(n)
    ]
    labels = [i % n_classes for i in range(n)]
    examples = ImageExamples(Path(), images, labels, PLAIN, 8, torch.device("cpu"))
    return Side(examples, views, cut_into_chunks(range(n), 8))


def features_of(side: Side, indices: list[int]) -> torch.Tensor:
    """Return features [B, 4], in which every class has a direction of its own."""
    return torch.eye(4)[torch.tensor([side.images.labels[i] for i in indices])]


def passes(val: Side, train: Side, clock: Clock, seconds: float = 1.0) -> Iterator[Passed]:
    """Yield every image of both sides as if a pass took `seconds` for each batch."""
    total = len(val.images) + train.views * len(train.images)
    done = 0
    for number in range(max(len(val.chunks), len(train.chunks))):
        for side in (val, train):
            for view in range(side.views if number < len(side.chunks) else 0):
                chunk = list(side.chunks[number])
                for start in range(0, len(chunk), 8):
                    indices = chunk[start : start + 8]
                    done += len(indices)
                    clock.now += seconds
                    yield Passed(done, total, side, view, indices, features_of(side, indices))


def previews(n: int = 200, n_classes: int = 4, seconds: float = 1.0, views: int = 1) -> list:
    val = side_of(40, 1000, n_classes)
    train = side_of(n, 0, n_classes, views)
    clock = Clock()
    watched = Preview(train, val, n_classes, [1000, 1003], clock)
    found = [
        event for passed in passes(val, train, clock, seconds) for event in watched.see(passed)
    ]
    return [*found, *watched.finish()]


@pytest.mark.parametrize("views", [1, 3])
def test_it_is_fitted_on_more_and_more_images_up_to_all(views: int):
    found = previews(views=views)
    assert len(found) > 5
    counts = [event.n_train for event in found]
    assert counts == sorted(set(counts)) and counts[0] <= 16 and counts[-1] == 200
    assert [event.n_val for event in found][-1] == 40
    assert found[-1].val_accuracy == 1.0
    assert [p.position for p in found[-1].predictions] == [1000, 1003]
    assert [p.predicted for p in found[-1].predictions] == [p.true for p in found[-1].predictions]


def test_one_class_alone_and_values_that_are_no_numbers_are_waited_out(
    monkeypatch: pytest.MonkeyPatch,
):
    assert previews(n_classes=1) == []
    monkeypatch.setitem(
        globals(), "features_of", lambda side, at: torch.full((len(at), 4), torch.nan)
    )
    assert previews() == []


def test_it_keeps_its_budget_however_long_a_fit_takes(monkeypatch: pytest.MonkeyPatch):
    val = side_of(40, 1000, 4)
    train = side_of(2_000, 0, 4)
    clock = Clock()
    watched = Preview(train, val, 4, [], clock)
    fit = preview.fit_softmax_regression

    def slow_fit(*args):
        clock.now += 0.001 * len(args[0])
        return fit(*args)

    monkeypatch.setattr(preview, "fit_softmax_regression", slow_fit)
    n = 0
    for passed in passes(val, train, clock, seconds=0.2):
        n += len(list(watched.see(passed)))
        # A fit may take longer than was guessed; the next ones make up for it.
        assert watched._spent <= 2 * preview._BUDGET * clock.now
    assert 5 <= n <= 30


def figures(experiment: Experiment) -> tuple[list, list[PreviewFitted]]:
    """Return every figure of a run and every probability of its test, and the previews."""
    values: list = []
    seen = []
    for event in run_experiment(experiment):
        match event:
            case PreviewFitted():
                seen.append(event)
            case EpochEnded():
                values.append((event.train_loss, event.val_loss, event.val_predictions))
            case WasTested(result, predictions):
                values.append((result, predictions))
    return values, seen


@pytest.mark.parametrize("frozen_stages", ["all", -2])
def test_a_run_has_the_same_figures_with_it_and_without_to_the_last_bit(
    make_experiment: Make,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    frozen_stages: str | int,
):
    # The time that a fit takes would decide how many there are.
    monkeypatch.setattr(preview, "_BUDGET", float("inf"))
    monkeypatch.setattr(preview, "_PAUSE_SECONDS", 0.0)

    def experiment(name: str, **more) -> Experiment:
        cache = RowCache(tmp_path / name / "cache", 10**9, keep_free=0)
        made = make_experiment(
            home=tmp_path / name, augment="photos", frozen_stages=frozen_stages, dropout=0.3
        )
        return replace(made, cache=cache, **more)

    watched = experiment("with it")
    with_it, seen = figures(watched)
    without, unseen = figures(experiment("without", preview=False))
    assert with_it == without and unseen == []
    assert seen[-1].n_train == len(watched.split.train)
    assert seen[-1].n_val == len(watched.split.val)
    told = {p.position for event in seen for p in event.predictions}
    assert told and told <= set(watched.split.val), "never of the test images"
    again, nothing = figures(replace(watched, state_path=tmp_path / "elsewhere"))
    assert again == with_it and nothing == [], "with all cached there is nothing to watch"


def test_cached_images_are_seen_when_the_pass_comes_to_their_place(
    make_experiment: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(preview, "_BUDGET", float("inf"))
    monkeypatch.setattr(preview, "_PAUSE_SECONDS", 0.0)
    cache = RowCache(tmp_path / "cache", 10**9, keep_free=0)
    one = make_experiment(home=tmp_path / "one", augment="photos", batch_size=4)
    figures(replace(one, cache=cache))
    other = make_experiment(home=tmp_path / "two", augment="photos", batch_size=4, rotation=7)
    rows_read: list[int] = []
    cached = CachedActivations.cached

    def counted(self, side, cut):
        indices, rows = cached(self, side, cut)
        rows_read.append(len(indices))
        return indices, rows

    monkeypatch.setattr(CachedActivations, "cached", counted)
    _, seen = figures(replace(other, cache=cache))
    assert sorted(rows_read) == sorted([len(other.split.train), len(other.split.val)])
    assert seen and seen[-1].n_train == len(other.split.train)
