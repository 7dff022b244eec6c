"""The catalogue of backbones, for people and for scripts."""

import dataclasses
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from rich.table import Column, Table

from tl_core.backbones import (
    Backbone,
    anatomy,
    find_weights,
    get_backbone,
    list_backbones,
    search_timm,
)
from tl_core.cli.output import out, print_json
from tl_core.errors import TransferLabError
from tl_core.training.speed_records import measured_speeds
from tl_core.workspace import Workspace, open_workspace

_FEW = 20
"""Networks that are looked into; each takes some tenths of a second."""
_RECOMMENDED = 9
"""Of the whole catalogue only the first, which are the recommended ones."""


def backbones(search: str | None, as_json: bool) -> None:
    workspace = open_workspace()
    found = list_backbones() if search is None else _find(search)
    speeds = measured_speeds(workspace.settings.home)
    if as_json:
        looked_into = _RECOMMENDED if search is None else _FEW if len(found) <= _FEW else 0
        rows = [
            _row(workspace, backbone, speeds, place < looked_into)
            for place, backbone in enumerate(found)
        ]
        return print_json(rows)
    if not found:
        return out.print(f"No backbone has {search!r} in its name, here or in timm.")
    out.print(_table(workspace, found, speeds))


def _find(text: str) -> tuple[Backbone, ...]:
    wanted = text.casefold()
    ours = [
        row
        for row in list_backbones()
        if any(wanted in t.casefold() for t in (row.name, row.title, row.family))
    ]
    names = {row.name for row in ours}
    return (*ours, *(get_backbone(name) for name in search_timm(text) if name not in names))


def _row(
    workspace: Workspace, backbone: Backbone, speeds: Mapping[str, float], look_into: bool
) -> dict[str, Any]:
    stages = _stages(backbone) if look_into else None
    return {
        **dataclasses.asdict(backbone),
        "image_size": backbone.preprocessing.size,
        "licence": backbone.weights.licence,
        "weights_here": _has_weights(workspace, backbone),
        "images_per_second": speeds.get(backbone.name),
        "n_stages": len(stages) if stages is not None else None,
        "stages": stages,
    }


def _stages(backbone: Backbone) -> list[dict[str, Any]] | None:
    """None where the network cannot be cut into stages."""
    with suppress(TransferLabError):
        return [
            {"name": stage.name, "parameters": stage.parameters}
            for stage in anatomy(backbone).stages
        ]
    return None


def _has_weights(workspace: Workspace, backbone: Backbone) -> bool:
    return find_weights(backbone, workspace.settings.weights_folders) is not None


def _table(workspace: Workspace, found: tuple[Backbone, ...], speeds: Mapping[str, float]) -> Table:
    measured = (
        [Column("images/s here", justify="right")]
        if any(row.name in speeds for row in found)
        else []
    )
    table = Table(
        Column("name", no_wrap=True),
        Column("parameters", justify="right"),
        Column("ImageNet", justify="right"),
        Column("pixels", justify="right"),
        *measured,
        "weights here",
        "licence of the weights",
    )
    for row in found:
        table.add_row(
            row.name,
            f"{row.parameters / 1e6:.1f} M" if row.parameters else "",
            f"{row.top1:.1%}" if row.top1 else "",
            str(row.preprocessing.size),
            *([f"{speeds[row.name]:.1f}" if row.name in speeds else ""] if measured else []),
            "yes" if _has_weights(workspace, row) else "no",
            row.weights.licence,
        )
    return table
