"""The training loop: one screen, and it does not know its model, its data or the store."""

import math
from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn

from tl_core.errors import Diverged
from tl_core.evaluation.predict import Outputs, predict
from tl_core.events import BatchEnded, EpochEnded, FactsFound, StageAdvanced
from tl_core.facts import RunFacts
from tl_core.features.examples import Batch, Examples
from tl_core.training.device import threads_as_needed
from tl_core.training.figures import EpochFigures
from tl_core.training.learner import Learner

Score = tuple[float, float]
"""Validation accuracy, then the negative of its loss: more is better."""
NO_SCORE = (-1.0, -math.inf)


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
    """Train `model` in place, yielding after every step and every epoch; ends early where the learner says so.

    Steps are told of in bunches, so many times a second, and a GPU is left to work on by itself. All chance in an epoch
    comes from `seed` and the epoch's number. When `EpochEnded` arrives, `model` and `learner`
    are as that epoch left them: whoever wants to keep them saves them then.

    Args:
        epochs: those to do, counted from 1 over the whole run.
        total_epochs: of the whole run.
        judged: what validation looks at in place of `model`, such as an average of its weights.
        best: score of the best epoch before these.
        keep: is given what validation said, before its epoch is told of.

    Raises:
        Diverged: the loss is not a finite number any more.
        OutOfMemory: not even one image fits.
    """
    steps_per_epoch = math.ceil(len(train) / learner.images_per_step)
    with threads_as_needed() as choose_threads:
        for epoch in epochs:
            if learner.is_over:
                return
            mixing = _seed_epoch(seed, epoch)
            model.train()
            step, seen, in_step = (epoch - 1) * steps_per_epoch, 0, 0
            figures = EpochFigures(learner.device.torch_device)
            for batch in train.epoch(epoch):
                whole, notes = min(learner.images_per_step, len(train) - seen), len(learner.notes)
                choose_threads(model, batch.inputs)
                figures.add(*_learn(model, batch, learner, whole, mixing), batch.labels)
                in_step += len(batch.labels)
                if len(learner.notes) > notes:
                    yield FactsFound(
                        RunFacts(micro_batch=learner.pieces.size, notes=tuple(learner.notes))
                    )
                if in_step == whole:
                    learner.step(step)
                    step, seen, in_step = step + 1, seen + whole, 0
                    figures.end_step(step)
                if figures.are_due or seen == len(train):
                    for ended in figures.read():
                        _refuse_divergence(ended.loss, epoch)
                        yield BatchEnded(
                            epoch, ended.step, total_epochs * steps_per_epoch, ended.loss, ended.n
                        )
                    if in_step:
                        yield StageAdvanced(
                            "training",
                            (epoch - 1) * len(train) + seen + in_step,
                            total_epochs * len(train),
                        )
            outputs = predict(judged or model, val, learner.device.autocast)
            _refuse_divergence(outputs.loss, epoch)
            score = (outputs.accuracy, -outputs.loss)
            learner.after_epoch(outputs.loss)
            keep(outputs)
            yield EpochEnded(
                epoch,
                step,
                train_loss=figures.loss_sum / figures.n,
                train_accuracy=None if learner.mix else figures.right / figures.n,
                train_n=figures.n,
                val_loss=outputs.loss,
                val_accuracy=outputs.accuracy,
                val_predictions=outputs.predictions(),
                is_best=score > best,
                learning_rate=learner.learning_rate,
            )
            best = max(best, score)
            del outputs  # what entered the head takes memory


def _learn(
    model: nn.Module, batch: Batch, learner: Learner, whole: int, mixing: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Add the batch's gradients to those of its step; gives its mean loss, a scalar, and its logits."""
    inputs, targets = batch.inputs, batch.labels
    if learner.mix:
        inputs, targets = learner.mix(inputs, targets, generator=mixing)
    return learner.add_gradients(model, inputs, targets, whole)


def _seed_epoch(seed: int, epoch: int) -> torch.Generator:
    """Seed what draws dropout, and give a generator of its own to what mixes images."""
    torch.manual_seed(seed * 1_000_003 + epoch)
    return torch.Generator().manual_seed(seed * 1_000_003 + epoch)


def _refuse_divergence(loss: float, epoch: int) -> None:
    if not math.isfinite(loss):
        raise Diverged(
            f"The loss stopped being a number in epoch {epoch}: choose a smaller learning rate."
        )
