"""The training loop: one screen, and it does not know its model, its data or the store."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import nn

from tl_core.errors import Diverged
from tl_core.evaluation.predict import predict
from tl_core.events import BatchEnded, EpochEnded, FactsFound, StageAdvanced
from tl_core.features.examples import Batch, Examples
from tl_core.training.learner import Learner

Score = tuple[float, float]
"""Validation accuracy, then the negative of its loss: more is better."""
NO_SCORE = (-1.0, -math.inf)


@dataclass
class _Tally:
    loss_sum: float = 0.0
    right: int = 0
    n: int = 0

    def add(self, loss: float, right: int, n: int) -> None:
        self.loss_sum, self.right, self.n = self.loss_sum + loss * n, self.right + right, self.n + n


def fit(
    model: nn.Module,
    train: Examples,
    val: Examples,
    learner: Learner,
    *,
    epochs: range,
    total_epochs: int,
    judged: nn.Module | None = None,
    seed: int = 0,
    best: Score = NO_SCORE,
) -> Iterator[FactsFound | StageAdvanced | BatchEnded | EpochEnded]:
    """Train `model` in place, yielding after every step and every epoch; ends early where the learner says so.

    All chance in an epoch comes from `seed` and the epoch's number. When `EpochEnded` arrives, `model` and `learner`
    are as that epoch left them: whoever wants to keep them saves them then.

    Args:
        epochs: those to do, counted from 1 over the whole run.
        total_epochs: of the whole run.
        judged: what validation looks at in place of `model`, such as an average of its weights.
        best: score of the best epoch before these.

    Raises:
        Diverged: the loss is not a finite number any more.
        OutOfMemory: not even one image fits.
    """
    steps_per_epoch = math.ceil(len(train) / learner.images_per_step)
    for epoch in epochs:
        if learner.is_over:
            return
        mixing = _seed_epoch(seed, epoch)
        model.train()
        step, whole, this_step = (epoch - 1) * steps_per_epoch, _Tally(), _Tally()
        for batch in train.epoch(epoch):
            n, notes = min(learner.images_per_step, len(train) - whole.n), len(learner.notes)
            this_step.add(*_learn(model, batch, learner, n, mixing), len(batch.labels))
            if len(learner.notes) > notes:
                yield FactsFound({"micro_batch": learner.pieces.size, "notes": list(learner.notes)})
            if this_step.n < n:
                done = (epoch - 1) * len(train) + whole.n + this_step.n
                yield StageAdvanced("training", done, total_epochs * len(train))
                continue
            loss = this_step.loss_sum / n
            _refuse_divergence(loss, epoch)
            learner.step(step)
            step += 1
            whole.add(loss, this_step.right, n)
            yield BatchEnded(epoch, step, total_epochs * steps_per_epoch, loss, n)
            this_step = _Tally()
        outputs = predict(judged or model, val)
        _refuse_divergence(outputs.loss, epoch)
        score = (outputs.accuracy, -outputs.loss)
        learner.after_epoch(outputs.loss)
        yield EpochEnded(
            epoch,
            step,
            train_loss=whole.loss_sum / whole.n,
            train_accuracy=None if learner.mix else whole.right / whole.n,
            train_n=whole.n,
            val_loss=outputs.loss,
            val_accuracy=outputs.accuracy,
            val_predictions=outputs.predictions(),
            is_best=score > best,
            learning_rate=learner.learning_rate,
        )
        best = max(best, score)


def _learn(model: nn.Module, batch: Batch, learner: Learner, whole: int, mixing: torch.Generator) -> tuple[float, int]:
    """Add the batch's gradients to those of its step; gives its mean loss and how many it had right."""
    inputs, targets = batch.inputs, batch.labels
    if learner.mix:
        inputs, targets = learner.mix(inputs, targets, generator=mixing)
    loss, logits = learner.add_gradients(model, inputs, targets, whole)
    return loss, int((logits.argmax(1) == batch.labels).sum())


def _seed_epoch(seed: int, epoch: int) -> torch.Generator:
    """Seed what draws dropout, and give a generator of its own to what mixes images."""
    torch.manual_seed(seed * 1_000_003 + epoch)
    return torch.Generator().manual_seed(seed * 1_000_003 + epoch)


def _refuse_divergence(loss: float, epoch: int) -> None:
    if not math.isfinite(loss):
        raise Diverged(f"The loss stopped being a number in epoch {epoch}: choose a smaller learning rate.")
