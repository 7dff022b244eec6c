"""Little work is left to one thread, and afterwards there are as many as before."""

import pytest
import torch
from torch import nn

from tl_core.training.device import Device, pick_device, threads_as_needed


def test_only_little_work_is_left_to_one_thread():
    before = torch.get_num_threads()
    small, large, images = nn.Linear(4, 3), nn.Linear(2000, 1000), nn.Conv2d(3, 8, 3)
    try:
        torch.set_num_threads(2)
        with threads_as_needed() as choose:
            found = []
            for network, inputs in (
                (images, torch.zeros(2, 3, 8, 8)),
                (small, torch.zeros(32, 4)),
                (large, torch.zeros(32, 2000)),
            ):
                choose(network, inputs)
                found.append(torch.get_num_threads())
        assert found == [2, 1, 2] and torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_a_gpu_looks_for_fast_convolutions_within_a_run_alone():
    for kind in ("cuda", "cpu"):
        with Device(torch.device(kind), kind).tuned():
            assert torch.backends.cudnn.benchmark is (kind == "cuda")
        assert not torch.backends.cudnn.benchmark


def test_what_a_gpu_does_not_compute_in_mixed_precision_is_float32(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda **_: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "a GPU")
    before = torch.backends.cudnn.allow_tf32
    try:
        assert pick_device() == Device(
            torch.device("cuda"), "a GPU, mixed precision", torch.bfloat16
        )
        assert (
            not torch.backends.cudnn.allow_tf32
            and torch.get_float32_matmul_precision() == "highest"
        )
    finally:
        torch.backends.cudnn.allow_tf32 = before
