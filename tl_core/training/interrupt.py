"""Stop a network between two layers, so that Stop answers in seconds even when one step takes many."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from torch import Tensor, nn

from tl_core.errors import Cancelled


@contextmanager
def stop_between_layers(model: nn.Module, should_stop: Callable[[], bool]) -> Iterator[None]:
    """Within the block, `Cancelled` is raised from the model's forward or backward pass once `should_stop` says so.

    Asked before every layer forward, and before every layer's gradient backward. The answer must be cheap.
    """

    def check(*_: Any) -> None:
        if should_stop():
            raise Cancelled("Stopped as asked.")

    def watch_backward(_module: nn.Module, _inputs: Any, output: Any) -> None:
        if isinstance(output, Tensor) and output.requires_grad:
            output.register_hook(check)  # type: ignore[no-untyped-call]

    layers = [module for module in model.modules() if not list(module.children())]
    handles = [layer.register_forward_pre_hook(check) for layer in layers]
    handles += [layer.register_forward_hook(watch_backward) for layer in layers]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
