"""One module's forward, as the steps that its values have noted."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from torch.overrides import is_tensor_method_or_property

from tl_core.export.plain.values import (
    BATCHES,
    Step,
    Unwritable,
    Value,
    leaves,
    mapped,
    on_meta,
    witness,
)

_PLACES = {
    "F": functional,
    "torch": torch,
    "torch.linalg": torch.linalg,
    "torch.special": torch.special,
    "torch.fft": torch.fft,
}


class Frame:
    """One module's forward on its way."""

    def __init__(self, name: str, constant: Callable[[str, Tensor], str]) -> None:
        self.name = name
        self._constant = constant
        self.steps: list[Step] = []
        self.inputs: dict[str, Value] = {}
        self.result: Any = None
        self._own: dict[str, Value] = {}

    def call(self, func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        name = getattr(func, "__name__", str(func))
        if name == "__get__":  # of one of a tensor's properties
            return getattr(args[0], func.__self__.__name__)  # type: ignore[attr-defined]
        if is_tensor_method_or_property(func):
            return self.method(args[0], name, *args[1:], **kwargs)
        place = next(
            (place for place, module in _PLACES.items() if getattr(module, name, None) is func),
            None,
        )
        if place is None:
            raise Unwritable(f"it calls {name}, which has no public name")
        kwargs = {key: value for key, value in kwargs.items() if key != "_stacklevel"}
        return self.evaluate(
            Step(f"{place}.{name}(", args, kwargs, has_effect=name.endswith("_")), func
        )

    def method(self, owner: Any, name: str, /, *args: Any, **kwargs: Any) -> Any:
        has_effect = name.endswith("_") and not name.endswith("__")
        step = Step(f"{{0}}.{name}(", (owner, *args), kwargs, has_effect=has_effect)
        return self.evaluate(step, lambda first, *rest, **more: getattr(first, name)(*rest, **more))

    def evaluate(self, step: Step, function: Callable[..., Any]) -> Any:
        """Do it for both sizes of the batch, and add it."""
        step.args, step.kwargs = mapped(self.take, step.args), mapped(self.take, step.kwargs)
        with torch.no_grad():
            both = tuple(
                mapped(on_meta, function(*witness(step.args, i), **witness(step.kwargs, i)))
                for i in range(len(BATCHES))
            )
        return self.add(step, both)

    def add(self, step: Step, both: tuple[Any, ...]) -> Any:
        """Its result: a number where it does not depend on the batch, and a `Value` for each tensor in it."""
        if _is_settled(both):
            if step.has_effect:
                self.steps.append(step)
            return both[0]
        self.steps.append(step)
        step.result = Value(self, (both[0], both[1]))
        return self._apart(step.result)

    def _apart(self, value: Value) -> Any:
        both = value.both
        if not isinstance(both[0], tuple | list):
            return value
        if len(both[0]) != len(both[1]):
            raise Unwritable("how many values there are depends on the batch")
        items = [
            self.add(Step("{0}[{1}]", (value, place)), pair)
            for place, pair in enumerate(zip(*both, strict=True))
        ]
        return items if isinstance(both[0], list) else tuple(items)

    def tensor(self, name: str, tensor: Tensor) -> Value:
        """A weight or buffer, by its path from this module."""
        if name not in self._own:
            self._own[name] = Value(self, (on_meta(tensor),) * 2, f"self.{name}")
        return self._own[name]

    def give(self, name: str, what: Any) -> Any:
        """An argument of this module: inside, it goes by the name that it has there."""
        if not any(isinstance(each, Tensor) or type(each) is Value for each in leaves(what)):
            return what
        self.inputs[name] = Value(self, (witness(what, 0), witness(what, 1)), name)
        return self._apart(self.inputs[name])

    def take(self, what: Any) -> Any:
        """An argument of a step: a tensor that was computed of nothing becomes a buffer of the module."""
        if type(what) is Value:
            if what.frame is not self:
                raise Unwritable("one module uses what another has computed without being given it")
            return what
        return (
            self.tensor(self._constant(self.name, what), what) if isinstance(what, Tensor) else what
        )


def _is_settled(both: tuple[Any, ...]) -> bool:
    """Whether it holds no tensor and is the same for every batch."""
    holds_tensor = any(isinstance(each, Tensor) for each in leaves(both[0]))
    return not holds_tensor and both[0] == both[1]
