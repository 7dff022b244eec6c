"""Commands `backup` and `restore`, which work while the app runs."""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from tl_core.cli.options import AsJson
from tl_core.cli.output import out, print_json, progress_bar
from tl_core.memory import importing
from tl_core.text import number_of, size


def backup(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Zip to write; must not exist.")],
    as_json: AsJson = False,
) -> None:
    """Write all datasets, runs, models and settings to one file, while the app may be in use.

    The file is as confidential as the home folder.
    """
    with importing():
        from tl_core.settings import Settings
        from tl_core.upkeep.backup import make_backup

    with progress_bar() as bar:
        task = bar.add_task("backing up", total=None)
        made = make_backup(
            Settings.from_environment(), file, lambda part: bar.update(task, description=part)
        )
    if as_json:
        return print_json(
            {
                "file": str(made.file),
                "datasets": made.n_datasets,
                "runs": made.n_runs,
                "bytes": made.n_bytes,
            }
        )
    held = f"{number_of(made.n_datasets, 'dataset')}, {number_of(made.n_runs, 'run')}"
    out.print(f"Wrote {made.file} ({held}, {size(made.n_bytes)}). Keep it as private as the data.")


def restore(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Zip that `backup` has written.")],
    replace: Annotated[
        bool, typer.Option("--replace", help="Give up all datasets and runs that are here now.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Put a backup in the place of all that is kept here: whole, or not at all.

    The app may run, but no run may be training. Everybody has to sign in again.
    """
    with importing():
        from tl_core.settings import Settings
        from tl_core.upkeep.restore import restore_backup

    with progress_bar() as bar:
        task = bar.add_task("checking", total=None)
        restored = restore_backup(
            Settings.from_environment(),
            file,
            replace=replace,
            on_part=lambda part: bar.update(task, description=part),
        )
    if as_json:
        return print_json(
            {
                "datasets": restored.n_datasets,
                "runs": restored.n_runs,
                "made_at": restored.made_at,
            }
        )
    held = f"{number_of(restored.n_datasets, 'dataset')}, {number_of(restored.n_runs, 'run')}"
    when = f"{datetime.fromtimestamp(restored.made_at):%Y-%m-%d %H:%M}"
    out.print(f"Restored the backup of {when} ({held}). Reload the app's open pages.")
