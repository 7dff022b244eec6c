"""Commands `presets` and `settings`, which list choices for a run."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from tl_core.cli.options import AsJson
from tl_core.cli.output import out, print_json
from tl_core.config import AUGMENTATIONS, KNOBS, RunConfig, knob_help, knob_values, make_run_config
from tl_core.memory import importing
from tl_core.presets import ANY_DATASET, PRESETS, changed_settings

if TYPE_CHECKING:
    from tl_core.store import Store


def presets(as_json: AsJson = False) -> None:
    """List the presets and the settings they change."""
    with importing():
        from tl_core.workspace import open_workspace

    rows = list(_preset_rows(open_workspace().store))
    if as_json:
        return print_json(rows)
    for row in rows:
        changes = ", ".join(f"{name}={_as_typed(value)}" for name, value in row["settings"].items())
        out.print(f"{row['name']}{' (saved)' if row['saved'] else ''}: {row['description']}")
        out.print(f"  {changes or 'the defaults'}")


def settings(as_json: AsJson = False) -> None:
    """List every setting that --set takes."""
    rows = list(_setting_rows())
    if as_json:
        return print_json(rows)
    for row in rows:
        out.print(f"{row['name']}={_as_typed(row['default'])}")
        out.print(f"  {row['help']}")
        out.print(f"  Possible values: {row['values']}.")


def _preset_rows(store: Store) -> Iterator[dict[str, Any]]:
    for preset in PRESETS.values():
        yield _preset_row(preset.name, preset.title, preset.description, preset.config, saved=False)
    for saved in store.list_presets():
        yield _preset_row(saved.name, saved.name, saved.description, saved.config, saved=True)


def _preset_row(
    name: str, title: str, description: str, config: RunConfig, saved: bool
) -> dict[str, Any]:
    return {
        "name": name,
        "title": title,
        "description": description,
        "saved": saved,
        "settings": changed_settings(config),
    }


def _setting_rows() -> Iterator[dict[str, Any]]:
    defaults = make_run_config(ANY_DATASET, {}).model_dump(mode="json")
    for name, section in KNOBS.items():
        yield {
            "name": name,
            "section": section,
            "help": knob_help(name),
            "values": knob_values(name),
            "default": defaults[section][name],
        }
    policies = {name: choice.model_dump() for name, choice in AUGMENTATIONS.items()}
    yield {
        "name": "augment",
        "section": "augment",
        "help": "Augmentation policy by kind of image, which single augmentation settings then "
        "change.",
        "values": " or ".join(map(repr, AUGMENTATIONS)),
        "default": next(k for k, values in policies.items() if values == defaults["augment"]),
    }


def _as_typed(value: object) -> str:
    """Format a value as it is typed after `--set name=`."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | tuple):
        return ",".join(map(str, value))
    return str(value)
