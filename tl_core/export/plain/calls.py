"""A network's layers as calls of Python, laid out over lines."""

import inspect
import keyword
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Union

from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd

from tl_core.export.plain.statements import constant
from tl_core.export.plain.values import Unwritable

_WIDTH = 118
PLAIN, LIST, DICT = ("(", ")"), ("([", "])"), ("(**{", "})")


@dataclass(frozen=True, slots=True)
class Call:
    """Of a class; its arguments are calls again, or text."""

    name: str
    arguments: list[tuple[str, Union["Call", str]]] = field(default_factory=list)
    """(keyword or nothing, value)."""
    brackets: tuple[str, str] = PLAIN

    def lines(self, depth: int, before: str = "", after: str = "") -> Iterator[str]:
        """With `before` and `after` around it, so many levels deep."""
        pad, (opened, closed) = "    " * depth, self.brackets
        flat = f"{pad}{before}{self}{after}"
        if len(flat) <= _WIDTH or not self.arguments:
            yield flat
            return
        yield f"{pad}{before}{self.name}{opened}"
        for key, value in self.arguments:
            if isinstance(value, Call):
                yield from value.lines(depth + 1, self._key(key), ",")
            else:
                yield f"{pad}    {self._key(key)}{value},"
        yield f"{pad}{closed}{after}"

    def _key(self, key: str) -> str:
        if self.brackets == DICT:
            return f"{key!r}: "
        return f"{key}=" if key else ""

    def __str__(self) -> str:
        inside = ", ".join(f"{self._key(key)}{value}" for key, value in self.arguments)
        return f"{self.name}{self.brackets[0]}{inside}{self.brackets[1]}"


Arguments = list[tuple[str, Call | str]]


def options(module: nn.Module, kind: type[nn.Module]) -> Arguments:
    """What `kind` is to be given to make that layer: where its attributes are not what it takes by itself."""
    found: Arguments = []
    if kind.__init__ is nn.Module.__init__ or kind is nn.Identity:
        return found
    for name, parameter in inspect.signature(kind).parameters.items():
        is_needed = parameter.default is parameter.empty
        if name in ("device", "dtype"):
            continue
        if is_needed and not hasattr(module, name):  # such as an LSTM's "args"
            raise Unwritable(f"a {kind.__name__} does not say its {name}")
        value = _setting(module, name, parameter.default)
        if is_needed:
            found.append(("", _plain(value)))
        elif value != parameter.default:
            found.append((name, _plain(value)))
    return found


def _setting(module: nn.Module, name: str, default: Any) -> Any:
    value = getattr(module, name, default)
    if name == "bias":
        return value is not None and value is not False
    if isinstance(value, Tensor):
        raise Unwritable(f"a {type(module).__name__} is made from a tensor")
    is_even = isinstance(module, _ConvNd) and isinstance(value, tuple) and len(set(value)) == 1
    return value[0] if is_even else value


def _plain(value: Any) -> str:
    if isinstance(value, tuple | list):
        return f"({', '.join(map(_plain, value))}{',' * (len(value) == 1)})"
    return constant(value)


def torch_name(kind: type) -> str:
    """How a layer of torch is written."""
    if getattr(nn, kind.__name__, None) is not kind:
        raise Unwritable(f"{kind.__name__} is not in torch.nn")
    return f"nn.{kind.__name__}"


def empty(tensor: Tensor) -> str:
    """A weight or buffer of that shape, to be filled."""
    shape = ", ".join(map(str, tensor.shape))
    if isinstance(tensor, nn.Parameter):
        return f"weight({shape})"
    return f"torch.empty({shape or '()'}, dtype={tensor.dtype})"


def is_name(text: str) -> bool:
    return text.isidentifier() and not keyword.iskeyword(text)
