"""Stop a network in the middle of a step, so that Stop answers in seconds even when one step takes many."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from math import prod
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils.hooks import RemovableHandle

from tl_core.errors import Cancelled

_PIECE = 5e9
"""Multiply-adds of one layer between two questions: on two cores, some tenths of a second forward and backward."""
_QUICK_SECONDS, _QUICK_PASSES = 0.1, 5
"""A pass, forward and backward, that is over in that time so many times in a row need not be stopped midway."""


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

    Asked before every layer forward, and before every layer's gradient backward; where a pass takes next to no time,
    soon only once a pass. The answer must be cheap. On a CPU a layer with much to do takes its batch in pieces; that
    changes its results by rounding alone. A copy of the model that is made meanwhile still computes with this one's
    weights. On CUDA nothing is done: whoever reads the examples asks between batches.
    """
    if _is_on_cuda(
        model
    ):  # which takes moments for a batch, and hooks would cut what torch.compile makes to pieces
        yield
        return
    watch = _Watch(model, should_stop)
    big = [
        module
        for module in model.modules()
        if isinstance(module, nn.Conv2d | nn.Linear | nn.MultiheadAttention)
    ]
    slow = [layer for layer in big if next(layer.parameters()).device.type == "cpu"]
    for layer in slow:
        if isinstance(layer, nn.MultiheadAttention):
            layer.forward = _attend_in_pieces(layer, watch.run_piece)  # type: ignore[method-assign]
        else:
            layer.forward = _in_pieces(layer, watch.run_piece)  # type: ignore[assignment, method-assign]
    try:
        yield
    finally:
        watch.end()
        for layer in slow:
            del layer.forward  # the class's own shows again


def _is_on_cuda(model: nn.Module) -> bool:
    return any(parameter.device.type == "cuda" for parameter in model.parameters())


class _Watch:
    """Hooks that ask. They take a tenth of a small network's time, and leave it alone once its passes were quick."""

    def __init__(self, model: nn.Module, should_stop: Callable[[], bool]) -> None:
        self._should_stop = should_stop
        # Not the innermost layers alone, since attention reads its inner layers' weights without a call.
        self._layers = [
            module
            for module in model.modules()
            if any(True for _ in module.parameters(recurse=False))
        ]
        self._handles: list[RemovableHandle] = []
        self._first: nn.Module | None = None
        self._entered, self._quick = 0.0, 0
        self._ask_every_layer()

    def run_piece(self, whole: Callable[[], Any]) -> Any:
        """Some images of a layer."""
        self._ask()
        output = whole()
        self._leave(None, None, output[0] if isinstance(output, tuple) else output)
        return output

    def end(self) -> None:
        for handle in self._handles:
            handle.remove()
        self._handles = []

    def _ask_every_layer(self) -> None:
        self.end()
        self._handles = [layer.register_forward_pre_hook(self._enter) for layer in self._layers]
        self._handles += [layer.register_forward_hook(self._leave) for layer in self._layers]

    def _ask_every_pass(self, first: nn.Module) -> None:
        self.end()
        self._handles = [first.register_forward_pre_hook(self._enter)]

    def _enter(self, layer: nn.Module, _inputs: Any) -> None:
        self._ask()
        if self._first in (None, layer):
            self._begin_pass(layer)

    def _begin_pass(self, first: nn.Module) -> None:
        now = time.monotonic()
        is_quick = self._first is not None and now - self._entered < _QUICK_SECONDS
        self._first, self._entered = first, now
        was_calm, self._quick = self._quick >= _QUICK_PASSES, self._quick + 1 if is_quick else 0
        if was_calm and not self._quick:
            self._ask_every_layer()
        elif not was_calm and self._quick >= _QUICK_PASSES:
            self._ask_every_pass(first)

    def _leave(self, _layer: nn.Module | None, _inputs: Any, output: Any) -> None:
        if isinstance(output, Tensor) and output.grad_fn is not None:
            output.register_hook(self._ask)  # type: ignore[no-untyped-call]

    def _ask(self, *_: Any) -> None:
        _raise_if(self._should_stop())


_RunPiece = Callable[[Callable[[], Any]], Any]


def _in_pieces(layer: nn.Conv2d | nn.Linear, run_piece: _RunPiece) -> Callable[[Tensor], Tensor]:
    """The layer's forward, over as many images at once as `_PIECE` allows."""
    whole: Callable[[Tensor], Tensor] = layer.forward

    def forward(inputs: Tensor) -> Tensor:
        images = max(1, int(_PIECE / _multiply_adds(layer, inputs)))
        if len(inputs) <= images:
            return whole(inputs)
        return torch.cat(
            [run_piece(partial(whole, piece)) for piece in torch.split(inputs, images)]
        )

    return forward


def _multiply_adds(layer: nn.Conv2d | nn.Linear, inputs: Tensor) -> float:
    """Of one image, nearly: padding is left out."""
    if isinstance(layer, nn.Linear):
        return layer.weight.numel() * prod(inputs.shape[1:-1])  # of every token
    return layer.weight.numel() * prod(inputs.shape[2:]) / prod(layer.stride)


def _attend_in_pieces(
    layer: nn.MultiheadAttention, run_piece: _RunPiece
) -> Callable[..., tuple[Tensor, Any]]:
    """Attention's forward, likewise, where it is an image's attention to itself."""
    whole: Callable[..., tuple[Tensor, Any]] = layer.forward

    def forward(
        query: Tensor, key: Tensor, value: Tensor, *args: Any, **kwargs: Any
    ) -> tuple[Tensor, Any]:
        tokens, width = query.shape[-2:]
        images = max(1, int(_PIECE / (4 * tokens * width**2 + 2 * tokens**2 * width)))
        needs_weights = kwargs.get("need_weights", True)
        if len(query) <= images or not layer.batch_first or args or needs_weights:
            return whole(query, key, value, *args, **kwargs)
        triples = zip(*(torch.split(each, images) for each in (query, key, value)), strict=True)
        return torch.cat(
            [run_piece(partial(whole, *triple, **kwargs))[0] for triple in triples]
        ), None

    return forward
