"""The training loop: one screen, and it does not know its model, its data or the store."""

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
    """Train `model` in place, yielding after steps, in bunches, and after every epoch.

    All randomness comes from `seed` and the epoch's number. At `EpochEnded`, `model` and `learner`
    are as that epoch left them, to be saved. Ends early where the learner says so.

    Args:
        epochs: those to train, counted from 1 over the `total_epochs` of the run.
        judged: evaluated on `val` in place of `model`, such as an average of its weights.
        best: score of the best epoch before these.
        keep: receives the validation outputs before their `EpochEnded` is yielded.

    Raises:
        Diverged: the loss is not finite any more.
        OutOfMemory: not even one image fits.
    """
    with threads_as_needed() as choose_threads:
        for epoch in epochs:
            if learner.is_over:
                return
            mixing = _begin_epoch(model, seed, epoch)
            tally = EpochTally(learner, epoch, total_epochs, len(train))
            for batch in train.epoch(epoch):
                choose_threads(model, batch.inputs)
                tally.add(*_learn(model, batch, learner, tally.step_images, mixing), batch.labels)
                if tally.is_step_full:
                    learner.step(tally.step)
                    tally.end_step()
                if tally.has_news:
                    yield from tally.news()
            ended = tally.epoch_ended(_validate(judged or model, val, learner, keep), best)
            best = max(best, (ended.val_accuracy, -ended.val_loss))
            yield ended


def _begin_epoch(model: nn.Module, seed: int, epoch: int) -> torch.Generator:
    """Put `model` into training mode and seed dropout; returns the generator for mixing images."""
    model.train()
    torch.manual_seed(seed * 1_000_003 + epoch)
    return torch.Generator().manual_seed(seed * 1_000_003 + epoch)


def _learn(
    model: nn.Module, batch: Batch, learner: Learner, whole: int, mixing: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Add the batch's gradients to those of its step; gives its mean loss, a scalar, and its logits."""
    inputs, targets = batch.inputs, batch.labels
    if learner.mix:
        inputs, targets = learner.mix(inputs, targets, generator=mixing)
    return learner.add_gradients(model, inputs, targets, whole)


def _validate(
    model: nn.Module, val: Examples, learner: Learner, keep: Callable[[Outputs], None]
) -> Outputs:
    """Predict the validation images, for `keep` and for what `learner` decides after an epoch."""
    outputs = predict(model, val, learner.device.autocast)
    learner.after_epoch(outputs.loss)
    keep(outputs)
    return outputs
