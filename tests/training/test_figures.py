"""Figures add up to the same however rarely they are read."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tl_core.training import figures
from tl_core.training.figures import EpochFigures

steps = st.lists(
    st.lists(st.tuples(st.floats(0, 9), st.integers(1, 8)), min_size=1, max_size=3), min_size=1
)


@given(steps=steps, looks=st.lists(st.booleans(), min_size=20))
def test_every_step_is_reported_once_and_in_order(
    steps: list[list[tuple[float, int]]], looks: list[bool]
):
    epoch = EpochFigures(torch.device("cpu"))
    told = []
    for number, batches in enumerate(steps, start=1):
        for loss, n in batches:
            labels = torch.arange(n) % 2
            logits = torch.eye(2)[labels]
            # One answer is wrong.
            logits[0] = logits[0].flip(0)
            epoch.add(torch.tensor(loss), logits, labels)
            # The current step is not finished and must not be reported.
            if looks[number % 20]:
                told += epoch.read()
        epoch.end_step(number)
    told += epoch.read()
    assert [step.step for step in told] == list(range(1, len(steps) + 1))
    for step, batches in zip(told, steps, strict=True):
        assert step.n == sum(n for _, n in batches)
        assert step.loss == pytest.approx(sum(loss * n for loss, n in batches) / step.n, rel=1e-5)
    everything = [batch for batches in steps for batch in batches]
    assert epoch.n == sum(n for _, n in everything) and epoch.right == epoch.n - len(everything)
    assert epoch.loss_sum == pytest.approx(sum(loss * n for loss, n in everything), rel=1e-5)


def test_reads_are_due_at_intervals_which_are_longer_on_a_gpu(monkeypatch: pytest.MonkeyPatch):
    now = 100.0
    monkeypatch.setattr(figures.time, "monotonic", lambda: now)
    gpu = EpochFigures(torch.device("cuda"))
    cpu = EpochFigures(torch.device("cpu"))
    assert not cpu.are_due and not gpu.are_due
    now += 0.06
    assert cpu.are_due and not gpu.are_due
    now += 0.2
    assert gpu.are_due
    list(gpu.read())
    assert not gpu.are_due
