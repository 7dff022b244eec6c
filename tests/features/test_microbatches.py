"""Micro-batches: when memory is short, every image is processed exactly once."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from tl_core.errors import OutOfMemory
from tl_core.features import Pieces, is_out_of_memory


class Tight(nn.Module):
    """Work with memory for a limited number of images."""

    def __init__(self, room: int, error: type[Exception] = torch.OutOfMemoryError) -> None:
        super().__init__()
        self.room, self.error, self.tried = room, error, []

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        self.tried.append(len(inputs))
        if len(inputs) > self.room:
            raise self.error("not enough memory: you tried to allocate 99 bytes")
        return 2 * inputs


@settings(max_examples=15)
@given(n=st.integers(1, 40), room=st.integers(1, 40), first=st.none() | st.integers(1, 40))
def test_whatever_fits_the_outputs_are_those_of_the_whole(n: int, room: int, first: int | None):
    model, pieces = Tight(room), Pieces(first)
    inputs = torch.randn(n, 3)
    assert torch.equal(pieces.forward(model, inputs), 2 * inputs)
    passed = [size for size in model.tried if size <= room]
    assert sum(passed) == n, "an image was left out, or passed twice"
    assert pieces.size == first or pieces.size <= room


def test_what_was_learned_about_memory_is_kept():
    model, pieces = Tight(5), Pieces()
    pieces.forward(model, torch.zeros(32, 1))
    assert model.tried[:4] == [32, 16, 8, 4] and pieces.size == 4
    model.tried.clear()
    pieces.forward(model, torch.zeros(8, 1))
    assert model.tried == [4, 4]


@pytest.mark.parametrize("error", [torch.OutOfMemoryError, MemoryError, RuntimeError])
def test_when_not_even_one_image_fits_a_sentence_says_what_to_do(error: type[Exception]):
    with pytest.raises(OutOfMemory, match="even with one image at a time: choose a smaller"):
        Pieces().forward(Tight(0, error), torch.zeros(9, 1))


def test_other_errors_are_not_taken_for_a_lack_of_memory():
    assert not is_out_of_memory(RuntimeError("shapes do not match"))
    assert is_out_of_memory(
        RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory")
    )
    with pytest.raises(RuntimeError, match="mat1 and mat2"):
        Pieces().forward(nn.Linear(2, 2), torch.zeros(4, 3))
