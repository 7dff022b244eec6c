"""Where a run stands after an epoch, on disk: all it takes to go on as if it had never stopped."""

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
    """What of the model may have changed since it was built."""
    learner: dict[str, Any]
    """`Learner.state_dict()`."""
    last: EpochEnded
    """The epoch after which this is."""

    @property
    def epoch(self) -> int:
        """Epochs done."""
        return self.last.epoch

    def ends_training(self, config: RunConfig) -> bool:
        """True when nothing is left to train: all epochs are done, or the run, as it was, stopped early."""
        stopped_early = (
            bool(self.learner["is_over"]) and config.train.epochs == self.config.train.epochs
        )
        return stopped_early or self.epoch >= config.train.epochs


def changing_tensors(
    model: TransferModel, always_frozen: int, batch_norm: str
) -> dict[str, Tensor]:
    """The model's state dict without the stages from the input that no epoch of the run touches."""
    kept = 0 if batch_norm == "adapt" else always_frozen
    tensors: dict[str, Tensor] = {}
    for i, stage in enumerate(model.stages[kept:], kept):
        stage.state_dict(destination=tensors, prefix=f"stages.{i}.")
    return model.head.state_dict(destination=tensors, prefix="head.")


def save_state(path: Path, state: TrainingState) -> None:
    """Write it down; a reader, or a crash, finds either the old file or the new one."""
    last = {field.name: getattr(state.last, field.name) for field in fields(state.last)}
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
    buffer = io.BytesIO()
    torch.save(content, buffer)  # and not into the file, where a full disk has no errno
    write_whole(path, buffer.getbuffer())


def load_state(path: Path, config: RunConfig) -> TrainingState | None:
    """Where the run of `config` stands, in main memory; None when it has not finished an epoch.

    Raises:
        RunNotReady: the file is damaged, or of a run whose settings differ in more than the number of epochs.
    """
    if not path.is_file():
        return None
    try:
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
    except Exception as error:  # a damaged file fails in many ways
        raise RunNotReady(
            f"The state this run would carry on from cannot be read ({type(error).__name__}): train it again."
        ) from error
    if _but_epochs(state.config) != _but_epochs(config):
        raise RunNotReady(
            "The state this run would carry on from belongs to other settings, and only the number of epochs may "
            "change: train it again."
        )
    return state


def _but_epochs(config: RunConfig) -> RunConfig:
    return config.model_copy(update={"train": config.train.model_copy(update={"epochs": 0})})
