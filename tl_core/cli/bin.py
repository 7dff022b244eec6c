"""Commands `bin list`, `bin restore` and `bin empty`."""

from __future__ import annotations

import dataclasses
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Column

from tl_core.cli.options import AsJson
from tl_core.cli.output import narrow_table, out, print_json
from tl_core.memory import importing
from tl_core.text import number_of, size

if TYPE_CHECKING:
    from tl_core.bin import BinEntry

bin_commands = typer.Typer(
    name="bin",
    help="Restore datasets and runs that were deleted in the app, or delete them for good.",
    rich_markup_mode=None,
)


@bin_commands.command("list")
def list_entries(as_json: AsJson = False) -> None:
    """List the deleted datasets and runs that can still be restored, with their sizes."""
    with importing():
        from tl_core.bin import delete_expired, list_bin
        from tl_core.workspace import open_workspace

    workspace = open_workspace()
    # As a server does, so that an installation without one keeps the promised time, too.
    delete_expired(workspace)
    entries = list_bin(workspace)
    if as_json:
        return print_json([_json(entry) for entry in entries])
    if not entries:
        return out.print("The bin is empty.")
    table = narrow_table(
        Column("id", no_wrap=True),
        "kind",
        Column("name", overflow="fold"),
        Column("size", no_wrap=True),
        Column("deleted for good", no_wrap=True),
    )
    for entry in entries:
        binned = entry.binned
        gone = f"{datetime.fromtimestamp(entry.gone_at):%Y-%m-%d %H:%M}"
        table.add_row(binned.id, binned.kind, binned.name, size(entry.n_bytes), gone)
    out.print(table)
    out.print(f"They take {_total(entries)} of disk until then, or until `bin empty`.")


@bin_commands.command("restore")
def restore_entries(
    ids: Annotated[list[str], typer.Argument(metavar="ID...", help="Ids that `bin list` shows.")],
    as_json: AsJson = False,
) -> None:
    """Take datasets or runs out of the bin."""
    with importing():
        from tl_core.bin import restore
        from tl_core.workspace import open_workspace

    workspace = open_workspace()
    restored = [restore(workspace, record_id) for record_id in ids]
    if as_json:
        return print_json([dataclasses.asdict(binned) for binned in restored])
    for binned in restored:
        out.print(f"Restored the {binned.kind} {binned.name} ({binned.id}).")


@bin_commands.command("empty")
def empty(as_json: AsJson = False) -> None:
    """Delete for good all that is in the bin."""
    with importing():
        from tl_core.bin import empty_bin
        from tl_core.workspace import open_workspace

    entries = empty_bin(open_workspace())
    if as_json:
        return print_json([_json(entry) for entry in entries])
    n = number_of(len(entries), "entry", "entries")
    out.print(f"Deleted {n} for good, {_total(entries)} of files.")


def _total(entries: list[BinEntry]) -> str:
    return size(sum(entry.n_bytes for entry in entries))


def _json(entry: BinEntry) -> dict[str, Any]:
    return {
        **dataclasses.asdict(entry.binned),
        "n_bytes": entry.n_bytes,
        "gone_at": entry.gone_at,
    }
