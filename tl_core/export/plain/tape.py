"""A network's forward, module by module, as the statements that its parts make when they run on shapes alone."""

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import copy
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from tl_core.export.plain.frame import Frame
from tl_core.export.plain.values import BATCHES, Step, Unwritable, Value, mapped, on_meta, witness
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


def is_leaf(module: nn.Module) -> bool:
    """Whether it is called by its name, and not looked into."""
    if own_class(module):
        return True
    is_torchs = type(module).__module__.startswith("torch.nn.modules.") and not isinstance(
        module, _CONTAINERS
    )
    return is_torchs and type(module) is not nn.Module and not any(module.children())


def own_class(module: nn.Module) -> type[nn.Module] | None:
    known = KNOWN.get(f"{type(module).__module__}.{type(module).__qualname__}")
    return None if getattr(module, "_fast_norm", False) else known


class Tape:
    """All that is written down of a network."""

    def __init__(self, parts: Sequence[nn.Module]) -> None:
        """`parts` follow one another, each with one input and one output; modules go by their names in them."""
        self.modules: dict[str, nn.Module] = {}
        """By dotted name: those that take part."""
        self.tensors: dict[str, Tensor] = {}
        """By dotted name: weights and buffers that are used outside the modules that are called by name."""
        self.frames: dict[str, dict[bool, list[Frame]]] = {}
        """By module, for training or not: one for every time that it is called."""
        self.names: dict[nn.Module, list[str]] = {}
        """Of every module, in the network's order; more than one where it is used in several places."""
        self._parts = parts
        self._constants: dict[str, list[Tensor]] = {}
        self._forwards: dict[nn.Module, Callable[..., Any]] = {}
        self._stack: list[Frame] = []
        for part in parts:
            for name, module in part.named_modules(remove_duplicate=False):
                self.names.setdefault(module, []).append(name)

    def run(self, image_size: int, training: bool, end: Callable[[Value], Any]) -> None:
        """Write down one pass through all parts, and `end` behind them.

        Raises:
            Unwritable: it does what cannot be written down; what else is raised says the same less clearly.
        """
        images = [torch.empty(n, 3, image_size, image_size, device="meta") for n in BATCHES]
        top = Frame("", self._constant)
        value: Any = Value(top, (images[0], images[1]), "x")
        top.inputs["x"] = value
        with self._listening(training), self._inside(top, training):
            for part in self._parts:
                value = self._forwards[part](value)
            top.result = end(value)

    def has(self, name: str) -> bool:
        """Whether a module or weight of that name, or inside it, takes part."""
        return any(
            each == name or each.startswith(f"{name}.") for each in (*self.modules, *self.tensors)
        )

    @contextmanager
    def _listening(self, training: bool) -> Iterator[None]:
        """The modules' calls, weights and buffers come by here. Nothing of torch is touched that others use, too."""
        before = {module: dict(vars(module)) for module in self.names}
        self._forwards = {module: module.forward for module in self.names}
        try:
            for module, own in before.items():
                heard = {
                    kind: _Heard(self, module, own[kind]) for kind in ("_parameters", "_buffers")
                }
                # Some keep what they computed in a dictionary, where the next pass would find it.
                copies = {
                    name: dict(value)
                    for name, value in own.items()
                    if type(value) is dict and name[:1] != "_"
                }
                vars(module).update({**copies, **heard, "training": training})
                if not any(module is part for part in self._parts):
                    vars(module)["forward"] = partial(self._called, module)
            yield
        finally:
            for module, own in before.items():
                vars(module).clear()
                vars(module).update(own)

    @contextmanager
    def _inside(self, frame: Frame, training: bool) -> Iterator[None]:
        self._stack.append(frame)
        try:
            yield
        finally:
            self._stack.pop()
        self.frames.setdefault(frame.name, {}).setdefault(training, []).append(frame)

    # What the network does

    def _called(self, module: nn.Module, *args: Any, **kwargs: Any) -> Any:
        outer, name = self._stack[-1], self._name(module)
        self.modules[name] = module
        form = f"self:{_from(outer.name, name)}("
        if is_leaf(module):
            result = outer.evaluate(
                Step(form, args, kwargs, has_effect=True), _twin(module).forward
            )
            self._look_into(name, module, result)
            return result
        bound = inspect.signature(self._forwards[module]).bind(*args, **kwargs)
        inner = Frame(name, self._constant)
        told = {key: inner.give(key, what) for key, what in bound.arguments.items()}
        with self._inside(inner, module.training):
            inner.result = self._forwards[module](**told)
        both = tuple(witness(inner.result, i) for i in range(len(BATCHES)))
        outside = tuple(mapped(outer.take, bound.arguments[key]) for key in inner.inputs)
        return outer.add(Step(form, outside, has_effect=True), both)

    def _look_into(self, name: str, module: nn.Module, result: Any) -> None:
        """What a layer of ours calls behind its own work: an activation, mostly."""
        for last, child in module.named_children():
            self.modules[f"{name}.{last}"] = child
            if not is_leaf(child):
                aside = Frame(name, self._constant)
                self._stack.append(aside)
                child(aside.give("x", result))
                self._stack.pop()

    def heard(self, module: nn.Module, name: str, tensor: Tensor) -> Value:
        """Somebody reads a weight or buffer of that module."""
        frame, owner = self._stack[-1], self._name(module)
        whole = f"{owner}.{name}" if owner else name
        self.tensors[whole] = tensor
        return frame.tensor(_from(frame.name, whole), tensor)

    def _constant(self, owner: str, tensor: Tensor) -> str:
        """The name of a buffer of that module for what was computed of no input."""
        known = self._constants.setdefault(owner, [])
        place = next((i for i, each in enumerate(known) if _equal(each, tensor)), len(known))
        known[place:] = known[place:] or [tensor]
        name = f"constant{place}"
        self.tensors[f"{owner}.{name}" if owner else name] = tensor
        return name

    def _name(self, module: nn.Module) -> str:
        inside, names = self._stack[-1].name, self.names.get(module, [])
        found = next(
            (
                name
                for name in names
                if not inside or name == inside or name.startswith(f"{inside}.")
            ),
            None,
        )
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

    def __setitem__(self, name: str, value: Any) -> None:
        raise Unwritable(f"it puts another {name} in place while it runs")


def _twin(module: nn.Module) -> nn.Module:
    """The same module with weights that have a shape and nothing else."""
    twin = copy(module)
    vars(twin).pop("forward", None)
    for kind in ("_parameters", "_buffers"):
        vars(twin)[kind] = {
            name: on_meta(tensor) for name, tensor in dict.items(vars(module)[kind])
        }
    vars(twin)["_modules"] = {
        name: child and _twin(child) for name, child in module._modules.items()
    }
    return twin


def _equal(a: Tensor, b: Tensor) -> bool:
    return a.dtype == b.dtype and a.shape == b.shape and torch.equal(a, b)


def _from(owner: str, name: str) -> str:
    """The dotted name as seen from that module."""
    return name.removeprefix(f"{owner}.") if owner else name
