"""Training state on disk after an epoch, from which a run resumes as if never interrupted."""

import io
from contextlib import suppress
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from tl_core.backbones import TransferModel
from tl_core.checksums import verify_zip
from tl_core.config import RunConfig
from tl_core.errors import RunNotReady
from tl_core.events import BatchEnded, EpochEnded
from tl_core.files import delete, keep_as, write_whole
from tl_core.records import Prediction
from tl_core.text import without_folders

_FORMAT = 1


class StateDamaged(RunNotReady):
    """A training state on disk is not what was written."""


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
    steps: tuple[BatchEnded, ...] = ()
    """Steps of that epoch; none in states of earlier releases."""

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
    """Write `state` to `path` atomically: a reader, or a crash, leaves the old file or the new.

    The state that was there is kept beside it, for `load_newest_state`.
    """
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
        "steps": _pack(state.steps),
    }
    # torch.save into the file itself would report a full disk without its errno.
    buffer = io.BytesIO()
    torch.save(content, buffer)
    keep_as(path, _before(path))
    write_whole(path, buffer.getbuffer())


def load_newest_state(path: Path, config: RunConfig) -> tuple[TrainingState | None, str]:
    """Read the training state of the run of `config`, or the one before it if that is damaged.

    Returns:
        The state, None before the first epoch; and a sentence for the run's notes if the newest
        state was damaged, else an empty one.

    Raises:
        RunNotReady: both are damaged, or the settings differ in more than the number of epochs.
    """
    try:
        newest = load_state(path, config)
    except StateDamaged as damage:
        before = None
        with suppress(StateDamaged):
            before = load_state(_before(path), config)
        if before is None:
            raise damage from None
        return before, (
            f"The newest training state was damaged, so that training went on after epoch "
            f"{before.epoch}, from the state before it."
        )
    # A crash between two renames, on a file system without hard links, leaves only this one.
    return newest or load_state(_before(path), config), ""


def forget_state_before(path: Path) -> None:
    """Delete the state before the one in `path`, once training has ended well."""
    delete(_before(path))


def _before(path: Path) -> Path:
    return path.with_suffix(f".before{path.suffix}")


def _pack(steps: tuple[BatchEnded, ...]) -> dict[str, Any]:
    # Tensors, as an epoch may have a million steps.
    return {
        "step": torch.tensor([step.step for step in steps], dtype=torch.int64),
        "loss": torch.tensor([step.loss for step in steps], dtype=torch.float64),
        "n": torch.tensor([step.n for step in steps], dtype=torch.int64),
        "total": steps[-1].total_steps if steps else 0,
    }


def _unpack(packed: dict[str, Any], epoch: int) -> tuple[BatchEnded, ...]:
    rows = zip(*(packed[name].tolist() for name in ("step", "loss", "n")), strict=True)
    return tuple(BatchEnded(epoch, step, packed["total"], loss, n) for step, loss, n in rows)


def load_state(path: Path, config: RunConfig) -> TrainingState | None:
    """Read the training state of the run of `config` into main memory; None before its first epoch.

    Raises:
        StateDamaged: the file is damaged.
        RunNotReady: its settings differ in more than the number of epochs.
    """
    if not path.is_file():
        return None
    try:
        verify_zip(path)
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
            _unpack(content["steps"], last["epoch"]) if "steps" in content else (),
        )
    # A damaged file fails in many ways.
    except Exception as error:
        raise StateDamaged(
            f"The training state {path.name} of run {path.parent.name} cannot be read "
            f"({type(error).__name__}: {without_folders(str(error))}), so that the run cannot be "
            "resumed: train it again."
        ) from error
    if _without_epochs(state.config) != _without_epochs(config):
        raise RunNotReady(
            "This run's training state belongs to other settings, and only the number of epochs "
            "may change: train it again."
        )
    return state


def _without_epochs(config: RunConfig) -> RunConfig:
    return config.model_copy(update={"train": config.train.model_copy(update={"epochs": 0})})
