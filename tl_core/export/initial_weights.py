"""Initial weights of a run, recreated for a train.py that starts from start.pth."""

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
"""Families of torchvision whose weights are interpolated for another image size."""
_DRAWN_OTHERWISE = ("googlenet", "inception")
"""Families of torchvision that draw other random numbers when they load published weights."""
# Above the float32 rounding of a deep network, and far below a difference in architecture.
_TOLERANCE = 1e-4


class Unrepeatable(Exception):
    """train.py cannot repeat the run; the message ends a sentence and has no full stop."""


def needs_initial_weights(subject: Subject) -> bool:
    """Return True unless torchvision and the seed give train.py the run's initial weights."""
    model = subject.run.config.model
    backbone = subject.checkpoint.backbone
    if backbone.library != "torchvision":
        return True
    is_changed = bool(model.image_size) and backbone.family in _RESAMPLED
    is_published = model.weights == "imagenet" and not is_changed
    return model.pretrained and not (is_published and backbone.family not in _DRAWN_OTHERWISE)


def initial_weights(subject: Subject) -> dict[str, Tensor]:
    """Return all weights and buffers before the first step, by their names in train.py.

    Raises:
        Unrepeatable: the weights are gone or have changed, or timm's network computes otherwise.
    """
    backbone = subject.checkpoint.backbone
    library_model, model = first_model(subject)
    own = _by_name_in_script(backbone, model)
    # torchvision's network stays whole in train.py, so the model holds all its weights.
    if backbone.library == "torchvision":
        return own
    network = _timm_network(subject, model)
    library = {f"backbone.{name}": each for name, each in library_model.state_dict().items()}
    try:
        # Cloned, because the comparison below moves the BatchNorm statistics of the model.
        tensors = {name: (library | own)[name].clone() for name in network.state_dict()}
        network.load_state_dict(tensors)
    # A name or shape is missing: without its classifier timm builds another network.
    except (KeyError, RuntimeError) as error:
        raise Unrepeatable(
            f"timm's {backbone.name} has other weights when it is built without a classifier"
        ) from error
    if not _compute_alike(subject, model, network):
        raise Unrepeatable(
            f"timm's {backbone.name} gives other outputs than the network that was trained here"
        )
    return tensors


def first_model(subject: Subject) -> tuple[nn.Module, TransferModel]:
    """Build the library's network and, sharing its weights, the model before its first step.

    Raises:
        Unrepeatable: the initial weights are missing or have changed.
    """
    config = subject.run.config
    backbone = subject.checkpoint.backbone
    folders = subject.workspace.weights_folders_of(subject.run.owner)
    if config.model.pretrained and not weights_are_here(backbone, config.model, folders):
        raise Unrepeatable("its initial weights are no longer on this machine")
    try:
        with _OwnGenerator(config.train.seed):
            library_model = build_library_model(backbone, config.model.image_size)
            if config.model.pretrained:
                load_weights(backbone, library_model, config.model, folders)
            n_classes = len(subject.checkpoint.classes)
            model = build_model(backbone, config.model, n_classes, library_model)
    except TransferLabError as error:
        raise Unrepeatable("its initial weights no longer fit the network") from error
    # Old runs have no digest.
    expected = subject.run.facts.first_weights
    if expected and expected != digest_of_weights(model):
        raise Unrepeatable("its initial weights have changed, or the libraries now draw others")
    return library_model, model


def _timm_network(subject: Subject, model: TransferModel) -> nn.Module:
    """Build the network as train.py does, with the model's own head."""
    import timm

    config = subject.run.config
    backbone = subject.checkpoint.backbone
    options = constructor_options(backbone, config.model.image_size)
    with _OwnGenerator(config.train.seed):
        network = timm.create_model(backbone.name, num_classes=0, **options)
    return nn.Sequential(OrderedDict(backbone=network, head=model.head))


def _compute_alike(subject: Subject, model: TransferModel, network: nn.Module) -> bool:
    """Compare logits in eval and in training mode, and the BatchNorm statistics afterwards."""
    size = subject.checkpoint.preprocessing.size
    images = torch.randn(2, 3, size, size, generator=torch.Generator().manual_seed(0))
    # Training mode comes last, since it moves the BatchNorm statistics.
    for training in (False, True):
        for module in (*model.modules(), *network.modules()):
            # Dropout stays off: it would draw from the generator of a run that trains meanwhile.
            module.training = training and "drop" not in type(module).__name__.lower()
        with torch.no_grad():
            if not _close(model(images), network(images)):
                return False
    state = network.state_dict()
    expected = _by_name_in_script(subject.checkpoint.backbone, model)
    return all(_close(each, state[name]) for name, each in expected.items() if name in state)


def _by_name_in_script(backbone: Backbone, model: TransferModel) -> dict[str, Tensor]:
    return {weight_name(backbone, name): each for name, each in model.state_dict().items()}


def _close(one: Tensor, other: Tensor) -> bool:
    return torch.allclose(one.double(), other.double(), _TOLERANCE, _TOLERANCE)


class _OwnGenerator(TorchFunctionMode):
    """Mode that draws as after `torch.manual_seed`, but without touching torch's own generator.

    A run that trains in another thread draws from torch's generator meanwhile.
    """

    _DRAWING = (
        *(Tensor.normal_, Tensor.uniform_, Tensor.bernoulli_, Tensor.random_, Tensor.exponential_),
        *(torch.rand, torch.randn, torch.randint, torch.randperm, torch.normal, torch.bernoulli),
    )

    def __init__(self, seed: int) -> None:
        super().__init__()
        self._generator = torch.Generator().manual_seed(seed)

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        if func in self._DRAWING or _initialises_with_generator(func):
            kwargs["generator"] = self._generator
        return func(*args, **kwargs)


def _initialises_with_generator(func: Callable[..., Any]) -> bool:
    is_initialiser = getattr(func, "__module__", None) == nn.init.__name__
    return is_initialiser and "generator" in inspect.signature(func).parameters
