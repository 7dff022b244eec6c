"""Layers of a network, counted as Keras counts them while the network runs."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

# All spellings are listed, since a function mode sees how Python called an operation.
_OPERATIONS: dict[str, tuple[Any, ...]] = {
    "add": (torch.add, Tensor.add, Tensor.add_, Tensor.__add__, Tensor.__iadd__, Tensor.__radd__),
    "multiply": (
        torch.mul,
        Tensor.mul,
        Tensor.mul_,
        Tensor.__mul__,
        Tensor.__imul__,
        Tensor.__rmul__,
    ),
    "concatenate": (torch.cat, torch.concat),
    "relu": (
        functional.relu,
        functional.relu_,
        torch.relu,
        torch.relu_,
        Tensor.relu,
        Tensor.relu_,
        functional.relu6,
    ),
    "sigmoid": (
        functional.sigmoid,
        torch.sigmoid,
        Tensor.sigmoid,
        Tensor.sigmoid_,
        functional.hardsigmoid,
    ),
    "activation": (
        functional.gelu,
        functional.silu,
        functional.hardswish,
        functional.elu,
        torch.tanh,
        Tensor.tanh,
    ),
    "softmax": (functional.softmax, torch.softmax, Tensor.softmax),
    "max_pooling": (functional.max_pool2d, functional.adaptive_max_pool2d),
    "average_pooling": (functional.avg_pool2d, functional.adaptive_avg_pool2d),
    "flatten": (torch.flatten, Tensor.flatten),
    "mean": (torch.mean, Tensor.mean),
    "normalization": (functional.layer_norm, functional.group_norm),
    "convolution": (functional.conv2d,),
    "linear": (functional.linear,),
    "attention": (functional.scaled_dot_product_attention,),
}
_COUNTED = {function: name for name, functions in _OPERATIONS.items() for function in functions}


@dataclass(slots=True)
class _Call:
    """Call of a module that has not returned yet."""

    first: int
    """Number of layers recorded before the call."""
    calls_others: bool = False


@dataclass(slots=True)
class Noted:
    """Recorder of (name, kind) of the layers that run; a module that calls no other is one."""

    layers: list[tuple[str, str]] = field(default_factory=list)
    _open: list[_Call] = field(default_factory=list)

    def enter(self, *_: Any) -> None:
        for call in self._open:
            call.calls_others = True
        self._open.append(_Call(len(self.layers)))

    def leave(self, name: str, module: nn.Module, *_: Any) -> None:
        call = self._open.pop()
        if not call.calls_others:
            # What a layer does inside, such as the softmax of attention, is part of it.
            del self.layers[call.first :]
            if not isinstance(module, nn.Identity):
                self.layers.append((name, type(module).__name__))


class _Functions(TorchFunctionMode):
    def __init__(self, noted: Noted) -> None:
        super().__init__()
        self._noted = noted

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        # Activations have a batch dimension; less is arithmetic on sizes and scales.
        if (name := _COUNTED.get(func)) and isinstance(result, Tensor) and result.dim() > 1:
            self._noted.layers.append((name, name))
        return result


def note_layers(stage: nn.Module, image: Tensor) -> tuple[list[tuple[str, str]], Tensor]:
    """Run one stage and return its layers in order, (name, kind), and its output.

    Padding counts as part of its convolution. Keras's ResNet-50 lists two paddings separately and
    so has 175 layers, where this counts 173.
    """
    noted = Noted()
    # The hooks come off even if the stage refuses the image.
    with ExitStack() as stack:
        for name, module in stage.named_modules():
            if name:
                stack.callback(module.register_forward_pre_hook(noted.enter).remove)
                stack.callback(module.register_forward_hook(partial(noted.leave, name)).remove)
        stack.enter_context(_Functions(noted))
        result: Tensor = stage(image)
    return noted.layers, result


class Work(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counter of the multiply-adds and output values of all operations while it is entered."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.multiply_adds = 0
        self.values = 0
        """Values computed by all operations: an upper bound of what a backward pass needs."""

    # At dispatch an operation arrives once and under one name, however Python called it.
    def __torch_dispatch__(
        self,
        func: Any,
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        if formula := flop_registry.get(func._overloadpacket):
            # The registry counts a multiply-add as two operations.
            self.multiply_adds += formula(*args, **(kwargs or {}), out_val=result) // 2
        # Behind the first of several results come statistics or indices, which are not passed on.
        output = result[0] if isinstance(result, tuple) else result
        # A view takes no memory of its own.
        if isinstance(output, Tensor) and not func.is_view:
            self.values += output.numel()
        return result
