"""The body of a forward as Python."""

import math
from collections.abc import Callable, Iterator
from typing import Any

import torch

from tl_core.export.plain.frame import Frame
from tl_core.export.plain.values import Step, Unwritable, Value, leaves

_NAMES = ("x", "y", "z", "u", "v", "w", *(f"x{i}" for i in range(1, 1000)))

Path = Callable[[str, str], str]
"""From a module's dotted name, and a dotted name inside it, to how the second is written behind `self`."""


def statements(frame: Frame, path: Path) -> Iterator[str]:
    """A line each. A name is used again when nobody needs its value any more."""
    steps = _needed(frame)
    last_use = {value: len(steps) for value in _named(frame.result)}
    for place, step in reversed(list(enumerate(steps))):
        for value in _named((step.args, step.kwargs)):
            last_use.setdefault(value, place)
    names = {value: name for name, value in frame.inputs.items()}
    written = _Written(frame, names, path)
    for place, step in enumerate(steps):
        text = written.statement(step)
        done = {value for value in names if last_use.get(value, -1) <= place}
        used_here = [value for value in _named(step.args) if value in done]
        freed = [
            names.pop(value)
            for value in dict.fromkeys([*used_here, *(v for v in names if v in done)])
        ]
        if step.result is not None and step.result in last_use:
            name = next(name for name in (*freed, *_NAMES) if name not in names.values())
            names[step.result] = name
            text = f"{name} = {text}"
        yield text
    yield f"return {written.text(frame.result)}"


class _Written:
    """How steps and values are written, as long as values have those names."""

    def __init__(self, frame: Frame, names: dict[Value, str], path: Path) -> None:
        self._frame, self._names, self._path = frame, names, path

    def statement(self, step: Step) -> str:
        form, args = step.form, step.args
        if form.startswith("{0}["):
            text = f"{self.text(args[0])}[{self._index(args[1])}]"
            return f"{text} = {self.text(args[2])}" if args[2:] else text
        if not form.endswith("("):
            return form.format(*map(self._operand, args))
        if form.startswith("{0}."):
            form, args = f"{self._operand(args[0])}{form[3:]}", args[1:]
        elif form.startswith("self:"):
            form = f"self{self._path(self._frame.name, form[5:-1])}("
        every = [
            *map(self.text, args),
            *(f"{key}={self.text(value)}" for key, value in step.kwargs.items()),
        ]
        return f"{form}{', '.join(every)})"

    def text(self, what: Any) -> str:
        if type(what) is Value:
            if not what.text.startswith("self."):
                return self._names[what]
            owner, _, last = what.text[5:].rpartition(".")
            return f"self{self._path(self._frame.name, owner)}.{last}"
        if isinstance(what, list | tuple):
            inside = ", ".join(map(self.text, what))
            return (
                f"[{inside}]" if isinstance(what, list) else f"({inside}{',' * (len(what) == 1)})"
            )
        if isinstance(what, slice):
            return f"slice({self.text(what.start)}, {self.text(what.stop)}, {self.text(what.step)})"
        if isinstance(what, torch.device):  # where its input is
            return f"{next(iter(self._frame.inputs))}.device"
        return constant(what)

    def _operand(self, what: Any) -> str:
        return (
            f"({self.text(what)})"
            if isinstance(what, int | float) and what < 0
            else self.text(what)
        )

    def _index(self, key: Any) -> str:
        if isinstance(key, tuple) and key:
            return ", ".join(map(self._place, key)) + "," * (len(key) == 1)
        return self._place(key)

    def _place(self, key: Any) -> str:
        if not isinstance(key, slice):
            return self.text(key)
        parts = [
            "" if each is None else self.text(each) for each in (key.start, key.stop, key.step)
        ]
        return ":".join(parts if parts[2] else parts[:2])


def constant(what: Any) -> str:
    """A setting, as Python writes it.

    Raises:
        Unwritable: it cannot be written so.
    """
    if isinstance(what, float) and not math.isfinite(what):
        return f'float("{what}")'
    if what is None or isinstance(what, bool | int | float | str):
        return repr(what)
    if what is Ellipsis:
        return "..."
    if isinstance(what, torch.dtype | torch.memory_format):
        return str(what)
    raise Unwritable(f"it uses a {type(what).__name__}")


def _needed(frame: Frame) -> list[Step]:
    """Those that lead to its result, or change something."""
    wanted, kept = set(_named(frame.result)), list[Step]()
    for step in reversed(frame.steps):
        if step.has_effect or step.result in wanted:
            kept.append(step)
            wanted.update(_named((step.args, step.kwargs)))
    return kept[::-1]


def _named(what: Any) -> list[Value]:
    """The values in it that go by a name of their own, and are no weights."""
    return [
        each for each in leaves(what) if type(each) is Value and not each.text.startswith("self.")
    ]
