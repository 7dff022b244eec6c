import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tl_core.backbones import build_library_model, build_model, get_backbone
from tl_core.config import make_run_config
from tl_core.training import batch_size
from tl_core.training.batch_size import choose_batch_size, memory_bytes, step_bytes, with_batch_size
from tl_core.training.device import Device

PLENTY = 2**40


def settings(**chosen):
    return make_run_config("any", {"backbone": "resnet18", "image_size": 64, **chosen})


def test_a_chosen_batch_size_is_kept():
    assert with_batch_size(settings(batch_size=5), 1000).train.batch_size == 5


def test_without_a_chosen_batch_size_one_is_found():
    chosen = with_batch_size(settings(), 1000)
    assert chosen.train.batch_size and chosen.train.images_per_batch == chosen.train.batch_size
    assert with_batch_size(chosen, 10) == chosen


@pytest.mark.parametrize(
    ("n_train", "on_gpu", "expected"),
    [
        (100_000, False, 32),
        (100_000, True, 128),
        (2560, True, 128),
        (2559, True, 64),
        (1279, True, 32),
        (3, True, 32),
    ],
)
def test_a_gpu_gets_more_where_enough_steps_remain(n_train, on_gpu, expected):
    assert choose_batch_size(settings(frozen_stages=0), n_train, on_gpu, PLENTY) == expected


@given(memory=st.integers(2**20, 2**36), on_gpu=st.booleans())
def test_activations_fit_into_memory_and_more_memory_never_gives_a_smaller_batch(memory, on_gpu):
    config = settings(frozen_stages=0)
    chosen = choose_batch_size(config, 100_000, on_gpu, memory)
    assert chosen == 1 or chosen * step_bytes(config) <= memory / 4
    assert chosen <= choose_batch_size(config, 100_000, on_gpu, 2 * memory)


@pytest.mark.parametrize("name", ["resnet18", "mobilenet_v2", "squeezenet1_1", "convnext_tiny"])
def test_step_bytes_are_at_least_what_autograd_saves_and_at_most_twice_as_much(name):
    config = settings(backbone=name, image_size=96, frozen_stages=0)
    backbone = get_backbone(name)
    model = build_model(backbone, config.model, 2, build_library_model(backbone)).train()
    weights = {p.untyped_storage().data_ptr() for p in model.parameters()}
    kept = {}

    def pack(tensor):
        storage = tensor.untyped_storage()
        # The tensor is held, so that no other tensor is allocated at its address.
        kept[storage.data_ptr()] = (tensor, storage.nbytes())
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        loss = model(torch.randn(2, 3, 96, 96)).sum()
    saved = sum(n for address, (_, n) in kept.items() if address not in weights) / 2
    assert 0.95 < step_bytes(config) / saved < 2
    loss.backward()


def test_frozen_stages_keep_nothing():
    assert step_bytes(settings(frozen_stages="all")) == 0


def test_a_containers_memory_counts_where_it_is_less(tmp_path, monkeypatch):
    cpu = Device(torch.device("cpu"), "CPU")
    limit = tmp_path / "memory.max"
    monkeypatch.setattr(batch_size, "_CONTAINER", limit)
    machine = memory_bytes(cpu)
    limit.write_text("max\n")
    assert memory_bytes(cpu) == machine
    limit.write_text("123456789\n")
    assert memory_bytes(cpu) == 123456789
