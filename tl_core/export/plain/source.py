"""A traced network as Python: a class for every kind of module, and a function that puts them together."""

import inspect
from collections.abc import Iterable, Iterator

from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from tl_core.export.plain.calls import (
    DICT,
    LIST,
    Arguments,
    Call,
    empty,
    is_name,
    options,
    torch_name,
)
from tl_core.export.plain.frame import Frame
from tl_core.export.plain.statements import statements
from tl_core.export.plain.tape import Tape, is_leaf, own_class
from tl_core.export.plain.values import HEAD, Unwritable
from tl_core.export.standalone import layers


def network_source(tape: Tape, head: str) -> str:
    """Classes, and `make_backbone()`, which builds the network with nothing in the head's place.

    Raises:
        Unwritable: it holds what has no name in Python.
    """
    return _Source(tape, head).write()


class _Source:
    def __init__(self, tape: Tape, head: str) -> None:
        self._tape, self._head = tape, head
        self._classes: dict[str, str] = {}
        """Sources by name."""
        self._own: dict[str, type[nn.Module]] = {}
        """Those of `layers` that are needed."""
        self._children: dict[str, list[str]] = {}
        self._twice = dict(_shared(tape))
        for name in (*_in_order(tape), head):
            self._enter(name)

    def write(self) -> str:
        body = ["def make_backbone():", *self._build("", None).lines(1, "network = ")]
        for again, name in self._twice.items():
            if again.rpartition(".")[0] in self._twice:
                continue
            body.append(f"    network{self._path('', again)} = network{self._path('', name)}")
        body.append("    return network")
        helpers = [
            inspect.getsource(layers.Part),
            inspect.getsource(layers.weight),
            *map(inspect.getsource, self._own.values()),
        ]
        return "\n\n".join(
            f"\n{text.strip()}" for text in (*helpers, *self._classes.values(), "\n".join(body))
        )

    def _enter(self, name: str) -> None:
        parent, _, last = name.rpartition(".")
        if name and last not in self._children.setdefault(parent, []):
            self._enter(parent)
            self._children[parent].append(last)

    # What it is put together from

    def _build(self, name: str, module: nn.Module | None) -> Call:
        if name in (self._head, *self._twice):
            return Call("nn.Identity")
        if module is not None and is_leaf(module):
            return self._layer(name, module)
        kind, is_list = self._class_of(name, module), self._is_list(name)
        parts: Arguments = []
        for last in self._places(name):
            inside = f"{name}.{last}" if name else last
            is_there = last in self._children[name]
            built = (
                self._build(inside, self._tape.modules.get(inside))
                if is_there
                else Call("nn.Identity")
            )
            parts.append(("" if is_list else last, built))
        parts += [(last, empty(tensor)) for last, tensor in self._tensors(name)]
        if kind == "nn.Sequential" and not is_list:
            return Call(kind, [("", Call("OrderedDict", parts))])
        if kind == "nn.ModuleList":
            return Call(kind, parts, LIST)
        return (
            Call(kind, parts)
            if all(is_name(key) for key, _ in parts if key)
            else Call(kind, parts, DICT)
        )

    def _layer(self, name: str, module: nn.Module) -> Call:
        own = own_class(module)
        if own is None:
            return Call(torch_name(type(module)), options(module, type(module)))
        self._own[own.__name__] = own
        base = next(
            each
            for each in own.__mro__
            if each is layers.DropPath or each.__module__.startswith("torch.nn.")
        )
        inside: Arguments = [
            (last, self._build(f"{name}.{last}", child)) for last, child in module.named_children()
        ]
        return Call(own.__name__, [*options(module, base), *inside])

    def _places(self, name: str) -> list[str]:
        """Its children; of a list also those that take no part, so that the others keep their numbers."""
        children = self._children.get(name, [])
        return (
            [str(place) for place in range(1 + max(map(int, children)))]
            if self._is_list(name)
            else children
        )

    def _is_list(self, name: str) -> bool:
        children = self._children.get(name, [])
        return (
            bool(children)
            and all(child.isdecimal() for child in children)
            and not self._tensors(name)
        )

    def _tensors(self, name: str) -> list[tuple[str, Tensor]]:
        parted = ((whole.rpartition("."), tensor) for whole, tensor in self._tape.tensors.items())
        return [(last, tensor) for (owner, _, last), tensor in parted if owner == name]

    def _path(self, owner: str, path: str) -> str:
        """How what lies inside a module is written behind it."""
        text = ""
        whole = self._head if path == HEAD else path
        for part in whole.split(".") if path else ():
            if self._is_list(owner):
                text += f"[{part}]"
            else:
                text += f".{part}" if is_name(part) else f".get_submodule({part!r})"
            owner = f"{owner}.{part}" if owner else part
        return text

    # Classes

    def _class_of(self, name: str, module: nn.Module | None) -> str:
        """The name of its class, which is written where there is none like it yet."""
        frames = self._tape.frames.get(name)
        if not frames:
            return "nn.ModuleList" if self._is_list(name) else "Part"
        if module is not None and type(module).forward is nn.Sequential.forward:
            return "nn.Sequential"
        if isinstance(module, _BatchNorm):
            raise Unwritable(f"its {type(module).__name__} is a BatchNorm of its own")
        base, forward = (
            "nn.Sequential" if self._is_list(name) else "Part",
            self._forward(name, frames),
        )
        title, number = type(module).__name__ if module is not None else "Network", 1
        while True:
            numbered = f"{title}{number}" if number > 1 else title
            source = f"class {numbered}({base}):\n{forward}"
            if self._classes.setdefault(numbered, source) == source and not hasattr(
                layers, numbered
            ):
                return numbered
            number += 1

    def _forward(self, name: str, frames: dict[bool, list[Frame]]) -> str:
        bodies = {training: self._body(each) for training, each in frames.items()}
        (inputs, body), *other = bodies.values()
        if other and other[0] != (inputs, body):
            if not name or other[0][0] != inputs:
                raise Unwritable(f"{name or 'it'} is another network in training")
            body = ["if self.training:", *_indented(bodies[True][1]), *bodies[False][1]]
        return "\n".join(
            _indented([f"def forward({', '.join(['self', *inputs])}):", *_indented(body)])
        )

    def _body(self, calls: list[Frame]) -> tuple[list[str], list[str]]:
        """(its inputs' names, its lines)."""
        first, *others = (
            (list(frame.inputs), list(statements(frame, self._path))) for frame in calls
        )
        if any(each != first for each in others):
            raise Unwritable(f"{calls[0].name} does something else each time it is called")
        return first


def _in_order(tape: Tape) -> Iterator[str]:
    """Modules that take part and owners of tensors that do, as the network lists them."""
    wanted = {*tape.modules, *(name.rpartition(".")[0] for name in tape.tensors)}
    return (name for names in tape.names.values() for name in names if name in wanted)


def _shared(tape: Tape) -> Iterator[tuple[str, str]]:
    """(other name, first name) of modules with weights that are used in several places."""
    for module, names in tape.names.items():
        first, *others = [name for name in names if name in tape.modules] or [""]
        if any(True for _ in module.parameters()):
            yield from ((name, first) for name in others)


def _indented(lines: Iterable[str]) -> list[str]:
    return [f"    {line}" for line in lines]
