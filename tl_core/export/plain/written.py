"""A run's network as a file of plain PyTorch, which answers as it does, or else it is not written."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from tl_core.backbones import TransferModel
from tl_core.export.plain.source import network_source
from tl_core.export.plain.tape import Tape
from tl_core.export.plain.values import HEAD, Step, Unwritable, Value

_IMPORTS = """\
from collections import OrderedDict
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
"""
_ABOUT = """\
The network without its head, which train.py puts in its place. It was written down from that of timm
(github.com/huggingface/pytorch-image-models, Apache-2.0) for one image size; names of modules and weights are timm's.
"""
_LONGEST = 150
_ALLOWED = 1e-4
"""Of the greatest logit; the same operations in the same order differ by nothing, or by rounding."""


class WrittenNetwork:
    """A backbone's source, which needs torch alone, and what it is filled with."""

    def __init__(self, model: TransferModel, classifier: str, image_size: int) -> None:
        """Write down `model`, whose modules go on by the names that its library gives them.

        Args:
            model: in main memory.
            classifier: the library's name of its classifier, in whose place the head goes.
            image_size: of a side, in pixels; the network is written for that size alone.

        Raises:
            Unwritable: it cannot be written down, or what was written answers otherwise.
        """
        try:
            self._write(model, classifier, image_size)
            self._check(model, image_size)
        except Unwritable:
            raise
        except Exception as error:  # networks may do anything
            said = str(error).partition("\n")[0][:_LONGEST]
            raise Unwritable(f"{type(error).__name__}: {said}") from error

    def _write(self, model: TransferModel, classifier: str, image_size: int) -> None:
        tape = Tape(list(model.stages))
        for training in (True, False):
            tape.run(image_size, training, _Ending(model))
        self.head = classifier if not tape.has(classifier) else "own_head"
        self.source = f'"""{_ABOUT}"""\n\n{_IMPORTS}{network_source(tape, self.head)}\n'
        self._tensors = {**named_tensors(model, self.head), **tape.tensors}

    def build(self) -> nn.Module:
        """The network on the meta device, without a head."""
        space: dict[str, Any] = {"__name__": "backbone"}
        exec(compile(self.source, "backbone.py", "exec"), space)  # noqa: S102
        with torch.device("meta"):
            network: nn.Module = space["make_backbone"]()
        return network

    def state(self) -> dict[str, Tensor]:
        """Every weight and buffer, the head's as well, by its name in the written network."""
        names = [
            *self.build().state_dict(),
            *(name for name in self._tensors if name.startswith(f"{self.head}.")),
        ]
        if unknown := [name for name in names if name not in self._tensors]:
            raise Unwritable(f"nobody knows the values of {unknown[0]}")
        return {name: self._tensors[name].detach() for name in names}

    def _check(self, model: TransferModel, size: int) -> None:
        network, state = self.build(), self.state()
        every = [
            self._tensors[name]
            for name, _ in network.named_parameters(remove_duplicate=False)
            if name in state
        ]
        if len(set(map(id, every))) < len(list(network.parameters())):
            raise Unwritable("some of its layers share their weights")
        own = {
            name: each if self._is_learned(name) else each.clone() for name, each in state.items()
        }  # what moves
        parent, _, last = self.head.rpartition(".")
        setattr(network.get_submodule(parent), last, model.head)
        network.load_state_dict(own, assign=True)
        images = torch.randn(2, 3, size, size, generator=torch.Generator().manual_seed(0))
        for training in (False, True):
            with (
                torch.no_grad(),
                _buffers_kept(model),
                _steady(model, training),
                _steady(network, training),
            ):
                told = named_tensors(model, self.head)
                pairs = [(model(images), network(images))]
                pairs += [
                    (told[name], each) for name, each in network.named_buffers() if name in told
                ]
                if not all(
                    torch.allclose(a.double(), b.double(), _ALLOWED, _ALLOWED) for a, b in pairs
                ):
                    raise Unwritable("what was written does not answer as it does")

    def _is_learned(self, name: str) -> bool:
        return isinstance(self._tensors[name], nn.Parameter)


def named_tensors(model: TransferModel, head: str) -> dict[str, Tensor]:
    """Its weights and buffers, those that no state dict holds as well, by `library_name`."""
    tensors = (
        *model.named_buffers(remove_duplicate=False),
        *model.named_parameters(remove_duplicate=False),
    )
    return {library_name(name, head): tensor for name, tensor in tensors}


def library_name(name: str, head: str) -> str:
    """Of one of the model's weights, without its stage; the head's by `head`."""
    return f"{head}.{name[5:]}" if name.startswith("head.") else name.split(".", 2)[2]


@contextmanager
def _buffers_kept(model: nn.Module) -> Iterator[None]:
    before = [(buffer, buffer.clone()) for buffer in model.buffers()]
    yield
    for buffer, old in before:
        buffer.copy_(old)


@contextmanager
def _steady(model: nn.Module, training: bool) -> Iterator[None]:
    """In that mode, but for what drops at random: it would take from the chance of what trains beside this."""
    modes = [(module, module.training) for module in model.modules()]
    for module, _ in modes:
        module.training = training and "drop" not in type(module).__name__.lower()
    yield
    for module, mode in modes:
        module.training = mode


class _Ending:
    """Pooling and head, as `TransferModel` has them."""

    def __init__(self, model: TransferModel) -> None:
        self._averages = not isinstance(model.pool, nn.Flatten)

    def __call__(self, value: Value) -> Any:
        pooled: Any = functional.adaptive_avg_pool2d(value, 1) if self._averages else value  # type: ignore[arg-type]
        flat = pooled.flatten(1) if pooled.ndim > 2 else pooled
        both = tuple(torch.empty(len(each), 1, device="meta") for each in flat.both)
        return flat.frame.add(Step(f"self:{HEAD}(", (flat,)), both)
