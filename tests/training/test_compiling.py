"""torch.compile is tried in long phases, undone without a gain, and does not change results."""

from itertools import accumulate

import pytest
import torch
from torch import nn

from tl_core.training.compiling import Compiling
from tl_core.training.device import Device

GPU = Device(torch.device("cuda"), "a GPU")
"""Named only: the decisions need no real GPU."""


def network():
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 36, 2)
    )


def follow(part, seconds, device=GPU, backend="eager"):
    """Return the sentence, and whether `part` is compiled, after epochs of these `seconds`."""
    times = accumulate(seconds, initial=0.0)
    compiling = Compiling(part, device, backend=backend, clock=lambda: next(times))
    sentences = []
    compiled = []
    for done in range(1, len(seconds) + 1):
        sentences.append(compiling.after_epoch(done, 100 - done))
        compiled.append(part._compiled_call_impl is not None)
    return sentences, compiled


@pytest.fixture(autouse=True)
def errors_as_before():
    before = torch._dynamo.config.suppress_errors
    # Without a reset, code that failed to compile once is not compiled again.
    torch._dynamo.reset()
    yield
    torch._dynamo.config.suppress_errors = before


def test_compiled_code_is_kept_if_an_epoch_takes_less_time():
    sentences, compiled = follow(network(), [50, 40, 90, 20, 20])
    assert sentences == [
        "",
        "",
        "",
        "The trained layers were compiled (torch.compile): 20.0 s an epoch instead of 40.0 s.",
        "",
    ]
    assert compiled == [False, True, True, True, True]


def test_compiled_code_is_removed_without_a_gain():
    sentences, compiled = follow(network(), [50, 40, 90, 39, 40])
    assert "39.0 s an epoch instead of 40.0 s was not worth it" in sentences[3]
    assert compiled == [False, True, True, False, False]


@pytest.mark.parametrize(
    ("seconds", "device"), [([9, 2, 2, 2], GPU), ([900] * 4, Device(torch.device("cpu"), "CPU"))]
)
def test_a_short_phase_and_a_cpu_are_never_compiled(seconds, device):
    sentences, compiled = follow(network(), seconds, device)
    assert not any(sentences) and not any(compiled)


def test_a_compiled_network_learns_the_same_and_its_tensors_keep_their_names():
    one = network()
    other = network()
    follow(other, [50, 40, 90, 20])
    images = torch.randn(5, 3, 8, 8)
    labels = torch.tensor([0, 1, 0, 1, 1])
    for part in (one, other):
        optimizer = torch.optim.SGD(part.parameters(), 0.1)
        for size in (5, 5, 3, 1):
            optimizer.zero_grad()
            nn.functional.cross_entropy(part(images[:size]), labels[:size]).backward()
            optimizer.step()
    assert one.state_dict().keys() == other.state_dict().keys()
    for name, tensor in one.state_dict().items():
        torch.testing.assert_close(tensor, other.state_dict()[name])


def test_code_that_cannot_be_compiled_runs_uncompiled():
    asked = []

    def broken(graph, inputs):
        asked.append(graph)
        raise RuntimeError("no compiler here")

    part = network().eval()
    images = torch.randn(2, 3, 8, 8)
    expected = part(images)
    follow(part, [50, 40, 90, 20], backend=broken)
    assert torch.equal(part(images), expected) and asked


def test_after_the_phase_the_part_is_no_longer_compiled():
    part = network()
    with Compiling(part, GPU, backend="eager", clock=lambda: 0.0) as compiling:
        compiling._compile()
        assert part._compiled_call_impl is not None
    assert part._compiled_call_impl is None
