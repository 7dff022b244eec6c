"""What a network does, written down while it runs on shapes alone: every module's forward as plain statements."""

import inspect
import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.overrides import is_tensor_method_or_property

from tl_core.export.standalone import layers

KNOWN = {
    f"timm.layers.{place}": own
    for place, own in {
        "norm_act.BatchNormAct2d": layers.BatchNormAct2d,
        "conv2d_same.Conv2dSame": layers.Conv2dSame,
        "drop.DropPath": layers.DropPath,
        "norm.LayerNorm2d": layers.LayerNorm2d,
    }.items()
}
"""timm's modules for which there is a class of ours that does the same."""
_CONTAINERS = (nn.Sequential, nn.ModuleList, nn.ModuleDict)
_PLACES = {"F": F, "torch": torch, "torch.linalg": torch.linalg, "torch.special": torch.special, "torch.fft": torch.fft}
_BATCHES = (2, 3)
"""What is the same for both does not depend on how many images there are, and is written as a number."""


class Unwritable(Exception):
    """The network cannot be written out; says why, as the end of a sentence."""


def is_leaf(module: nn.Module) -> bool:
    """Whether it is called by its name, and not looked into."""
    if own_class(module):
        return True
    is_torchs = type(module).__module__.startswith("torch.nn.modules.") and not isinstance(module, _CONTAINERS)
    return is_torchs and type(module) is not nn.Module and not any(module.children())


def own_class(module: nn.Module) -> type[nn.Module] | None:
    known = KNOWN.get(f"{type(module).__module__}.{type(module).__qualname__}")
    return None if getattr(module, "_fast_norm", False) else known


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
        self._frame, self._both, self._text = frame, both, text

    @property
    def __class__(self) -> Any:  # type: ignore[override]  # networks ask whether it is a tensor
        return type(self._both[0])

    @classmethod
    def __torch_function__(
        cls, func: Callable[..., Any], types: Sequence[type], args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        frame = next(each._frame for each in leaves((args, kwargs)) if type(each) is Value)
        return frame.call(func, args, kwargs or {})

    def __getattr__(self, name: str) -> Any:
        if not isinstance(self._both[0], Tensor) or name.startswith("__"):
            raise AttributeError(name)
        if name == "device":
            return torch.device("cpu")
        both = tuple(getattr(each, name) for each in self._both)
        if callable(both[0]):
            return partial(self._frame.method, self, name)
        return self._frame.add(Step(f"{{0}}.{name}", (self,)), both)

    def __getitem__(self, key: Any) -> Any:
        return self._frame.evaluate(Step("{0}[{1}]", (self, key)), operator.getitem)

    def __setitem__(self, key: Any, value: Any) -> None:
        self._frame.evaluate(Step("{0}[{1}] = {2}", (self, key, value), has_effect=True), operator.setitem)

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
        return self._frame.evaluate(Step(form, (self, other)), function)

    def backward(self: Value, other: Any) -> Any:
        return self._frame.evaluate(Step(form, (other, self)), function)

    def in_place(self: Value, other: Any) -> Any:
        if not isinstance(self._both[0], Tensor):
            return forward(self, other)
        self._frame.evaluate(Step(f"{{0}} {symbol}= {{1}}", (self, other), has_effect=True), lambda *_: None)
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
for _symbol, _name in {"-": "neg", "~": "invert"}.items():
    setattr(
        Value,
        f"__{_name}__",
        lambda self, form=f"{_symbol}{{0}}", function=getattr(operator, _name): self._frame.evaluate(
            Step(form, (self,)), function
        ),
    )


class Frame:
    """One module's forward on its way."""

    def __init__(self, tape: "Tape", name: str) -> None:
        self.tape, self.name = tape, name
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
        step.args, step.kwargs = mapped(self._take, step.args), mapped(self._take, step.kwargs)
        with torch.no_grad():
            both = tuple(
                mapped(_on_meta, function(*witness(step.args, i), **witness(step.kwargs, i)))
                for i in range(len(_BATCHES))
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
        both = value._both
        if not isinstance(both[0], tuple | list):
            return value
        if len(both[0]) != len(both[1]):
            raise Unwritable("how many values there are depends on the batch")
        items = [self.add(Step("{0}[{1}]", (value, place)), pair) for place, pair in enumerate(zip(*both, strict=True))]
        return items if isinstance(both[0], list) else tuple(items)

    def tensor(self, name: str, tensor: Tensor) -> Value:
        """A weight or buffer, by its path from this module."""
        if name not in self._own:
            self._own[name] = Value(self, (_on_meta(tensor),) * 2, f"self.{name}")
        return self._own[name]

    def give(self, name: str, what: Any) -> Any:
        """An argument of this module: inside, it goes by the name that it has there."""
        if not any(isinstance(each, Tensor) or type(each) is Value for each in leaves(what)):
            return what
        self.inputs[name] = Value(self, (witness(what, 0), witness(what, 1)), name)
        return self._apart(self.inputs[name])

    def _take(self, what: Any) -> Any:
        """An argument of a step: a tensor that was computed of nothing becomes a buffer of the module."""
        if type(what) is Value:
            if what._frame is not self:
                raise Unwritable("one module uses what another has computed without being given it")
            return what
        return self.tensor(self.tape.constant(self.name, what), what) if isinstance(what, Tensor) else what


class Tape:
    """All that is written down of a network."""

    def __init__(self, parts: Sequence[nn.Module]) -> None:
        self.modules: dict[str, nn.Module] = {}
        """By dotted name: those that take part."""
        self.tensors: dict[str, Tensor] = {}
        """By dotted name: weights and buffers that are used outside the modules that are called by name."""
        self.frames: dict[str, dict[bool, list[Frame]]] = {}
        """By module, for training or not: one for every time that it is called."""
        self._constants: dict[str, list[Tensor]] = {}
        self._stack: list[Frame] = []
        self._parts = parts
        self._names: dict[int, list[str]] = {}
        self.listed: list[str] = []
        for part in parts:
            for name, module in part.named_modules(remove_duplicate=False):
                self._names.setdefault(id(module), []).append(name)
                self.listed.append(name)

    def run(self, image_size: int, training: bool, end: Callable[[Value], Any]) -> None:
        """Write down one pass through all parts, and `end` behind them.

        Raises:
            Unwritable: it does what cannot be written down.
        """
        top = Frame(self, "")
        self._stack.append(top)
        value: Any = torch.empty(1, device="meta")
        both = tuple(torch.empty(n, 3, image_size, image_size, device="meta") for n in _BATCHES)
        value = top.inputs["x"] = Value(top, (both[0], both[1]), "x")
        with self._listening(training):
            try:
                for part in self._parts:
                    value = type(part).forward(part, value)
                top.result = end(value)
            except Unwritable:
                raise
            except Exception as error:  # networks may do anything
                raise Unwritable(f"{type(error).__name__}: {error}") from error
        self._keep(top, training)

    @contextmanager
    def _listening(self, training: bool) -> Iterator[None]:
        """The modules' calls, weights and buffers come by here. Nothing of torch is touched that others use, too."""
        every = {id(module): module for part in self._parts for module in part.modules()}.values()
        before = {module: dict(vars(module)) for module in every}
        try:
            for module in every:
                inside = {"_parameters": module._parameters, "_buffers": module._buffers}
                vars(module).update({name: _Heard(self, module, given) for name, given in inside.items()})
                if not any(module is part for part in self._parts):
                    vars(module)["forward"] = partial(self._called, module)
                vars(module)["training"] = training
            yield
        finally:
            for module, attributes in before.items():
                vars(module).clear()
                vars(module).update(attributes)

    def _called(self, module: nn.Module, *args: Any, **kwargs: Any) -> Any:
        outer, name = self._stack[-1], self._name(module)
        self.modules[name] = module
        called = _from(outer.name, name)
        if is_leaf(module):
            twin = _twin(module)
            return outer.evaluate(
                Step(f"self:{called}(", args, kwargs, has_effect=True), partial(type(module).forward, twin)
            )
        bound = inspect.signature(type(module).forward).bind(module, *args, **kwargs)
        inner = Frame(self, name)
        _, *given = bound.arguments.items()
        self._stack.append(inner)
        try:
            told = {key: inner.give(key, what) for key, what in given}
            if told.keys() & {"args", "kwargs"}:
                raise Unwritable(f"{type(module).__name__} takes any arguments")
            inner.result = type(module).forward(module, **told)
        finally:
            self._stack.pop()
        self._keep(inner, module.training)
        both = tuple(witness(inner.result, i) for i in range(len(_BATCHES)))
        outside = tuple(mapped(outer._take, what) for key, what in given if key in inner.inputs)
        return outer.add(Step(f"self:{called}(", outside, has_effect=True), both)

    def has(self, name: str) -> bool:
        """Whether a module or weight of that name takes part."""
        return any(each == name or each.startswith(f"{name}.") for each in (*self.modules, *self.tensors))

    def _keep(self, frame: Frame, training: bool) -> None:
        self.frames.setdefault(frame.name, {}).setdefault(training, []).append(frame)

    def heard(self, module: nn.Module, name: str, tensor: Tensor) -> Tensor:
        frame, owner = self._stack[-1], self._name(module)
        whole = f"{owner}.{name}" if owner else name
        self.tensors[whole] = tensor
        return frame.tensor(_from(frame.name, whole), tensor)  # type: ignore[return-value]

    def constant(self, owner: str, tensor: Tensor) -> str:
        known = self._constants.setdefault(owner, [])
        place = next((i for i, each in enumerate(known) if _equal(each, tensor)), len(known))
        known[place:] = known[place:] or [tensor]
        name = f"constant{place}"
        self.tensors[f"{owner}.{name}" if owner else name] = tensor
        return name

    def _name(self, module: nn.Module) -> str:
        inside = self._stack[-1].name
        names = self._names.get(id(module), [])
        found = next((name for name in names if not inside or name.startswith(f"{inside}.") or name == inside), None)
        if found is None:
            raise Unwritable(f"a {type(module).__name__} is used from elsewhere")
        return found


class _Heard(dict[str, Any]):
    """A module's weights or buffers: who reads one gets a `Value`."""

    def __init__(self, tape: Tape, module: nn.Module, given: Mapping[str, Any]) -> None:
        super().__init__(given)
        self._tape, self._module = tape, module

    def __getitem__(self, name: str) -> Any:
        tensor = super().__getitem__(name)
        return tensor if tensor is None else self._tape.heard(self._module, name, tensor)


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
    return mapped(lambda each: each._both[i] if type(each) is Value else _on_meta(each), what)


def _on_meta(what: Any) -> Any:
    return torch.empty_like(what, device="meta") if type(what) is not Value and isinstance(what, Tensor) else what


def _twin(module: nn.Module) -> nn.Module:
    """The same module with weights that have a shape and nothing else."""
    twin = copy(module)
    vars(twin).pop("forward", None)
    for kind in ("_parameters", "_buffers"):
        vars(twin)[kind] = {name: _on_meta(tensor) for name, tensor in dict.items(vars(module)[kind])}
    vars(twin)["_modules"] = {name: child and _twin(child) for name, child in module._modules.items()}
    return twin


def _is_settled(both: tuple[Any, ...]) -> bool:
    """Whether it holds no tensor and is the same for every batch."""
    holds_tensor = any(isinstance(each, Tensor) for each in leaves(both[0]))
    return not holds_tensor and both[0] == both[1]


def _equal(a: Tensor, b: Tensor) -> bool:
    return a.dtype == b.dtype and a.shape == b.shape and torch.equal(a, b)


def _from(owner: str, name: str) -> str:
    """The dotted name as seen from that module."""
    return name.removeprefix(f"{owner}.") if owner else name
