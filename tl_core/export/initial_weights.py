"""A run's weights before its first step, made again, for a train.py that starts from start.pth."""

import inspect
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from tl_core.backbones import (
    Backbone,
    TransferModel,
    build_library_model,
    build_model,
    constructor_options,
    digest_of_weights,
    load_weights,
    weights_are_here,
)
from tl_core.errors import TransferLabError
from tl_core.export.network_names import weight_name
from tl_core.export.subject import Subject

_RESAMPLED = ("vit", "maxvit", "swin", "swin_v2")
"""Families of torchvision whose weights are changed for another image size."""
_DRAWN_OTHERWISE = ("googlenet", "inception")
"""Families of torchvision that draw other random numbers where they load published weights."""
_TOLERANCE = 1e-4


class Unrepeatable(Exception):
    """train.py cannot repeat the run; says why, as the end of a sentence without its full stop."""


def needs_initial_weights(subject: Subject) -> bool:
    """Whether train.py cannot have the run's first weights from torchvision and the seed."""
    model = subject.run.config.model
    backbone = subject.checkpoint.backbone
    if backbone.library != "torchvision":
        return True
    is_changed = bool(model.image_size) and backbone.family in _RESAMPLED
    is_published = model.weights == "imagenet" and not is_changed
    return model.pretrained and not (is_published and backbone.family not in _DRAWN_OTHERWISE)


def initial_weights(subject: Subject) -> dict[str, Tensor]:
    """Every weight and buffer before the first step, by its name in train.py's network.

    Raises:
        Unrepeatable: the weights are gone or have changed, or timm's network works otherwise.
    """
    backbone = subject.checkpoint.backbone
    library_model, model = first_model(subject)
    own = _by_name_in_script(backbone, model)
    if backbone.library == "torchvision":
        return own
    network = _timm_network(subject, model)
    library = {f"backbone.{name}": each for name, each in library_model.state_dict().items()}
    try:
        tensors = {name: (library | own)[name].clone() for name in network.state_dict()}
        network.load_state_dict(tensors)
    except (KeyError, RuntimeError) as error:
        raise Unrepeatable(
            f"timm gives {backbone.name} other weights where it has no classifier"
        ) from error
    if not _work_alike(subject, model, network):
        raise Unrepeatable(
            f"timm's {backbone.name} does not answer as the network that was trained here"
        )
    return tensors


def first_model(subject: Subject) -> tuple[nn.Module, TransferModel]:
    """Build the library's network and, sharing its weights, the model before its first step.

    Raises:
        Unrepeatable: its weights are not here, or not the same any more.
    """
    config = subject.run.config
    backbone = subject.checkpoint.backbone
    folders = subject.workspace.settings.weights_folders
    if config.model.pretrained and not weights_are_here(backbone, config.model, folders):
        raise Unrepeatable("the weights it began from are not on this machine any more")
    try:
        with _OwnChance(config.train.seed):
            library_model = build_library_model(backbone, config.model.image_size)
            if config.model.pretrained:
                load_weights(backbone, library_model, config.model, folders)
            n_classes = len(subject.checkpoint.classes)
            model = build_model(backbone, config.model, n_classes, library_model)
    except TransferLabError as error:
        raise Unrepeatable("the weights it began from do not fit any more") from error
    expected = subject.run.facts.first_weights
    if expected and expected != digest_of_weights(model):
        raise Unrepeatable(
            "the weights it began from have changed since, or its libraries draw others"
        )
    return library_model, model


def _timm_network(subject: Subject, model: TransferModel) -> nn.Module:
    """Build the network as train.py does, with the model's own head."""
    import timm

    config = subject.run.config
    backbone = subject.checkpoint.backbone
    options = constructor_options(backbone, config.model.image_size)
    with _OwnChance(config.train.seed):
        network = timm.create_model(backbone.name, num_classes=0, **options)
    return nn.Sequential(OrderedDict(backbone=network, head=model.head))


def _work_alike(subject: Subject, model: TransferModel, network: nn.Module) -> bool:
    """Whether both give the same logits, in eval and in training mode, and move BatchNorm alike.

    Dropout is off: it would draw from the random numbers of whatever trains beside this.
    """
    size = subject.checkpoint.preprocessing.size
    images = torch.randn(2, 3, size, size, generator=torch.Generator().manual_seed(0))
    for training in (False, True):
        for module in (*model.modules(), *network.modules()):
            module.training = training and "drop" not in type(module).__name__.lower()
        with torch.no_grad():
            if not _close(model(images), network(images)):
                return False
    after = network.state_dict()
    moved = _by_name_in_script(subject.checkpoint.backbone, model)
    return all(_close(each, after[name]) for name, each in moved.items() if name in after)


def _by_name_in_script(backbone: Backbone, model: TransferModel) -> dict[str, Tensor]:
    return {weight_name(backbone, name): each for name, each in model.state_dict().items()}


def _close(one: Tensor, other: Tensor) -> bool:
    return torch.allclose(one.double(), other.double(), _TOLERANCE, _TOLERANCE)


class _OwnChance(TorchFunctionMode):
    """Draws as after `torch.manual_seed`, but leaves torch's own generator alone.

    Whatever trains in another thread meanwhile draws from that.
    """

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
