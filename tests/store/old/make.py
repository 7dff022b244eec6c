"""Write what this release keeps as SQL, for the tests of later releases.

Run `python tests/store/old/make.py` before a step is added to the migrations. Files of earlier
releases stay as they are: those of schemas 1 to 11 were written from databases that the releases
themselves had filled.
"""

import sqlite3
import sys
import tempfile
from contextlib import closing
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[3]), str(Path(__file__).parents[2])]

from making_runs import import_folder, make_colours, open_home, run_config  # noqa: E402

from tl_core.records import Person, Role  # noqa: E402
from tl_core.runners import InlineRunner  # noqa: E402
from tl_core.store.migrations import MIGRATIONS  # noqa: E402


def fill(home: Path) -> None:
    """Import a dataset, train a run on it, and keep something in every other table."""
    workspace = open_home(home)
    dataset = import_folder(workspace, make_colours(home.with_name("Björk & <b>"), 6))
    run = InlineRunner(workspace).submit(run_config(dataset, image_size=32))
    workspace.store.annotate_run(run.id, title="First", note="Ä <b>", tags=["x"])
    workspace.store.save_preset("Mine", "Saved in a test", run.config)
    workspace.store.add_person(Person("ada", "Ada", Role.MEMBER, 1.5), word="w")
    binned = workspace.store.add_run(run.config, dataset.name)
    workspace.store.bin_run(binned.id)
    workspace.store.close()


def main() -> None:
    target = Path(__file__).with_name(f"schema_{len(MIGRATIONS):02}.sql")
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        fill(home)
        with closing(sqlite3.connect(home / "transferlab.db")) as connection:
            target.write_text("\n".join(connection.iterdump()) + "\n", "utf-8")
    print(f"Wrote {target}")


if __name__ == "__main__":
    main()
