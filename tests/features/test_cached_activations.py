"""Training on cached activations equals training on images; each is computed once."""

import copy
import os
import time
from dataclasses import replace
from itertools import zip_longest
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tl_core.backbones import TransferModel, build_library_model, build_model, get_backbone
from tl_core.cache import RowCache
from tl_core.cache.segment import Segment
from tl_core.cancellation import Stop
from tl_core.config import PHOTOS, ModelConfig
from tl_core.data.pixels import Form
from tl_core.errors import Cancelled
from tl_core.features import (
    CachedActivations,
    ImageExamples,
    NoRoom,
    OnDisk,
    Passed,
    Side,
    TooLarge,
    activation_rows,
    cached_activations,
    choose_views,
    mixed_order,
)
from tl_core.features.activation_rows import RowWriter
from tl_core.features.cached_activations import _one_behind
from tl_core.records import DatasetRecord, Preprocessing
from tl_core.workspace import Workspace

SIDE = 32
SMALL = Preprocessing(SIDE, SIDE, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5), "bilinear")


@pytest.fixture
def examples(workspace: Workspace, colours: DatasetRecord) -> ImageExamples:
    images = workspace.store.list_images(colours.id)
    folder, labels = (
        workspace.artifacts.dataset_folder(colours.id),
        [i % 3 for i in range(len(images))],
    )
    return ImageExamples(
        folder, images, labels, SMALL, 7, torch.device("cpu"), seed=5, augment=PHOTOS
    )


@pytest.fixture
def cache(tmp_path: Path) -> RowCache:
    return RowCache(tmp_path / "cache", 10**9, keep_free=0)


@pytest.fixture(scope="module")
def model() -> TransferModel:
    torch.manual_seed(0)
    backbone, config = get_backbone("resnet18"), ModelConfig(backbone="resnet18", image_size=SIDE)
    return build_model(backbone, config, 3, build_library_model(backbone, SIDE)).eval()


def kept_of(cache: RowCache, model: TransferModel, **more) -> CachedActivations:
    return CachedActivations(cache, get_backbone("resnet18"), model, SIDE, **more)


def fill(kept: CachedActivations, sides: list[Side], cuts: list[int]) -> int:
    """Return the number of computed images."""
    steps = list(kept.fill(sides, cuts))
    assert [done for done, _ in steps] == sorted({done for done, _ in steps})
    assert not steps or {total for _, total in steps} == {steps[-1][0]}
    return steps[-1][0] if steps else 0


def straight(
    model: TransferModel, examples: ImageExamples, cut: int, view: int = 0
) -> torch.Tensor:
    with torch.inference_mode():
        found = torch.cat([model.stages[:cut](batch.inputs) for batch in examples.view(view)])
        return model.pool(found) if cut == len(model.stages) else found


def test_several_depths_come_out_of_one_pass_as_the_network_itself_gives_them(
    cache: RowCache, model: TransferModel, examples: ImageExamples
):
    kept, side, cuts = kept_of(cache, model), Side(examples, 3), [2, len(model.stages)]
    assert fill(kept, [side], cuts) == 3 * len(examples)
    for cut in cuts:
        activations = kept.examples(side, cut).activations
        for view in range(3):
            torch.testing.assert_close(
                activations[view], straight(model, examples, cut, view), rtol=1e-5, atol=1e-5
            )
        assert not torch.equal(activations[0], activations[1]) and not torch.equal(
            activations[1], activations[2]
        )


def test_in_chunks_the_same_rows_come_with_all_views_of_a_chunk_before_the_next(
    cache: RowCache, model: TransferModel, examples: ImageExamples, tmp_path: Path
):
    cuts = [2, len(model.stages)]
    order = mixed_order(examples.labels, seed=1)
    mixed = Side(examples, 2, (tuple(order[:14]), tuple(order[14:])))
    kept = kept_of(RowCache(tmp_path / "mixed", 10**9, keep_free=0), model)
    told = list(kept.passes([mixed], cuts))
    assert [told[-1].done, told[-1].total] == [2 * len(order)] * 2
    seen = [(passed.view, i) for passed in told for i in passed.indices]
    assert seen == [(view, i) for chunk in mixed.chunks for view in (0, 1) for i in chunk]
    for passed in told:
        for index, row in zip(passed.indices, passed.activations, strict=True):
            again = kept.examples(passed.side, cuts[-1]).activations[passed.view][index]
            assert torch.equal(row, again)
    plain = kept_of(cache, model)
    fill(plain, [Side(examples, 2)], cuts)
    for cut in cuts:
        assert torch.equal(
            kept.examples(mixed, cut).activations,
            plain.examples(Side(examples, 2), cut).activations,
        ), "the order changes no number"


def test_what_passed_before_a_stop_is_not_computed_again(
    cache: RowCache, model: TransferModel, examples: ImageExamples
):
    asked: list[bool] = []
    images = replace(examples, stop=Stop(lambda: bool(asked)))
    passes = kept_of(cache, model).passes([Side(images, 1)], [3])
    passed = next(passes)
    asked.append(True)
    with pytest.raises(Cancelled):
        next(passes)
    assert fill(kept_of(cache, model), [Side(examples, 1)], [3]) == len(examples) - passed.done
    half_way = kept_of(cache, model).passes([Side(examples, 1)], [2])
    done = next(half_way).done
    half_way.close()
    indices, rows = kept_of(cache, model).cached(Side(examples, 1), 2)
    assert rows is not None and indices == list(range(done)) and len(rows) == done


def in_chunks(examples: ImageExamples, views: int = 1) -> Side:
    order = range(len(examples))
    n = examples.batch_size
    return Side(examples, views, tuple(tuple(order[i : i + n]) for i in order[::n]))


def test_two_passes_at_once_meet_halfway(
    cache: RowCache,
    model: TransferModel,
    examples: ImageExamples,
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(cached_activations, "_SHARED_SECONDS", 0)
    side = in_chunks(examples, views=2)
    other = RowCache(cache.folder, 10**9, keep_free=0)  # as another process opens it
    both = [kept_of(each, model).passes([side], [3]) for each in (cache, other)]
    told: list[list[Passed]] = [[], []]
    for steps in zip_longest(*both):
        for seen, passed in zip(told, steps, strict=True):
            seen.extend([passed] if passed else [])
    first, second = ({(p.view, i) for p in each for i in p.indices} for each in told)
    whole = 2 * len(examples)
    assert len(first | second) == whole
    assert len(first) + len(second) <= whole + examples.batch_size, "one chunk is computed twice"
    assert min(len(first), len(second)) >= whole // 3
    assert told[0][0].indices == list(side.chunks[0])
    assert told[1][0].indices == list(side.chunks[-1])
    for view in (0, 1):
        found = kept_of(other, model).examples(side, 3).activations[view]
        torch.testing.assert_close(found, straight(model, examples, 3, view), rtol=1e-5, atol=1e-5)


def test_nobody_waits_for_a_pass_that_stands_still(
    cache: RowCache, model: TransferModel, examples: ImageExamples
):
    side = in_chunks(examples)
    stands_still = kept_of(cache, model).passes([side], [3])
    next(stands_still)
    assert fill(kept_of(cache, model), [side], [3]) == len(examples)
    stands_still.close()
    later = kept_of(cache, model).passes([side], [2])
    assert next(later).indices == list(side.chunks[0]), "nobody else is at work"


def test_what_was_computed_once_is_not_computed_again(
    cache: RowCache, model: TransferModel, examples: ImageExamples
):
    n = len(examples)
    assert fill(kept_of(cache, model), [Side(examples, 2)], [3]) == 2 * n
    again = RowCache(cache._folder, 10**9, keep_free=0)  # as another process opens it
    assert fill(kept_of(again, model), [Side(examples, 2)], [3]) == 0
    assert fill(kept_of(again, model), [Side(examples, 3)], [3]) == n, "one more view"
    assert fill(kept_of(again, model), [Side(replace(examples, seed=6), 2)], [3]) == 0, (
        "another seed draws from the same views"
    )
    assert fill(kept_of(again, model), [Side(replace(examples, augment=None), 1)], [3]) == 0, (
        "as they are"
    )


def test_nothing_is_shared_by_what_differs(
    cache: RowCache, model: TransferModel, examples: ImageExamples
):
    side, n = Side(examples, 1), len(examples)
    assert fill(kept_of(cache, model), [side], [2]) == n
    assert fill(kept_of(cache, model), [side], [3]) == n, "another depth"
    assert fill(kept_of(cache, model, precision="float16"), [side], [2]) == n, "another precision"
    other = replace(examples, preprocessing=replace(SMALL, mean=(0.4, 0.5, 0.5)))
    assert fill(kept_of(cache, model), [Side(other, 1)], [2]) == n, "another preprocessing"
    changed = copy.deepcopy(model)
    with torch.no_grad():
        next(changed.stages[-1].parameters()).add_(1)
    assert fill(kept_of(cache, changed), [side], [2]) == 0, "what comes later does not matter"
    with torch.no_grad():
        next(changed.stages[1].parameters()).add_(1e-6)
    assert fill(kept_of(cache, changed), [side], [2]) == n, "other weights"


def test_a_damaged_or_lost_row_is_computed_again(
    cache: RowCache, model: TransferModel, examples: ImageExamples
):
    side = Side(examples, 1)
    fill(kept_of(cache, model), [side], [2])
    [segment] = [
        path for path in cache._folder.rglob("*") if path.is_file() and path.stat().st_size > 10**5
    ]
    segment.write_bytes(segment.read_bytes()[:-1] + b"!")
    again = RowCache(cache._folder, 10**9, keep_free=0)
    assert fill(kept_of(again, model), [side], [2]) == len(examples)
    found = kept_of(again, model).examples(side, 2).activations[0]
    torch.testing.assert_close(found, straight(model, examples, 2), rtol=1e-5, atol=1e-5)


def test_half_precision_takes_half_the_room_and_rounds(
    cache: RowCache, model: TransferModel, examples: ImageExamples
):
    kept, side = kept_of(cache, model, precision="float16"), Side(examples, 1)
    assert kept.row_bytes(2) * 2 == kept_of(cache, model).row_bytes(2)
    fill(kept, [side], [2])
    found = kept.examples(side, 2).activations[0]
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, straight(model, examples, 2), rtol=1e-3, atol=1e-3)


@pytest.mark.filterwarnings("error")
def test_numbers_that_half_precision_has_not_are_refused_rather_than_kept_as_infinite(
    cache: RowCache,
):
    shelf, half = cache.shelf({"made by": "a test"}), np.dtype("float16")
    writer = RowWriter(shelf, half)
    with pytest.raises(TooLarge, match="100,000 where float16 ends at 65,504"):
        writer.add(["a"], torch.tensor([[1e5, 1.0]]))
    writer.add(["b"], torch.tensor([[65_504.0, float("inf")]]))
    writer.flush()
    assert shelf.find(["a", "b"]) == [False, True]
    assert shelf.rows(["b"])[0].tolist() == [65_504, float("inf")], (
        "what the network itself makes infinite stays so"
    )
    RowWriter(shelf, np.dtype("float32")).add(["a"], torch.tensor([[1e5]]))


def test_what_does_not_fit_is_refused_before_it_is_computed(
    model: TransferModel, examples: ImageExamples, tmp_path
):
    small = RowCache(tmp_path / "small", 10_000, keep_free=0)
    with pytest.raises(NoRoom):
        next(kept_of(small, model).fill([Side(examples, 1)], [2]))
    with pytest.raises(NoRoom):
        kept_of(small, model).examples(Side(examples, 1), 2)


def keys_by_shelf(cache: RowCache) -> list[list[str]]:
    shelves = [shelf for shelf in cache._folder.iterdir() if shelf.is_dir()]
    return [
        [key for path in shelf.glob("*.rows") for key in Segment(path).keys] for shelf in shelves
    ]


def test_what_one_depth_has_already_is_neither_asked_room_for_nor_written_again(
    cache: RowCache, model: TransferModel, examples: ImageExamples, tmp_path: Path
):
    side, n, cuts = Side(examples, 2), 2 * len(examples), [2, len(model.stages)]
    fill(kept_of(cache, model), [side], cuts)
    # Room for one more header.
    just_enough = RowCache(tmp_path / "just enough", cache.bytes_kept() + 4_000, keep_free=0)
    kept = kept_of(just_enough, model)
    assert (
        fill(
            kept,
            [Side(replace(examples, images=examples.images[:9], labels=examples.labels[:9]), 2)],
            cuts,
        )
        == 18
    )
    assert fill(kept, [side], cuts[1:]) == n - 18
    assert fill(kept, [side], cuts) == n - 18
    assert all(len(keys) == len(set(keys)) for keys in keys_by_shelf(just_enough))
    for cut in cuts:
        found = kept.examples(side, cut).activations[1]
        torch.testing.assert_close(found, straight(model, examples, cut, 1), rtol=1e-5, atol=1e-5)


def test_a_fill_makes_no_room_at_the_cost_of_another_of_its_depths(
    cache: RowCache, model: TransferModel, examples: ImageExamples, tmp_path: Path
):
    side, cuts = Side(examples, 1), [2, len(model.stages)]
    fill(kept_of(cache, model), [side], cuts)
    small = RowCache(tmp_path / "small", cache.bytes_kept() + 4_000, keep_free=0)
    fill(kept_of(small, model), [side], cuts[1:])
    # Older than the next write, yet recent enough that reading does not renew the time.
    for path in small._folder.rglob("*.rows"):
        os.utime(path, (time.time() - 30,) * 2)
    assert small.shelf({"of": "others"}).write(["one"], np.zeros((1, 30_000), np.uint8))
    fill(kept_of(small, model), [side], cuts)
    assert all(len(kept_of(small, model).examples(side, cut)) for cut in cuts)


def test_pixels_that_are_kept_on_the_way_take_no_room_from_what_is_found(
    cache: RowCache, model: TransferModel, examples: ImageExamples, tmp_path: Path
):
    side, cuts = Side(replace(examples, cache=cache), 1), [2, len(model.stages)]
    fill(kept_of(cache, model), [side], cuts)
    assert cache.shelf(Form(SMALL).recipe).find([examples.images[0].sha256]) == [True]
    small = RowCache(tmp_path / "small", cache.bytes_kept() - 1_000, keep_free=0)
    fill(kept_of(small, model), [Side(examples, 1)], cuts[:1])
    fill(kept_of(small, model), [Side(replace(examples, cache=small), 1)], cuts)
    assert all(len(kept_of(small, model).examples(side, cut)) for cut in cuts)


def test_rows_on_disk_are_read_like_those_in_memory(
    cache: RowCache, model: TransferModel, examples: ImageExamples, monkeypatch: pytest.MonkeyPatch
):
    kept, side = kept_of(cache, model), Side(examples, 3)
    fill(kept, [side], [2])
    in_memory = kept.examples(side, 2)
    monkeypatch.setattr("tl_core.features.activation_rows._IN_MEMORY_BYTES", 0)
    on_disk = kept.examples(side, 2)
    assert isinstance(in_memory.activations, torch.Tensor) and isinstance(
        on_disk.activations, OnDisk
    )
    for read in (lambda e: e.epoch(1), lambda e: e.epoch(2), lambda e: e.once()):
        for one, other in zip(read(in_memory), read(on_disk), strict=True):
            assert torch.equal(one.inputs, other.inputs) and torch.equal(one.labels, other.labels)
            assert one.positions == other.positions


@given(st.integers(1, 10**6), st.integers(1, 1000), st.booleans())
def test_views_are_no_more_than_can_be_used_or_paid_for(n_train: int, epochs: int, augment: bool):
    views = choose_views(n_train, epochs, augment)
    assert 1 <= views <= min(epochs, 5)
    assert augment or views == 1
    assert views == 1 or n_train <= 3000 or views == 2
    assert (
        choose_views(n_train + 1, epochs, augment)
        <= views
        <= choose_views(n_train, epochs + 1, augment)
    )
    assert choose_views(n_train, epochs, augment, wanted=3) == (min(3, epochs) if augment else 1)


@pytest.mark.parametrize("free", [10**9, 1000])
def test_a_gpu_keeps_the_rows_that_a_share_of_its_free_memory_holds(
    cache: RowCache,
    model: TransferModel,
    examples: ImageExamples,
    monkeypatch: pytest.MonkeyPatch,
    free: int,
):
    kept, side = kept_of(cache, model, precision="float16"), Side(examples, 3)
    fill(kept, [side], [2])
    there, stored = (
        kept.examples(side, 2).activations,
        kept._shelf(2, examples).rows(side.all_keys()),
    )
    in_blocks = activation_rows._in_blocks
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (free, 10**12))
    monkeypatch.setattr(activation_rows, "_BLOCK_BYTES", 3 * stored[0].nbytes)
    monkeypatch.setattr(
        activation_rows,
        "_in_blocks",
        lambda rows, device, stop: in_blocks(rows, torch.device("cpu"), stop),
    )
    found = activation_rows.read_rows(stored, 3, torch.device("cuda"))
    assert isinstance(found, torch.Tensor) is (stored.n_bytes < free / 4)
    if isinstance(found, torch.Tensor):
        assert found.dtype == torch.float16 and torch.equal(found.float(), there)
        with pytest.raises(Cancelled):
            activation_rows.read_rows(stored, 3, torch.device("cuda"), Stop(lambda: True))


@given(st.integers(0, 5))
def test_one_batch_is_read_ahead_and_none_is_lost(n: int):
    begun: list[int] = []
    found = []
    for item in _one_behind(begun.append(i) or i for i in range(n)):
        found.append(item)
        assert len(begun) == min(item + 2, n)
    assert found == list(range(n))
