"""Training loop, independent of the model, the data and the store."""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn

from tl_core.evaluation.predict import Outputs, predict
from tl_core.events import BatchEnded, EpochEnded, FactsFound, StageAdvanced
from tl_core.features.examples import Batch, Examples
from tl_core.training.device import threads_as_needed
from tl_core.training.learner import Learner
from tl_core.training.tally import NO_SCORE, EpochTally, Score


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
    keep: Callable[[Outputs], None] = lambda outputs: None,
) -> Iterator[FactsFound | StageAdvanced | BatchEnded | EpochEnded]:
    """Train `model` in place, yielding events of steps (several at a time) and of every epoch.

    All randomness derives from `seed` and the epoch's number. At `EpochEnded`, `model` and
    `learner` can be saved. Training ends early when `learner.is_over`.

    Args:
        epochs: epochs to train, counted from 1 over the `total_epochs` of the run.
        judged: model to validate instead of `model`, such as a moving average of its weights.
        best: score of the best epoch before these.
        keep: called with the validation outputs before their `EpochEnded` is yielded.

    Raises:
        Diverged, OutOfMemory: the loss is not finite, or a single image does not fit.
    """
    with threads_as_needed() as choose_threads:
        for epoch in epochs:
            if learner.is_over:
                return
            mixing = _begin_epoch(model, seed, epoch)
            tally = EpochTally(learner, epoch, total_epochs, len(train))
            for batch in train.epoch(epoch):
                choose_threads(model, batch.inputs)
                loss, logits = _learn(model, batch, learner, tally.step_images, mixing)
                tally.add(loss, logits, batch.labels)
                if tally.is_step_full:
                    learner.step(tally.step)
                    tally.end_step()
                if tally.has_news:
                    yield from tally.news()
            ended = tally.epoch_ended(_validate(judged or model, val, learner, keep), best)
            best = max(best, (ended.val_accuracy, -ended.val_loss))
            yield ended


def _begin_epoch(model: nn.Module, seed: int, epoch: int) -> torch.Generator:
    """Put `model` into training mode, seed dropout, and return the generator for mixup and CutMix.

    Seeding every epoch lets a resumed run repeat the numbers of an uninterrupted one.
    """
    model.train()
    # Multiplied, so that seed 1 in epoch 2 and seed 2 in epoch 1 do not draw the same.
    torch.manual_seed(seed * 1_000_003 + epoch)
    # A generator of its own, so that mixing does not change what dropout draws.
    return torch.Generator().manual_seed(seed * 1_000_003 + epoch)


def _learn(
    model: nn.Module, batch: Batch, learner: Learner, step_size: int, mixing: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Accumulate the mini-batch's gradients; return its mean loss (scalar) and its logits."""
    inputs = batch.inputs
    targets = batch.labels
    if learner.mix:
        inputs, targets = learner.mix(inputs, targets, generator=mixing)
    return learner.add_gradients(model, inputs, targets, step_size)


def _validate(
    model: nn.Module, val: Examples, learner: Learner, keep: Callable[[Outputs], None]
) -> Outputs:
    """Predict the validation set, then update the schedule and early stopping."""
    outputs = predict(model, val, learner.device.autocast)
    learner.after_epoch(outputs.loss)
    keep(outputs)
    return outputs
