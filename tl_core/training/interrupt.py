"""Stop a network in the middle of a step, so that Stop answers in seconds even when one step takes many."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
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
    a layer with much to do takes its batch in pieces; that changes its results by rounding alone. A copy of the
    model that is made meanwhile still computes with this one's weights.
    """

    def check(*_: Any) -> None:
        _raise_if(should_stop())

    def watch_backward(_module: nn.Module | None, _inputs: Any, output: Any) -> None:
        if isinstance(output, Tensor) and output.grad_fn is not None:
            output.register_hook(check)  # type: ignore[no-untyped-call]

    def run_piece(whole: Callable[[], Any]) -> Any:
        check()
        output = whole()
        watch_backward(None, None, output[0] if isinstance(output, tuple) else output)
        return output

    # Of all modules and not of the innermost alone, since attention reads its inner layers' weights without a call.
    modules = list(model.modules())
    big = [module for module in modules if isinstance(module, nn.Conv2d | nn.Linear | nn.MultiheadAttention)]
    handles = [module.register_forward_pre_hook(check) for module in modules]
    handles += [module.register_forward_hook(watch_backward) for module in modules]
    for layer in big:
        if isinstance(layer, nn.MultiheadAttention):
            layer.forward = _attend_in_pieces(layer, run_piece)  # type: ignore[method-assign]
        else:
            layer.forward = _in_pieces(layer, run_piece)  # type: ignore[assignment, method-assign]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
        for layer in big:
            del layer.forward  # the class's own shows again


_RunPiece = Callable[[Callable[[], Any]], Any]


def _in_pieces(layer: nn.Conv2d | nn.Linear, run_piece: _RunPiece) -> Callable[[Tensor], Tensor]:
    """The layer's forward, over as many images at once as `_PIECE` allows."""
    whole: Callable[[Tensor], Tensor] = layer.forward

    def forward(inputs: Tensor) -> Tensor:
        images = max(1, int(_PIECE / _multiply_adds(layer, inputs)))
        if inputs.device.type != "cpu" or len(inputs) <= images:
            return whole(inputs)
        return torch.cat([run_piece(partial(whole, piece)) for piece in torch.split(inputs, images)])

    return forward


def _multiply_adds(layer: nn.Conv2d | nn.Linear, inputs: Tensor) -> float:
    """Of one image, nearly: padding is left out."""
    if isinstance(layer, nn.Linear):
        return layer.weight.numel() * prod(inputs.shape[1:-1])  # of every token
    return layer.weight.numel() * prod(inputs.shape[2:]) / prod(layer.stride)


def _attend_in_pieces(layer: nn.MultiheadAttention, run_piece: _RunPiece) -> Callable[..., tuple[Tensor, Any]]:
    """Attention's forward, likewise, where it is an image's attention to itself."""
    whole: Callable[..., tuple[Tensor, Any]] = layer.forward

    def forward(query: Tensor, key: Tensor, value: Tensor, *args: Any, **kwargs: Any) -> tuple[Tensor, Any]:
        tokens, width = query.shape[-2:]
        images = max(1, int(_PIECE / (4 * tokens * width**2 + 2 * tokens**2 * width)))
        needs_weights = kwargs.get("need_weights", True)
        if query.device.type != "cpu" or len(query) <= images or not layer.batch_first or args or needs_weights:
            return whole(query, key, value, *args, **kwargs)
        triples = zip(*(torch.split(each, images) for each in (query, key, value)), strict=True)
        return torch.cat([run_piece(partial(whole, *triple, **kwargs))[0] for triple in triples]), None

    return forward
