"""Where a run began: its first weights made again, and its network where torchvision has none, for train.py."""

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from tl_core.backbones import (
    TransferModel,
    build_library_model,
    build_model,
    digest_of_weights,
    load_weights,
    weights_are_here,
)
from tl_core.errors import TransferLabError
from tl_core.export.plain import Unwritable, WrittenNetwork, library_name
from tl_core.export.subject import Subject

_RESAMPLED = ("vit", "maxvit", "swin", "swin_v2")
"""Torchvision's families whose weights are changed for another image size."""


class Unrepeatable(Exception):
    """The start cannot be had again; says why, as a sentence without its full stop."""


@dataclass(frozen=True, slots=True)
class Start:
    """What goes with a train.py that cannot have all from torchvision."""

    head: str
    """The head's name in the network."""
    tensors: dict[str, Tensor]
    """Every weight before the first step, by its name in the network."""
    backbone: str
    """Source code of the network without its head; empty where it is torchvision's."""

    def write(self, folder: Path) -> None:
        torch.save(self.tensors, folder / "start.pth")
        if self.backbone:
            (folder / "backbone.py").write_text(self.backbone, encoding="utf-8")


def needs_start(subject: Subject) -> bool:
    """Whether the network or its first weights are not torchvision's own."""
    model, backbone = subject.run.config.model, subject.checkpoint.backbone
    is_resampled = bool(model.image_size) and backbone.family in _RESAMPLED
    is_own = model.pretrained and (model.weights != "imagenet" or is_resampled)
    return backbone.library != "torchvision" or is_own


def find_start(subject: Subject, head: str) -> Start:
    """Make the run's first weights again, and write its network out where it is not torchvision's.

    Args:
        head: the name of the library's classifier, in whose place the head goes.

    Raises:
        Unrepeatable: its weights are gone or others by now, or its network cannot be written out.
    """
    model = first_model(subject)
    if subject.checkpoint.backbone.library == "torchvision":
        return Start(
            head, {library_name(name, head): each for name, each in model.state_dict().items()}, ""
        )
    try:
        written = WrittenNetwork(model, head, subject.checkpoint.preprocessing.size)
    except Unwritable as error:
        name = subject.checkpoint.backbone.name
        raise Unrepeatable(
            f"{name} is not among torchvision's networks and cannot be written out: {error}"
        ) from error
    return Start(written.head, written.state(), written.source)


def first_model(subject: Subject) -> TransferModel:
    """The model before its first step, in main memory.

    Raises:
        Unrepeatable: its weights are not here, or not the same any more.
    """
    config, backbone = subject.run.config, subject.checkpoint.backbone
    folders = subject.workspace.settings.weights_folders
    if config.model.pretrained and not weights_are_here(backbone, config.model, folders):
        raise Unrepeatable("the weights it began from are not on this machine any more")
    try:
        with _OwnChance(config.train.seed):
            library_model = build_library_model(backbone, config.model.image_size)
            if config.model.pretrained:
                load_weights(backbone, library_model, config.model, folders)
            model = build_model(
                backbone, config.model, len(subject.checkpoint.classes), library_model
            )
    except TransferLabError as error:
        raise Unrepeatable("the weights it began from do not fit any more") from error
    expected = subject.run.facts.first_weights
    if expected and expected != digest_of_weights(model):
        raise Unrepeatable(
            "the weights it began from have changed since, or its libraries draw others"
        )
    return model


class _OwnChance(TorchFunctionMode):
    """Draws as after `torch.manual_seed`, and leaves that chance to what trains beside this."""

    _DRAWING = (
        *(Tensor.normal_, Tensor.uniform_, Tensor.bernoulli_, Tensor.random_, Tensor.exponential_),
        *(torch.rand, torch.randn, torch.randint, torch.randperm, torch.normal, torch.bernoulli),
    )

    def __init__(self, seed: int) -> None:
        super().__init__()
        self._chance = torch.Generator().manual_seed(seed)

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        is_filling = getattr(func, "__module__", None) == nn.init.__name__
        if func in self._DRAWING or (
            is_filling and "generator" in inspect.signature(func).parameters
        ):
            kwargs["generator"] = self._chance
        return func(*args, **kwargs)
