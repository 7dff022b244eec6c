"""Settings of a run from the command line: a preset, single options and `--set`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tl_core.cli.datasets import find_or_ingest
from tl_core.cli.readings import FoundDataset
from tl_core.config import RunConfig, make_run_config
from tl_core.errors import ConfigError
from tl_core.presets import ANY_DATASET, PRESETS

if TYPE_CHECKING:
    from tl_core.store import Store
    from tl_core.workspace import Workspace


def chosen_settings(options: Mapping[str, Any], texts: Sequence[str] | None) -> dict[str, Any]:
    """Merge the given options with those of `--set`, which take precedence.

    Raises:
        ConfigError: a `--set` has no "=".
    """
    settings = {name: value for name, value in options.items() if value is not None}
    for text in texts or []:
        name, equals, value = text.partition("=")
        if not equals:
            raise ConfigError(
                f"--set {text!r} has no '=': write a setting and its value, such as "
                "--set epochs=10; the command settings lists them all."
            )
        settings[name.strip()] = value.strip()
    return settings


def dataset_and_config(
    workspace: Workspace,
    dataset: str,
    settings: Mapping[str, Any],
    preset: str | None = None,
    classes_at: str | None = None,
) -> tuple[FoundDataset, RunConfig]:
    """Find or import the dataset, and return it with the run's settings.

    Raises:
        ConfigError: a setting is invalid; nothing is imported then.
        UnknownDataset, DatasetRefused: as `find_or_ingest`.
    """
    base = None if preset is None else _find_preset(workspace.store, preset)
    # Refuses invalid settings before images are read.
    make_run_config(ANY_DATASET, settings, base)
    found = find_or_ingest(workspace, dataset, classes_at)
    return found, make_run_config(found.record.id, settings, base)


def _find_preset(store: Store, name: str) -> RunConfig:
    """Return the settings of a built-in or saved preset."""
    known = {name: preset.config for name, preset in PRESETS.items()}
    known |= {preset.name: preset.config for preset in store.list_presets()}
    if name not in known:
        raise ConfigError(f"There is no preset {name!r}; there are {', '.join(known)}.")
    return known[name]
