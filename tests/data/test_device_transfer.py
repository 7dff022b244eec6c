"""Copies to a GPU and back block only when their result is read."""

import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode

from tl_core.data import device_transfer
from tl_core.data.device_transfer import Arriving, send

CPU = torch.device("cpu")
CUDA = torch.device("cuda")


class Sent:
    """Stand-in for a tensor that records the calls to it."""

    def __init__(self) -> None:
        self.asked: list = []

    def pin_memory(self) -> "Sent":
        self.asked.append("pinned")
        return self

    def to(self, device: torch.device, non_blocking: bool = False) -> "Sent":
        self.asked.append((device.type, non_blocking))
        return self


def test_copies_to_a_gpu_are_pinned_and_do_not_block():
    values = Sent()
    send(values, CUDA)
    assert values.asked == ["pinned", ("cuda", True)]
    numbers = torch.arange(3)
    assert send(numbers, CPU) is numbers


def test_parts_of_a_batch_arrive_as_one():
    parts = [(torch.full((n, 2), float(n)), torch.full((n,), n)) for n in (2, 1, 3)]
    wide, narrow = Arriving(parts)
    assert wide[:, 0].tolist() == narrow.tolist() == [2, 2, 1, 3, 3, 3]


def test_outputs_of_a_gpu_are_waited_for_before_they_are_read(monkeypatch: pytest.MonkeyPatch):
    waited: list[None] = []
    monkeypatch.setattr(device_transfer, "_mark", lambda: lambda: waited.append(None))
    with FakeTensorMode():
        arriving = Arriving([(torch.zeros(2, 3, device="cuda"),)])
        assert not waited
        [arrived] = arriving
        assert arrived.device.type == "cpu" and len(waited) == 1
