"""Command `doctor`, which examines an installation and repairs what it can."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tl_core.cli.options import AsJson
from tl_core.cli.output import out, print_json, progress_bar
from tl_core.memory import importing
from tl_core.text import number_of

if TYPE_CHECKING:
    from tl_core.upkeep.findings import Examined

_FOUND = 1
"""Exit code where something is wrong that was not repaired."""


def doctor(
    repair: Annotated[
        bool, typer.Option("--repair", help="Repair what can be repaired without losing anything.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Look for what is wrong with the home folder, database, images and models.

    Works while the app runs, and on a full disk. Exits with 1 if anything is wrong.
    """
    with importing():
        from tl_core.settings import Settings
        from tl_core.upkeep.doctor import examine

    examined: list[Examined] = []
    with progress_bar() as bar:
        task = bar.add_task("examining", total=None)
        found = examine(
            Settings.from_environment(),
            repair=repair,
            on_file=lambda words: bar.update(task, description=words),
        )
        for one in found:
            examined.append(one)
            if not as_json:
                out.print(_line(one, repair))
    left = [one for one in examined if not one.is_repaired]
    if as_json:
        print_json([_json(one) for one in examined])
    else:
        out.print(_summary(examined, left))
    if left:
        raise typer.Exit(_FOUND)


def _line(one: Examined, repair: bool) -> str:
    finding = one.finding
    if one.is_repaired:
        return f"{finding.sentence} It was repaired."
    if one.failure:
        return f"{finding.sentence} It could not be repaired: {one.failure}"
    is_promise = finding.repair is not None and not repair
    return f"{finding.sentence} {finding.advice}{' (--repair)' if is_promise else ''}"


def _summary(examined: list[Examined], left: list[Examined]) -> str:
    if not examined:
        return "Nothing is wrong."
    found = number_of(len(examined), "finding")
    if not left:
        return f"{found}, all repaired."
    return f"{found}, {len(examined) - len(left)} repaired."


def _json(one: Examined) -> dict[str, Any]:
    finding = one.finding
    fields = {
        field.name: getattr(finding, field.name)
        for field in dataclasses.fields(finding)
        if field.name != "repair"
    }
    return {
        **fields,
        "can_be_repaired": finding.repair is not None,
        "is_repaired": one.is_repaired,
        "failure": one.failure,
    }
