"""Stop a network in the middle of a step, so that Stop answers in seconds even when one step takes many."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from math import prod
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from tl_core.errors import Cancelled

_PIECE = 5e9
"""Multiply-adds of one layer between two questions: on two cores, some tenths of a second forward and backward."""


def _raise_if(stop: bool) -> None:
    if stop:
        raise Cancelled("Stopped as asked.")


class _AskBeforeCalls(TorchFunctionMode):
    def __init__(self, should_stop: Callable[[], bool]) -> None:
        super().__init__()
        self._should_stop = should_stop

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        _raise_if(self._should_stop())
        return func(*args, **(kwargs or {}))


@contextmanager
def stop_between_calls(should_stop: Callable[[], bool]) -> Iterator[None]:
    """Within the block, `Cancelled` is raised by the next call of torch: for the seconds a big network is built."""
    # Turning gradients on again, after an initialisation without them, is such a call too.
    with torch.set_grad_enabled(torch.is_grad_enabled()), _AskBeforeCalls(should_stop):
        yield


@contextmanager
def stop_between_layers(model: nn.Module, should_stop: Callable[[], bool]) -> Iterator[None]:
    """Within the block, `Cancelled` is raised from the model's forward or backward pass once `should_stop` says so.

    Asked before every layer forward, and before every layer's gradient backward. The answer must be cheap. On a CPU
    a layer with much to do takes its batch in pieces; that changes its results by rounding alone.
    """

    def check(*_: Any) -> None:
        _raise_if(should_stop())

    def watch_backward(_module: nn.Module | None, _inputs: Any, output: Any) -> None:
        if isinstance(output, Tensor) and output.requires_grad:
            output.register_hook(check)  # type: ignore[no-untyped-call]

    def run_piece(layer: Callable[[Tensor], Tensor], piece: Tensor) -> Tensor:
        check()
        output = layer(piece)
        watch_backward(None, piece, output)
        return output

    layers = [module for module in model.modules() if not list(module.children())]
    big = [layer for layer in layers if isinstance(layer, nn.Conv2d | nn.Linear)]
    handles = [layer.register_forward_pre_hook(check) for layer in layers]
    handles += [layer.register_forward_hook(watch_backward) for layer in layers]
    for layer in big:
        layer.forward = _in_pieces(layer, run_piece)  # type: ignore[assignment, method-assign]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
        for layer in big:
            del layer.forward  # the class's own shows again


def _in_pieces(
    layer: nn.Conv2d | nn.Linear, run_piece: Callable[[Callable[[Tensor], Tensor], Tensor], Tensor]
) -> Callable[[Tensor], Tensor]:
    """The layer's forward, over as many images at once as `_PIECE` allows."""
    whole: Callable[[Tensor], Tensor] = layer.forward

    def forward(inputs: Tensor) -> Tensor:
        images = max(1, int(_PIECE / _multiply_adds(layer, inputs)))
        if inputs.device.type != "cpu" or len(inputs) <= images:
            return whole(inputs)
        return torch.cat([run_piece(whole, piece) for piece in torch.split(inputs, images)])

    return forward


def _multiply_adds(layer: nn.Conv2d | nn.Linear, inputs: Tensor) -> float:
    """Of one image, nearly: padding is left out."""
    if isinstance(layer, nn.Linear):
        return layer.weight.numel()
    return layer.weight.numel() * prod(inputs.shape[2:]) / prod(layer.stride)
