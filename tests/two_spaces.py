"""House of a class for the tests of isolation: Anna, whose things nobody else may see, and others.

Everything of Anna's has `CANARY` in its name, which must be in nothing that others are sent.
"""

from dataclasses import dataclass
from pathlib import Path

import pytest
from making_runs import import_folder, make_colours, run_config

from tl_core.access import Directory, bind
from tl_core.facts import RunFacts
from tl_core.records import DatasetRecord, Person, Role, Run
from tl_core.runners import InlineRunner
from tl_core.settings import Settings
from tl_core.workspace import Workspace, open_workspace

CANARY = "canary"
COMPARISON = "c0ffee42"


@dataclass(frozen=True)
class Space:
    """What a person has."""

    person: Person
    workspace: Workspace
    """Bound to the person."""
    dataset: DatasetRecord
    run: Run
    second: Run
    """Another tested run, of the same comparison."""
    binned: Run
    sha256: str
    """Digest of the first image of the dataset."""


@dataclass(frozen=True)
class TwoSpaces:
    workspace: Workspace
    """The house's own."""
    anna: Space
    ben: Space
    removed: Person
    teacher: Person

    @property
    def home(self) -> Path:
        return self.workspace.settings.home


def settle_in(home: Path, given: Path) -> TwoSpaces:
    """Make a class in a home folder, with a space for Anna and one for Ben.

    Args:
        given: empty folder for the images that they import.
    """
    database = f"sqlite:///{home / 'transferlab.db'}"
    house = open_workspace(Settings(home=home, database_url=database, access="classroom"))
    directory = Directory(house)
    teacher = Person("teacher1", "Tess", Role.ADMIN, 0.0)
    house.store.add_person(teacher)
    removed, _ = directory.join("Rob")
    directory.remove(removed.id)
    anna, _ = directory.join(f"Anna {CANARY}")
    ben, _ = directory.join("Ben")
    spaces = [
        furnish(house, anna, make_colours(given / CANARY, prefix=CANARY), CANARY),
        furnish(house, ben, make_colours(given / "mine", first=100), "mine"),
    ]
    gone = directory.person(removed.id)
    return TwoSpaces(house, *spaces, removed=gone, teacher=teacher)


def furnish(house: Workspace, person: Person, folder: Path, word: str) -> Space:
    """Give a person a dataset, three runs, of which one is in the bin, exports and a preset.

    Args:
        word: begins the name of everything.
    """
    workspace = bind(house, person)
    store = workspace.store
    dataset = import_folder(workspace, folder)
    runner = InlineRunner(workspace)
    runs = []
    for seed in range(3):
        run = runner.submit(run_config(dataset, epochs=1, seed=seed))
        store.annotate_run(run.id, title=f"{word} title", note=f"{word} note", tags=[f"{word} tag"])
        store.update_run(run.id, facts=RunFacts(comparison=f"{COMPARISON}{word}"))
        (workspace.artifacts.run_folder(run.id) / "export-onnx.zip").write_text(f"{word} export")
        runs.append(store.get_run(run.id))
    store.save_preset(f"{word} preset", f"{word} description", runs[0].config)
    store.bin_run(runs[2].id)
    sha256 = store.list_images(dataset.id)[0].sha256
    return Space(person, workspace, dataset, *runs, sha256)


def be_in(monkeypatch: pytest.MonkeyPatch, house: TwoSpaces) -> None:
    """Have the pages of this process open the house."""
    for name, value in (("HOME", house.home), ("ACCESS", "classroom")):
        monkeypatch.setenv(f"TRANSFERLAB_{name}", str(value))
    monkeypatch.delenv("TRANSFERLAB_DATABASE_URL", raising=False)
