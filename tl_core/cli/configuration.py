"""Command `config`: what is set on this machine, from where, and what is wrong."""

import dataclasses

import typer
from rich.table import Column

from tl_core.cli.options import AsJson
from tl_core.cli.output import narrow_table, out, print_json
from tl_core.operations import explain_settings


def config(as_json: AsJson = False) -> None:
    """Show every setting of this machine, where it comes from, and what is wrong with it.

    Exits with 2 if something is wrong.
    """
    settings = explain_settings()
    wrong = [setting for setting in settings if setting.problem]
    if as_json:
        print_json([dataclasses.asdict(setting) for setting in settings])
    else:
        table = narrow_table(
            Column("setting", no_wrap=True), Column("value", overflow="fold"), "from"
        )
        for setting in settings:
            table.add_row(setting.variable, setting.value or "-", setting.source)
        out.print(table)
        for setting in wrong:
            out.print(f"Wrong: {setting.problem}")
    if wrong:
        raise typer.Exit(2)
