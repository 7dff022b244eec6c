"""The training loop: one screen, and it does not know its model, its data or the store."""

import math
from collections.abc import Iterator

import torch
from torch import nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from tl_core.errors import Diverged
from tl_core.evaluation.predict import predict
from tl_core.events import BatchEnded, EpochEnded
from tl_core.features.examples import Batch, Examples
from tl_core.training.device import Device


def fit(
    model: nn.Module,
    train: Examples,
    val: Examples,
    *,
    epochs: int,
    steps_per_epoch: int,
    optimizer: Optimizer,
    schedule: LRScheduler,
    device: Device,
) -> Iterator[BatchEnded | EpochEnded]:
    """Train `model` in place, yielding after every step and every epoch.

    When `EpochEnded` arrives the model holds that epoch's weights: whoever wants to keep them saves them then.

    Raises:
        Diverged: the loss is not a finite number any more.
    """
    scaler = torch.amp.GradScaler(device.torch_device.type, enabled=device.needs_loss_scaling)
    step, best = 0, (-1.0, -math.inf)
    for epoch in range(1, epochs + 1):
        model.train()
        loss_sum, right, seen = 0.0, 0, 0
        for batch in train.epoch(epoch):
            loss, batch_right = _step(model, batch, optimizer, scaler, device)
            schedule.step()
            step, n = step + 1, len(batch.labels)
            loss_sum, right, seen = loss_sum + loss * n, right + batch_right, seen + n
            _refuse_divergence(loss, epoch)
            yield BatchEnded(epoch, step, epochs * steps_per_epoch, loss, n)
        outputs = predict(model, val)
        _refuse_divergence(outputs.loss, epoch)
        score = (outputs.accuracy, -outputs.loss)
        yield EpochEnded(
            epoch,
            step,
            train_loss=loss_sum / seen,
            train_accuracy=right / seen,
            train_n=seen,
            val_loss=outputs.loss,
            val_accuracy=outputs.accuracy,
            val_predictions=outputs.predictions(),
            is_best=score > best,
        )
        best = max(best, score)


def _step(
    model: nn.Module, batch: Batch, optimizer: Optimizer, scaler: torch.amp.GradScaler, device: Device
) -> tuple[float, int]:
    """One optimizer step; gives the batch's mean loss and how many it had right."""
    with device.autocast():
        logits = model(batch.inputs)
        loss = nn.functional.cross_entropy(logits, batch.labels)
    optimizer.zero_grad()
    scaler.scale(loss).backward()  # type: ignore[no-untyped-call]
    scaler.step(optimizer)
    scaler.update()
    return float(loss.detach()), int((logits.detach().argmax(1) == batch.labels).sum())


def _refuse_divergence(loss: float, epoch: int) -> None:
    if not math.isfinite(loss):
        raise Diverged(f"The loss stopped being a number in epoch {epoch}: choose a smaller learning rate.")
