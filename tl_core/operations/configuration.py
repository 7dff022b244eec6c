"""Settings of this machine, each looked at by itself, so that one mistake hides no other."""

import difflib
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel

from tl_core.errors import ConfigError
from tl_core.home import why_not_writable
from tl_core.settings import Limits, Settings, variable_of

_PREFIX = "TRANSFERLAB_"
_SECRET = "set (hidden)"  # noqa: S105
_MUST_EXIST = ("weights_folder", "server_folders")


@dataclass(frozen=True, slots=True)
class Setting:
    variable: str
    value: str
    """Value in effect as text; secrets are hidden, and empty stands for none."""
    source: Literal["default", "variable"]
    problem: str = ""
    """Sentence on what is wrong; empty if nothing is."""


def explain_settings(environ: Mapping[str, str] | None = None) -> list[Setting]:
    """Explain every setting, then every variable that looks like one and is none."""
    environ = os.environ if environ is None else environ
    found = [*_explained(Settings, environ), *_explained(Limits, environ)]
    known = [setting.variable for setting in found]
    strange = sorted(name for name in environ if name.startswith(_PREFIX) and name not in known)
    return [*found, *(_unknown(name, known) for name in strange)]


def _explained(model: type[BaseModel], environ: Mapping[str, str]) -> Iterator[Setting]:
    for field, info in model.model_fields.items():
        if field == "limits":
            continue
        variable = variable_of(field)
        given = environ.get(variable)
        source: Literal["default", "variable"] = "variable" if given else "default"
        try:
            settings = Settings.from_environment(_alone(variable, environ))
        except ConfigError as error:
            # A secret that is wrong may be nearly right.
            value = given if info.repr else _SECRET
            yield Setting(variable, value or "", source, str(error))
            continue
        value = getattr(settings if model is Settings else settings.limits, field)
        shown = _shown(value) if info.repr or not given else _SECRET
        yield Setting(variable, shown, source, _problem_of(field, value))


def _alone(variable: str, environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of one setting.

    The default of the database depends on the home folder, too.
    """
    names = {variable}
    if variable == variable_of("database_url"):
        names.add(variable_of("home"))
    return {name: environ[name] for name in names if name in environ}


def _shown(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(map(_shown_part, value))
    return str(value)


def _shown_part(part: Any) -> str:
    return "=".join(map(str, part)) if isinstance(part, tuple) else str(part)


def _problem_of(field: str, value: Any) -> str:
    """Return a sentence on a value that is possible, and does not fit this machine."""
    if field == "home":
        reason = why_not_writable(value) if value.is_dir() else ""
        return f"The folder {value} cannot be written ({reason})." if reason else ""
    if field in _MUST_EXIST and value:
        folders: tuple[Path, ...] = (value,) if isinstance(value, Path) else value
        missing = [str(folder) for folder in folders if not folder.is_dir()]
        if missing:
            return f"{variable_of(field)}: there is no folder {', '.join(missing)}; make it."
    return ""


def _unknown(name: str, known: Sequence[str]) -> Setting:
    near = difflib.get_close_matches(name, known, n=1)
    hint = f"; perhaps {near[0]} is meant" if near else ""
    # Its value may be a secret under a name with a slip.
    problem = f"{name} is no setting, and read by nothing{hint}."
    return Setting(name, _SECRET, "variable", problem)
