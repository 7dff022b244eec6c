"""Values that stand in for tensors, and write down what is done to them, for two sizes of the batch at once."""

import operator
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

if TYPE_CHECKING:
    from tl_core.export.plain.frame import Frame

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
    def __class__(self) -> Any:  # type: ignore[override]  # networks ask whether it is a tensor
        return type(self.both[0])

    @classmethod
    def __torch_function__(
        cls,
        func: Callable[..., Any],
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: Any = None,
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
        self.frame.evaluate(
            Step("{0}[{1}] = {2}", (self, key, value), has_effect=True), operator.setitem
        )

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
        self.frame.evaluate(
            Step(f"{{0}} {symbol}= {{1}}", (self, other), has_effect=True), lambda *_: None
        )
        return self

    setattr(Value, f"__{bare}__", forward)
    if symbol not in ("<", "<=", ">", ">=", "==", "!="):
        setattr(Value, f"__r{bare}__", backward)
        setattr(Value, f"__i{bare}__", in_place)


def _define_before(symbol: str, name: str) -> None:
    """The operator of that name with nothing on its left."""
    function: Callable[..., Any] = getattr(operator, name)
    setattr(
        Value,
        f"__{name}__",
        lambda self: self.frame.evaluate(Step(f"{symbol}{{0}}", (self,)), function),
    )


_OPERATORS = {
    **{
        "+": "add",
        "-": "sub",
        "*": "mul",
        "/": "truediv",
        "//": "floordiv",
        "%": "mod",
        "**": "pow",
        "@": "matmul",
    },
    **{
        "<": "lt",
        "<=": "le",
        ">": "gt",
        ">=": "ge",
        "==": "eq",
        "!=": "ne",
        "&": "and_",
        "|": "or_",
        "^": "xor",
    },
}
for _symbol, _name in _OPERATORS.items():
    _define(_symbol, _name)
_define_before("-", "neg")
_define_before("~", "invert")


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
    """A tensor's shape alone, and what says where a tensor is to be."""
    if type(what) is Value:
        return what
    if isinstance(what, torch.device):
        return torch.device("meta")
    return torch.empty_like(what, device="meta") if isinstance(what, Tensor) else what
