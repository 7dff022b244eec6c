"""Values that stand in for tensors, and write down what is done to them, for two sizes of the batch at once."""

import operator
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from torch.overrides import is_tensor_method_or_property

_PLACES = {
    "F": functional,
    "torch": torch,
    "torch.linalg": torch.linalg,
    "torch.special": torch.special,
    "torch.fft": torch.fft,
}
BATCHES = (2, 3)
"""What is the same for both does not depend on how many images there are, and is written as a number."""


HEAD = "<head>"
"""Its name in a step, as long as it is not known."""


class Unwritable(Exception):
    """The network cannot be written out; says why, as the end of a sentence."""


@dataclass(eq=False)
class Step:
    """One statement: how it is written, of what."""

    form: str
    """With {0}, {1} … for the arguments, or "(" where all follow as those of a call."""
    args: tuple[Any, ...]
    kwargs: dict[str, Any] = field(default_factory=dict)
    result: "Value | None" = None
    has_effect: bool = False
    """It changes something, and so stays even where nobody uses its result."""


class Value:
    """Stands in for a tensor, or for a number that depends on the batch."""

    def __init__(self, frame: "Frame", both: tuple[Any, Any], text: str = "") -> None:
        """`both` are what it is for the two sizes of the batch; `text` how it is written where no step makes it."""
        self.frame, self.both, self.text = frame, both, text

    @property  # type: ignore[misc]
    def __class__(self) -> Any:  # type: ignore[misc, override]  # networks ask whether it is a tensor
        return type(self.both[0])

    @classmethod
    def __torch_function__(
        cls, func: Callable[..., Any], types: Sequence[type], args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        frame = next(each.frame for each in leaves((args, kwargs)) if type(each) is Value)
        return frame.call(func, args, kwargs or {})

    def __getattr__(self, name: str) -> Any:
        if not isinstance(self.both[0], Tensor) or name.startswith("__"):
            raise AttributeError(name)
        if name == "device":
            return torch.device("cpu")
        both = tuple(getattr(each, name) for each in self.both)
        if callable(both[0]):
            return partial(self.frame.method, self, name)
        return self.frame.add(Step(f"{{0}}.{name}", (self,)), both)

    def __getitem__(self, key: Any) -> Any:
        return self.frame.evaluate(Step("{0}[{1}]", (self, key)), operator.getitem)

    def __setitem__(self, key: Any, value: Any) -> None:
        self.frame.evaluate(Step("{0}[{1}] = {2}", (self, key, value), has_effect=True), operator.setitem)

    def __iter__(self) -> Iterator[Any]:
        return (self[place] for place in range(len(self)))

    def __len__(self) -> int:
        return int(self.shape[0])

    def __bool__(self) -> bool:
        raise Unwritable("what it computes decides which way it goes")

    __hash__ = object.__hash__


def _define(symbol: str, name: str) -> None:
    """The operator of that name, from either side and, for tensors, in place."""
    function: Callable[..., Any] = getattr(operator, name)
    form = f"{{0}} {symbol} {{1}}"
    bare = name.strip("_")

    def forward(self: Value, other: Any) -> Any:
        return self.frame.evaluate(Step(form, (self, other)), function)

    def backward(self: Value, other: Any) -> Any:
        return self.frame.evaluate(Step(form, (other, self)), function)

    def in_place(self: Value, other: Any) -> Any:
        if not isinstance(self.both[0], Tensor):
            return forward(self, other)
        self.frame.evaluate(Step(f"{{0}} {symbol}= {{1}}", (self, other), has_effect=True), lambda *_: None)
        return self

    setattr(Value, f"__{bare}__", forward)
    if symbol not in ("<", "<=", ">", ">=", "==", "!="):
        setattr(Value, f"__r{bare}__", backward)
        setattr(Value, f"__i{bare}__", in_place)


_OPERATORS = {
    **{"+": "add", "-": "sub", "*": "mul", "/": "truediv", "//": "floordiv", "%": "mod", "**": "pow", "@": "matmul"},
    **{"<": "lt", "<=": "le", ">": "gt", ">=": "ge", "==": "eq", "!=": "ne", "&": "and_", "|": "or_", "^": "xor"},
}
for _symbol, _name in _OPERATORS.items():
    _define(_symbol, _name)


def _define_before(symbol: str, name: str) -> None:
    """The operator of that name with nothing on its left."""
    function: Callable[..., Any] = getattr(operator, name)
    setattr(Value, f"__{name}__", lambda self: self.frame.evaluate(Step(f"{symbol}{{0}}", (self,)), function))


_define_before("-", "neg")
_define_before("~", "invert")


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
        place = next((place for place, module in _PLACES.items() if getattr(module, name, None) is func), None)
        if place is None:
            raise Unwritable(f"it calls {name}, which has no public name")
        kwargs = {key: value for key, value in kwargs.items() if key != "_stacklevel"}
        return self.evaluate(Step(f"{place}.{name}(", args, kwargs, has_effect=name.endswith("_")), func)

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
        items = [self.add(Step("{0}[{1}]", (value, place)), pair) for place, pair in enumerate(zip(*both, strict=True))]
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
        return self.tensor(self._constant(self.name, what), what) if isinstance(what, Tensor) else what


def mapped(change: Callable[[Any], Any], what: Any) -> Any:
    """The same with every leaf changed."""
    if type(what) is Value:
        return change(what)
    if isinstance(what, tuple | list):
        return (list if isinstance(what, list) else tuple)(mapped(change, each) for each in what)
    if isinstance(what, dict):
        return {key: mapped(change, each) for key, each in what.items()}
    if isinstance(what, slice):
        return slice(*(mapped(change, each) for each in (what.start, what.stop, what.step)))
    return change(what)


def leaves(what: Any) -> list[Any]:
    found: list[Any] = []
    mapped(found.append, what)
    return found


def witness(what: Any, i: int) -> Any:
    """What it is for that size of the batch."""
    return mapped(lambda each: each.both[i] if type(each) is Value else on_meta(each), what)


def on_meta(what: Any) -> Any:
    return torch.empty_like(what, device="meta") if type(what) is not Value and isinstance(what, Tensor) else what


def _is_settled(both: tuple[Any, ...]) -> bool:
    """Whether it holds no tensor and is the same for every batch."""
    holds_tensor = any(isinstance(each, Tensor) for each in leaves(both[0]))
    return not holds_tensor and both[0] == both[1]
