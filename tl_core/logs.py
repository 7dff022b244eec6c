"""Log of a server and its worker: one line for each event, with the run and the person.

User text in a message cannot forge a line: line breaks and control characters become marks.
"""

import json
import logging
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Literal

from tl_core.text import one_line

Kind = Literal["text", "json"]
_run: ContextVar[str] = ContextVar("run", default="")
_person: ContextVar[str] = ContextVar("person", default="")


@contextmanager
def logged_as(*, run: str = "", person: str = "") -> Iterator[None]:
    """Name a run and a person, by their ids, in whatever this thread or task logs in the block."""
    run_before = _run.set(run)
    person_before = _person.set(person)
    try:
        yield
    finally:
        _run.reset(run_before)
        _person.reset(person_before)


def nobody() -> str:
    """Return no person."""
    return ""


def start_logging(
    kind: Kind,
    others: Iterable[logging.Logger] = (),
    find_person: Callable[[], str] = nobody,
) -> None:
    """Write all that this process logs to stderr from now on.

    Args:
        others: loggers with handlers of their own, whose lines take the same form.
        find_person: returns the id of the person for whom the current thread works, where
            `logged_as` has not said it; it must not log.
    """
    formatter = _Json(find_person) if kind == "json" else _Text(find_person)
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.INFO)
    # Libraries tell much that is news only for whoever writes them.
    for ours in ("tl_core", "tl_ui"):
        logging.getLogger(ours).setLevel(logging.INFO)
    handler.addFilter(_is_worth_it)
    for logger in others:
        for own in logger.handlers:
            own.setFormatter(formatter)


def _is_worth_it(record: logging.LogRecord) -> bool:
    return record.levelno >= logging.WARNING or record.name.startswith(("tl_core", "tl_ui"))


class _Formatter(logging.Formatter):
    def __init__(self, find_person: Callable[[], str]) -> None:
        super().__init__()
        self._find_person = find_person

    def fields(self, record: logging.LogRecord) -> dict[str, str]:
        """Return what a line holds; empty fields are left out."""
        trace = self.formatException(record.exc_info) if record.exc_info else ""
        when = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        fields = {
            "time": when,
            "level": record.levelname.lower(),
            "logger": record.name,
            "process": str(record.process),
            "run": _run.get(),
            "person": _person.get() or self._find_person(),
            "message": record.getMessage(),
            "trace": trace,
        }
        return {name: text for name, text in fields.items() if text}


class _Json(_Formatter):
    def format(self, record: logging.LogRecord) -> str:
        # In ASCII, so that nothing in a name turns or hides what stands beside it.
        return json.dumps(self.fields(record))


class _Text(_Formatter):
    def format(self, record: logging.LogRecord) -> str:
        fields = self.fields(record)
        trace = fields.pop("trace", "")
        about = "".join(f" {name}={fields[name]}" for name in ("run", "person") if name in fields)
        head = f"{fields['time']} {fields['level']} {fields['logger']}{about}: "
        line = one_line(head + fields.get("message", ""))
        # An indented line is never taken for the beginning of another event.
        return "\n".join([line, *(f"    {one_line(part)}" for part in trace.splitlines())])
