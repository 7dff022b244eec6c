"""Presets and settings: from what was typed to a configuration, and listed for people and scripts."""

from collections.abc import Iterator, Sequence
from typing import Any

from tl_core.cli.output import out, print_json
from tl_core.config import AUGMENTATIONS, KNOBS, RunConfig, knob_help, knob_values, make_run_config
from tl_core.errors import ConfigError
from tl_core.presets import ANY_DATASET, PRESETS, changed_settings
from tl_core.store import Store
from tl_core.workspace import open_workspace


def parse_settings(texts: Sequence[str]) -> dict[str, str]:
    """What `--set key=value` gave, by name; of one given twice, the last.

    Raises:
        ConfigError: one has no "=".
    """
    settings = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals:
            raise ConfigError(
                f"--set {text!r} has no '=': write a setting and its value, such as --set epochs=10; the command "
                "settings lists them all."
            )
        settings[name.strip()] = value.strip()
    return settings


def find_preset(store: Store, name: str) -> RunConfig:
    """The settings of the preset of that name, built in or saved.

    Raises:
        ConfigError: there is none; the sentence names those there are.
    """
    known = {name: preset.config for name, preset in PRESETS.items()}
    known |= {preset.name: preset.config for preset in store.list_presets()}
    if name not in known:
        raise ConfigError(f"There is no preset {name!r}; there are {', '.join(known)}.")
    return known[name]


def list_presets(as_json: bool) -> None:
    rows = list(_preset_rows(open_workspace().store))
    if as_json:
        return print_json(rows)
    for row in rows:
        changes = ", ".join(f"{name}={_as_typed(value)}" for name, value in row["settings"].items())
        out.print(f"{row['name']}{' (saved)' if row['saved'] else ''}: {row['description']}")
        out.print(f"  {changes or 'the defaults'}")


def list_settings(as_json: bool) -> None:
    rows = list(_setting_rows())
    if as_json:
        return print_json(rows)
    for row in rows:
        out.print(f"{row['name']}={_as_typed(row['default'])}")
        out.print(f"  {row['help']}")
        out.print(f"  It may be {row['values']}.")


def _preset_rows(store: Store) -> Iterator[dict[str, Any]]:
    for preset in PRESETS.values():
        yield _preset_row(preset.name, preset.title, preset.description, preset.config, saved=False)
    for saved in store.list_presets():
        yield _preset_row(saved.name, saved.name, saved.description, saved.config, saved=True)


def _preset_row(
    name: str, title: str, description: str, config: RunConfig, saved: bool
) -> dict[str, Any]:
    changes = changed_settings(config)
    return {
        "name": name,
        "title": title,
        "description": description,
        "saved": saved,
        "settings": changes,
    }


def _setting_rows() -> Iterator[dict[str, Any]]:
    plain = make_run_config(ANY_DATASET, {}).model_dump(mode="json")
    for name, section in KNOBS.items():
        default = plain[section][name]
        yield {
            "name": name,
            "section": section,
            "help": knob_help(name),
            "values": knob_values(name),
            "default": default,
        }
    yield {
        "name": "augment",
        "section": "augment",
        "help": "A whole set of augmentation settings by kind of image, to which single ones then apply.",
        "values": " or ".join(map(repr, AUGMENTATIONS)),
        "default": next(
            name
            for name, choice in AUGMENTATIONS.items()
            if choice.model_dump() == plain["augment"]
        ),
    }


def _as_typed(value: object) -> str:
    """As it would stand after `--set name=`."""
    if isinstance(value, list | tuple):
        return ",".join(map(str, value))
    return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
