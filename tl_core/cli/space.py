"""Commands `sizes` and `free`: what takes how much room, and what can go."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from rich.table import Column

from tl_core.cli.options import AsJson
from tl_core.cli.output import narrow_table, out, print_json
from tl_core.memory import importing
from tl_core.text import size

if TYPE_CHECKING:
    from tl_core.upkeep.freeing import Freed
    from tl_core.upkeep.sizes import Sizes
    from tl_core.workspace import Workspace

_MOST = 20
"""Lines of the table for people; programs get all."""


def sizes(as_json: AsJson = False) -> None:
    """Show how much room datasets, runs and people take on the disk."""
    with importing():
        from tl_core.upkeep.sizes import measure
        from tl_core.workspace import open_workspace

    workspace = open_workspace()
    found = measure(workspace)
    if as_json:
        return print_json(
            {
                "items": [dataclasses.asdict(item) for item in found.items],
                "people": found.by_person(),
                "cache": found.cache,
                "free": found.free,
            }
        )
    _print_items(found)
    _print_people(workspace, found)
    out.print(
        f"Datasets {size(found.total('dataset'))}, runs {size(found.total('run'))}, bin "
        f"{size(found.total('bin'))}, cache {size(found.cache)}; {size(found.free)} are free."
    )


def free(as_json: AsJson = False) -> None:
    """Free space: give up the cache and packed exports, and say what else could go.

    Nothing is lost, but some work is computed again when it is needed.
    """
    with importing():
        from tl_core.upkeep.freeing import free_space
        from tl_core.workspace import open_workspace

    freed = free_space(open_workspace())
    if as_json:
        return print_json(dataclasses.asdict(freed))
    for line in _lines(freed):
        out.print(line)


def _print_items(found: Sizes) -> None:
    if not found.items:
        return
    table = narrow_table(
        Column("id", no_wrap=True),
        "kind",
        Column("name", overflow="fold"),
        Column("size", no_wrap=True),
    )
    for item in found.items[:_MOST]:
        table.add_row(item.id, item.kind, item.name, size(item.n_bytes))
    out.print(table)
    if len(found.items) > _MOST:
        out.print(f"And {len(found.items) - _MOST:,} smaller ones; --json lists all.")


def _print_people(workspace: Workspace, found: Sizes) -> None:
    people = found.by_person()
    # With a single one there is nothing to divide.
    if len(people) < 2:
        return
    names = {person.id: person.name for person in workspace.store.list_people()}
    table = narrow_table(Column("person", overflow="fold"), Column("size", no_wrap=True))
    for person_id, n_bytes in people.items():
        table.add_row(names.get(person_id, person_id) or "the operator", size(n_bytes))
    out.print(table)


def _lines(freed: Freed) -> list[str]:
    lines = [
        f"Freed {size(freed.n_bytes)}: {size(freed.cache)} of cache and {size(freed.again)} of "
        "packed exports, which are made again when they are needed."
    ]
    if freed.bin:
        lines.append(f"Emptying the bin would free {size(freed.bin)}: `transferlab bin empty`.")
    if freed.states:
        lines.append(
            f"{size(freed.states)} are training states, which go with their runs when those are "
            "deleted."
        )
    for kind, record_id, name, n_bytes in freed.largest:
        lines.append(f"{size(n_bytes)}: {kind} {name} ({record_id}).")
    return lines
