"""A traced network as Python: a class for every kind of module, and a function that puts them together."""

import inspect
import keyword
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.conv import _ConvNd

from tl_core.export.network_trace import Frame, Step, Tape, Unwritable, Value, is_leaf, leaves, own_class
from tl_core.export.standalone import layers

_WIDTH = 118
_NAMES = ("x", "y", "z", "u", "v", "w")
_LIST, _DICT = ("([", "])"), ("(**{", "})")


def network_source(tape: Tape, head: str) -> str:
    """Classes, and `make_backbone()`, which builds the network with nothing in the head's place.

    Raises:
        Unwritable: it holds what has no name in Python.
    """
    return _Writer(tape, head).write()


@dataclass
class _Called:
    """An expression that is a call, to be laid out over lines."""

    name: str
    arguments: list[tuple[str, "_Called | str"]]
    """(keyword or nothing, value)."""
    brackets: tuple[str, str] = ("(", ")")

    def lines(self, depth: int, before: str = "", after: str = "") -> Iterator[str]:
        pad = "    " * depth
        if len(flat := f"{pad}{before}{self}{after}") <= _WIDTH or not self.arguments:
            yield flat
            return
        yield f"{pad}{before}{self.name}{self.brackets[0]}"
        for key, value in self.arguments:
            start = self._key(key)
            if isinstance(value, str):
                yield f"{pad}    {start}{value},"
            else:
                yield from value.lines(depth + 1, start, ",")
        yield f"{pad}{self.brackets[1]}{after}"

    def _key(self, key: str) -> str:
        return f"{key!r}: " if self.brackets == _DICT else f"{key}=" if key else ""

    def __str__(self) -> str:
        inside = ", ".join(f"{self._key(key)}{value}" for key, value in self.arguments)
        return f"{self.name}{self.brackets[0]}{inside}{self.brackets[1]}"


@dataclass
class _Writer:
    tape: Tape
    head: str
    classes: dict[str, tuple[str, str]] = field(default_factory=dict)
    """By name: the kind it is of, and its source."""
    used: dict[str, type[nn.Module]] = field(default_factory=dict)
    """Those of `layers`."""

    def __post_init__(self) -> None:
        self.children: dict[str, list[str]] = {"": []}
        for name in dict.fromkeys([*self._in_order(), self.head]):
            self._enter(name)

    def _in_order(self) -> Iterable[str]:
        """Modules that take part and owners of tensors that do, as the network lists them."""
        wanted = {*self.tape.modules, *(name.rpartition(".")[0] for name in self.tape.tensors)}
        return (name for name in self.tape.listed if name in wanted)

    def _enter(self, name: str) -> None:
        parent, _, last = name.rpartition(".")
        if not name or last in self.children.get(parent, ()):
            return
        self._enter(parent)
        self.children.setdefault(parent, []).append(last)

    def write(self) -> str:
        built = self._build("")
        own = [inspect.getsource(kind) for kind in (layers.Part, layers.weight, *self.used.values())]
        body = "\n".join(["def make_backbone():", *_as_call(built).lines(1, "return ")])
        return "\n\n".join("\n" + source.strip() for source in (*own, *(s for _, s in self.classes.values()), body))

    # What it is put together from

    def _build(self, name: str) -> "_Called | str":
        module = self.tape.modules.get(name)
        if name == self.head:
            return _Called("nn.Identity", [])
        if module is not None and is_leaf(module):
            return self._leaf(name, module)
        children = self.children.get(name, [])
        numbered = self._is_list(name)
        parts = [("" if numbered else last, self._build(_join(name, last))) for last in self._places(name, children)]
        parts += [(key, _empty(tensor)) for key, tensor in self._tensors(name)]
        kind = self._class_of(name, module)
        if kind == "nn.Sequential" and not numbered:
            return _Called(kind, [("", _Called("OrderedDict", parts))])
        if kind == "nn.ModuleList":
            return _Called(kind, parts, _LIST)
        are_names = all(_is_name(key) for key, _ in parts if key)
        return _Called(kind, parts) if are_names else _Called(kind, parts, _DICT)

    def _places(self, name: str, children: list[str]) -> list[str]:
        if not self._is_list(name):
            return children
        return [str(i) for i in range(1 + max(map(int, children)))]

    def _is_list(self, name: str) -> bool:
        children = self.children.get(name, [])
        return bool(children) and all(child.isdecimal() for child in children) and not self._tensors(name)

    def _tensors(self, name: str) -> list[tuple[str, Tensor]]:
        parted = ((whole.rpartition("."), tensor) for whole, tensor in self.tape.tensors.items())
        return [(last, tensor) for (owner, _, last), tensor in parted if owner == name]

    def _leaf(self, name: str, module: nn.Module) -> "_Called":
        kind = own_class(module)
        if kind:
            self.used[kind.__name__] = kind
        base = next(each for each in type(module).__mro__ if each.__module__.startswith("torch.nn.modules."))
        arguments = _options(module, kind if kind is layers.DropPath else base)
        arguments += [(last, self._build_child(child)) for last, child in module.named_children()]
        return _Called(kind.__name__ if kind else _public(type(module)), arguments)

    def _build_child(self, module: nn.Module) -> "_Called | str":
        if not is_leaf(module):
            raise Unwritable(f"a {type(module).__name__} lies in a layer")
        return self._leaf("", module)

    # Classes

    def _class_of(self, name: str, module: nn.Module | None) -> str:
        frames = self.tape.frames.get(name)
        if not frames:
            return "nn.ModuleList" if self._is_list(name) else "Part"
        if module is not None and type(module).forward is nn.Sequential.forward:
            return "nn.Sequential"
        if isinstance(module, _BatchNorm):
            raise Unwritable(f"its {type(module).__name__} is a normalisation of its own")
        title = type(module).__name__ if module is not None else "Network"
        base = "nn.Sequential" if self._is_list(name) else "Part"
        source = f"({base}):\n{self._forward(name, frames)}"
        for i in range(1, 10_000):
            known = self.classes.setdefault(title if i == 1 else f"{title}{i}", (title, ""))
            whole = f"class {title if i == 1 else f'{title}{i}'}{source}"
            if known[1] in ("", whole):
                self.classes[title if i == 1 else f"{title}{i}"] = (title, whole)
                return title if i == 1 else f"{title}{i}"
        raise Unwritable("it has too many kinds of modules")

    def _forward(self, name: str, frames: dict[bool, list[Frame]]) -> str:
        written = {}
        for training, calls in frames.items():
            bodies = {tuple(self._body(frame)): frame for frame in calls}
            if len(bodies) > 1:
                raise Unwritable(f"{name or 'it'} does something else each time it is called")
            ((lines, frame),) = bodies.items()
            written[training] = (list(frame.inputs), list(lines))
        (inputs, body), *other = written.values()
        if other and other[0] != (inputs, body):
            if other[0][0] != inputs or not name:
                raise Unwritable(f"{name or 'it'} is another network in training")
            body = ["if self.training:", *_indent(written[True][1]), *written[False][1]]
        return "\n".join(_indent([f"def forward({', '.join(['self', *inputs])}):", *_indent(body)]))

    def _body(self, frame: Frame) -> Iterator[str]:
        steps = _needed(frame)
        last_use: dict[Value, int] = {each: len(steps) for each in _values(frame.result)}
        for place, step in reversed(list(enumerate(steps))):
            for value in _values((step.args, step.kwargs)):
                last_use.setdefault(value, place)
        names = {value: name for name, value in frame.inputs.items()}
        for place, step in enumerate(steps):
            text = self._statement(step, names, frame)
            done = {value for value in names if last_use.get(value, -1) <= place}
            first = [value for value in _values(step.args) if value in done]
            freed = [names.pop(value) for value in dict.fromkeys([*first, *(each for each in names if each in done)])]
            if step.result is not None and step.result in last_use:
                names[step.result] = _new_name(freed, set(names.values()))
                text = f"{names[step.result]} = {text}"
            yield text
        yield f"return {self._text(frame.result, names, frame)}"

    def _statement(self, step: Step, names: dict[Value, str], frame: Frame) -> str:
        def text(what: Any) -> str:
            return self._text(what, names, frame)

        form, args = step.form, step.args
        if form.endswith("("):
            if form == "head(":
                form = f"self{self._path('', self.head)}("
            elif form.startswith("{0}"):
                form, args = form.replace("{0}", text(args[0])), args[1:]
            elif form.startswith("self:"):
                form = f"self{self._path(frame.name, form[5:-1])}("
            every = [*map(text, args), *(f"{key}={text(value)}" for key, value in step.kwargs.items())]
            return f"{form}{', '.join(every)})"
        if form == "{0}[{1}]" or form.startswith("{0}[{1}] ="):
            key = args[1]
            inside = ", ".join(map(text, key)) if isinstance(key, tuple) and key else text(key)
            return (
                form.replace("{1}", inside)
                .replace("{0}", text(args[0]))
                .replace("{2}", text(args[2]) if args[2:] else "")
            )
        return form.format(*(f"({text(a)})" if isinstance(a, int | float) and a < 0 else text(a) for a in args))

    def _text(self, what: Any, names: dict[Value, str], frame: Frame) -> str:
        def text(each: Any) -> str:
            return self._text(each, names, frame)

        if type(what) is Value:
            if not what._text.startswith("self."):
                return names[what]
            owner, _, last = what._text[5:].rpartition(".")
            return f"self{self._path(frame.name, owner)}.{last}"
        if isinstance(what, list):
            return f"[{', '.join(map(text, what))}]"
        if isinstance(what, tuple):
            return f"({', '.join(map(text, what))}{',' * (len(what) == 1)})"
        if isinstance(what, dict):
            return f"{{{', '.join(f'{key!r}: {text(value)}' for key, value in what.items())}}}"
        if isinstance(what, slice):
            parts = ["" if each is None else text(each) for each in (what.start, what.stop, what.step)]
            return ":".join(parts if parts[2] else parts[:2])
        return _constant(what, next(iter(frame.inputs), None))

    def _path(self, owner: str, path: str) -> str:
        text = ""
        for part in path.split(".") if path else ():
            whole = _join(owner, part)
            if self._is_list(owner):
                text += f"[{part}]"
            else:
                text += f".{part}" if _is_name(part) else f".get_submodule({part!r})"
            owner = whole
        return text


def _needed(frame: Frame) -> list[Step]:
    wanted, kept = set(_values(frame.result)), list[Step]()
    for step in reversed(frame.steps):
        if step.has_effect or step.result in wanted:
            kept.append(step)
            wanted.update(_values((step.args, step.kwargs)))
    return kept[::-1]


def _values(what: Any) -> list[Value]:
    return [each for each in leaves(what) if type(each) is Value and not each._text.startswith("self.")]


def _new_name(freed: list[str], taken: set[str]) -> str:
    free = (name for name in (*freed, *_NAMES, *(f"x{i}" for i in range(1, 1000))) if name not in taken)
    return next(free)


def _indent(lines: Iterable[str]) -> list[str]:
    return [f"    {line}" for line in lines]


def _join(owner: str, last: str) -> str:
    return f"{owner}.{last}" if owner else last


def _is_name(text: str) -> bool:
    return text.isidentifier() and not keyword.iskeyword(text)


def _as_call(built: "_Called | str") -> _Called:
    assert isinstance(built, _Called)
    return built


def _public(kind: type) -> str:
    if getattr(nn, kind.__name__, None) is not kind:
        raise Unwritable(f"{kind.__name__} is not in torch.nn")
    return f"nn.{kind.__name__}"


def _empty(tensor: Tensor) -> str:
    shape = ", ".join(map(str, tensor.shape))
    if isinstance(tensor, nn.Parameter):
        return f"weight({shape})"
    return f"torch.empty({shape or '()'}, dtype={tensor.dtype})"


def _constant(what: Any, given: str | None) -> str:
    """A setting, as Python writes it."""
    if isinstance(what, torch.device):
        if given is None:
            raise Unwritable("it makes tensors of nothing")
        return f"{given}.device"
    if isinstance(what, float) and not math.isfinite(what):
        return f'float("{what}")'
    if what is None or what is Ellipsis or isinstance(what, bool | int | float | str):
        return "..." if what is Ellipsis else repr(what)
    if isinstance(what, torch.dtype | torch.memory_format):
        return str(what)
    raise Unwritable(f"it uses a {type(what).__name__}")


def _options(module: nn.Module, kind: type[nn.Module]) -> list[tuple[str, "_Called | str"]]:
    """What its class is to be given: attributes of the names of its arguments, where they are not the default."""
    found, by_place = list[tuple[str, _Called | str]](), True
    for name, parameter in inspect.signature(kind).parameters.items():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD) or name in ("device", "dtype"):
            continue
        known = hasattr(module, name)
        value = getattr(module, name, parameter.default)
        if name == "bias" and not isinstance(value, bool):
            value = value is not None
        if not known and parameter.default is parameter.empty:
            raise Unwritable(f"a {kind.__name__} does not say its {name}")
        if isinstance(module, _ConvNd) and isinstance(value, tuple) and len(set(value)) == 1:
            value = value[0]
        if isinstance(value, Tensor):
            raise Unwritable(f"a {kind.__name__} is given a tensor")
        if by_place and parameter.default is parameter.empty:
            found.append(("", _plain(value)))
        elif value != parameter.default or type(value) is not type(parameter.default):
            found.append((name, _plain(value)))
    return found


def _plain(value: Any) -> str:
    if isinstance(value, tuple | list):
        inside = ", ".join(map(_plain, value))
        return f"({inside}{',' * (len(value) == 1)})"
    return _constant(value, None)
