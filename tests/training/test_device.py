"""Small workloads use one thread, and settings of torch are restored afterwards."""

import pytest
import torch
from torch import nn

from tl_core.training.device import Device, pick_device, threads_as_needed


def test_only_a_small_workload_uses_one_thread():
    before = torch.get_num_threads()
    small = nn.Linear(4, 3)
    large = nn.Linear(2000, 1000)
    images = nn.Conv2d(3, 8, 3)
    try:
        torch.set_num_threads(2)
        with threads_as_needed() as choose:
            threads = []
            for network, inputs in (
                (images, torch.zeros(2, 3, 8, 8)),
                (small, torch.zeros(32, 4)),
                (large, torch.zeros(32, 2000)),
            ):
                choose(network, inputs)
                threads.append(torch.get_num_threads())
        assert threads == [2, 1, 2] and torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_cudnn_benchmarks_convolutions_on_a_gpu_and_only_during_training():
    for kind in ("cuda", "cpu"):
        with Device(torch.device(kind), kind).tuned():
            assert torch.backends.cudnn.benchmark is (kind == "cuda")
        assert not torch.backends.cudnn.benchmark


def test_outside_mixed_precision_a_gpu_computes_in_float32(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda **_: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "a GPU")
    before = torch.backends.cudnn.allow_tf32
    try:
        expected = Device(torch.device("cuda"), "a GPU, mixed precision", torch.bfloat16)
        assert pick_device() == expected
        assert not torch.backends.cudnn.allow_tf32
        assert torch.get_float32_matmul_precision() == "highest"
    finally:
        torch.backends.cudnn.allow_tf32 = before
