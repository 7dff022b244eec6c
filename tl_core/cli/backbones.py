"""Command `backbones`, which lists the catalogue."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import JustifyMethod
from rich.table import Table

from tl_core.cli.options import AsJson
from tl_core.cli.output import out, print_json
from tl_core.errors import TransferLabError
from tl_core.memory import importing
from tl_core.text import percent

if TYPE_CHECKING:
    from tl_core.backbones import Backbone
    from tl_core.workspace import Workspace

_MOST_TRACED = 20
"""Longest search result with stages, since tracing a network takes some tenths of a second."""
_RECOMMENDED = 9
"""Number of recommended networks, which are first in the catalogue and whose stages are listed."""


def backbones(
    search: Annotated[
        str | None,
        typer.Option(metavar="TEXT", help="List only names that contain this, also from timm."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List the backbones."""
    with importing():
        from tl_core.backbones import list_backbones
        from tl_core.training.speed_records import measured_speeds
        from tl_core.workspace import open_workspace

    workspace = open_workspace()
    found = list_backbones() if search is None else _find(search)
    speeds = measured_speeds(workspace.settings.home)
    if as_json:
        traced = found[:_RECOMMENDED] if search is None else found
        if len(traced) > _MOST_TRACED:
            traced = ()
        return print_json([_json(workspace, row, speeds, row in traced) for row in found])
    if not found:
        return out.print(f"No backbone has {search!r} in its name, here or in timm.")
    out.print(_table(workspace, found, speeds))


def _find(text: str) -> tuple[Backbone, ...]:
    from tl_core.backbones import get_backbone, list_backbones, search_timm

    wanted = text.casefold()
    listed = [
        row
        for row in list_backbones()
        if any(wanted in field.casefold() for field in (row.name, row.title, row.family))
    ]
    names = {row.name for row in listed}
    return (*listed, *(get_backbone(name) for name in search_timm(text) if name not in names))


def _json(
    workspace: Workspace, backbone: Backbone, speeds: Mapping[str, float], with_stages: bool
) -> dict[str, Any]:
    stages = _stages(backbone) if with_stages else None
    return {
        **dataclasses.asdict(backbone),
        "image_size": backbone.preprocessing.size,
        "licence": backbone.weights.licence,
        "weights_here": _has_weights(workspace, backbone),
        "images_per_second": speeds.get(backbone.name),
        "n_stages": None if stages is None else len(stages),
        "stages": stages,
    }


def _stages(backbone: Backbone) -> list[dict[str, Any]] | None:
    """Return each stage's name and number of parameters; None if the network cannot be divided."""
    from tl_core.backbones import anatomy

    with suppress(TransferLabError):
        return [
            {"name": stage.name, "parameters": stage.parameters}
            for stage in anatomy(backbone).stages
        ]
    return None


def _has_weights(workspace: Workspace, backbone: Backbone) -> bool:
    from tl_core.backbones import find_weights

    return find_weights(backbone, workspace.weights_folders) is not None


def _table(workspace: Workspace, found: Sequence[Backbone], speeds: Mapping[str, float]) -> Table:
    columns = {
        "name": [row.name for row in found],
        "parameters": [f"{row.parameters / 1e6:.1f} M" if row.parameters else "" for row in found],
        "ImageNet": [percent(row.top1) if row.top1 else "" for row in found],
        "pixels": [str(row.preprocessing.size) for row in found],
    }
    if any(row.name in speeds for row in found):
        columns["images/s here"] = [
            f"{speeds[row.name]:.1f}" if row.name in speeds else "" for row in found
        ]
    numeric = list(columns)[1:]
    columns["weights here"] = ["yes" if _has_weights(workspace, row) else "no" for row in found]
    columns["licence of the weights"] = [row.weights.licence for row in found]
    table = Table()
    for name in columns:
        justify: JustifyMethod = "right" if name in numeric else "left"
        table.add_column(name, justify=justify, no_wrap=name == "name")
    for cells in zip(*columns.values(), strict=True):
        table.add_row(*cells)
    return table
