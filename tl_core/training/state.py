"""Training state on disk after an epoch, from which a run resumes as if never interrupted."""

import io
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from tl_core.backbones import TransferModel
from tl_core.config import RunConfig
from tl_core.errors import RunNotReady
from tl_core.events import EpochEnded
from tl_core.files import write_whole
from tl_core.records import Prediction

_FORMAT = 1


@dataclass(frozen=True)
class TrainingState:
    config: RunConfig
    best: tuple[float, float]
    """Score of the best epoch so far (`tally.Score`)."""
    model: dict[str, Tensor]
    """Parameters and buffers that training may have changed (`changing_tensors`)."""
    learner: dict[str, Any]
    """`Learner.state_dict()`."""
    last: EpochEnded
    """Last epoch done."""

    @property
    def epoch(self) -> int:
        """Number of epochs done."""
        return self.last.epoch

    def ends_training(self, config: RunConfig) -> bool:
        """Return True if all epochs of `config` are done or early stopping has ended training.

        A run continued with another number of epochs trains on after early stopping.
        """
        same_epochs = config.train.epochs == self.config.train.epochs
        stopped_early = bool(self.learner["is_over"]) and same_epochs
        return stopped_early or self.epoch >= config.train.epochs


def changing_tensors(
    model: TransferModel, always_frozen: int, batch_norm: str
) -> dict[str, Tensor]:
    """Return the state dict of `model` without the stages that are frozen throughout the run.

    With adapting BatchNorm, statistics change in frozen stages too, so that none is left out.
    """
    first = 0 if batch_norm == "adapt" else always_frozen
    tensors: dict[str, Tensor] = {}
    for i, stage in enumerate(model.stages[first:], first):
        stage.state_dict(destination=tensors, prefix=f"stages.{i}.")
    return model.head.state_dict(destination=tensors, prefix="head.")


def save_state(path: Path, state: TrainingState) -> None:
    """Write `state` to `path` atomically: a reader, or a crash, leaves the old file or the new."""
    last = {field.name: getattr(state.last, field.name) for field in fields(state.last)}
    # Plain tuples, because loading with weights_only=True refuses other classes.
    last["val_predictions"] = [
        (p.position, p.true, p.probabilities) for p in state.last.val_predictions
    ]
    content = {
        "format": _FORMAT,
        "config": state.config.model_dump_json(),
        "best": state.best,
        "model": state.model,
        "learner": state.learner,
        "last": last,
    }
    # torch.save into the file itself would report a full disk without its errno.
    buffer = io.BytesIO()
    torch.save(content, buffer)
    write_whole(path, buffer.getbuffer())


def load_state(path: Path, config: RunConfig) -> TrainingState | None:
    """Read the training state of the run of `config` into main memory; None before its first epoch.

    Raises:
        RunNotReady: the file is damaged, or its settings differ in more than the number of epochs.
    """
    if not path.is_file():
        return None
    try:
        # weights_only refuses pickled code, which a manipulated file could contain.
        # Loaded on the CPU, as the run may resume on a machine without that GPU.
        content = torch.load(path, map_location="cpu", weights_only=True)
        if content["format"] != _FORMAT:
            raise ValueError("another version wrote it")
        last = content["last"]
        last["val_predictions"] = tuple(Prediction(*row) for row in last["val_predictions"])
        state = TrainingState(
            RunConfig.model_validate_json(content["config"]),
            content["best"],
            content["model"],
            content["learner"],
            EpochEnded(**last),
        )
    # A damaged file fails in many ways.
    except Exception as error:
        raise RunNotReady(
            f"This run's training state cannot be read ({type(error).__name__}), so that it cannot "
            "be resumed: train it again."
        ) from error
    if _without_epochs(state.config) != _without_epochs(config):
        raise RunNotReady(
            "This run's training state belongs to other settings, and only the number of epochs "
            "may change: train it again."
        )
    return state


def _without_epochs(config: RunConfig) -> RunConfig:
    return config.model_copy(update={"train": config.train.model_copy(update={"epochs": 0})})
