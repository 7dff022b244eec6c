"""Non-interference: what one student sees is the same whether or not another has a space at all."""

import itertools
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from access.spaces import ANSWERS, POINT, put_back, rows_of
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from making_runs import import_folder, make_colours

from tl_core.access import BoundStore, bind
from tl_core.access.allowance import allowance_of
from tl_core.bin import empty_bin, list_bin
from tl_core.config import make_run_config
from tl_core.data.known_images import KnownImages
from tl_core.datasets.copying import copy_dataset
from tl_core.records import DatasetRecord, Person, Role, RunState
from tl_core.settings import Settings
from tl_core.store import RunQuery
from tl_core.upkeep.sizes import measure
from tl_core.workspace import Workspace, open_workspace

ANN = Person("a" * 16, "Ann", Role.MEMBER, 0.0)
BOB = Person("b" * 16, "Bob", Role.MEMBER, 0.0)
Step = Callable[[Workspace, Path], Any]

# By Ann; each also works where the one before it has failed.


def _import(folder: str) -> Step:
    return lambda workspace, given: import_folder(workspace, given / folder)


def _own_dataset(workspace: Workspace) -> DatasetRecord:
    own = [each for each in workspace.store.list_datasets() if each.owner == workspace.person.id]
    return own[0]


def _shared(workspace: Workspace) -> str:
    shared = [each.id for each in workspace.store.list_datasets() if each.shared_at is not None]
    return shared[0]


def _newest_run(workspace: Workspace) -> str:
    return workspace.store.list_runs()[0].id


def _add_run(workspace: Workspace, _: Path) -> Any:
    dataset = _own_dataset(workspace)
    run = workspace.store.add_run(make_run_config(dataset.id, {}), dataset.name)
    return workspace.store.annotate_run(run.id, title="pets", tags=["x"])


def _train(workspace: Workspace, _: Path) -> Any:
    store = workspace.store
    run = _newest_run(workspace)
    store.claim_run(run)
    store.append_metrics(run, [POINT])
    store.put_predictions(run, "test", 1, ANSWERS)
    store.finish_run(run, RunState.COMPLETED)
    return store.get_run(run), store.list_metrics(run), store.list_predictions(run, "test")


def _save_preset(workspace: Workspace, _: Path) -> Any:
    return workspace.store.save_preset("mine", "", make_run_config("any", {}))


def _bin_both(workspace: Workspace, _: Path) -> Any:
    workspace.store.request_cancel(_newest_run(workspace))
    workspace.store.bin_run(_newest_run(workspace))
    return workspace.store.bin_dataset(_own_dataset(workspace).id)


STEPS: dict[str, Step] = {
    "import pets": _import("pets"),
    "import others": _import("others"),
    "import shared": _import("shared"),
    "copy": lambda workspace, _: copy_dataset(workspace, _shared(workspace), "copied"),
    "add run": _add_run,
    "train": _train,
    "save preset": _save_preset,
    "bin": _bin_both,
    "empty bin": lambda workspace, _: empty_bin(workspace),
}
BUSY = ("import shared", "import others", "add run", "bin", "import pets", "add run", "save preset")
"""Steps after which there is something everywhere."""

LOOKS: tuple[Step, ...] = (
    lambda workspace, _: workspace.store.list_datasets(),
    lambda workspace, _: workspace.store.list_runs(),
    lambda workspace, _: workspace.store.summarise_runs(),
    lambda workspace, _: workspace.store.list_runs(RunQuery(owner=ANN.id)),
    lambda workspace, _: workspace.store.list_published(),
    lambda workspace, _: workspace.store.list_presets(),
    lambda workspace, _: workspace.store.list_running_runs(),
    lambda workspace, _: list_bin(workspace),
    lambda workspace, _: measure(workspace).items,
    lambda workspace, _: allowance_of(workspace.store, BOB, workspace.artifacts),
    *(
        lambda workspace, _, name=name: workspace.store.get_dataset(name)
        for name in ("pets", "others", "a", "")
    ),
    lambda workspace, _: workspace.store.find_person(person_id=ANN.id),
    lambda workspace, _: workspace.store.has_shown(ANN.id),
)
"""Bob's looks around, after each of his steps."""


def seen_by_bob(house: Workspace, given: Path, of_ann: Sequence[Sequence[str]]) -> list[str]:
    """Return all that Bob sees while Ann does the given steps before each of his.

    Args:
        house: without people, as it is again afterwards.
    """
    empty = rows_of(house.store)
    for person in (ANN, BOB):
        house.store.add_person(person)
    house.store.share_dataset(import_folder(house, given / "shared").id)
    ann, bob = (bind(house, person) for person in (ANN, BOB))
    seen: list[str] = []
    runs: set[str] = set()
    for step, before in itertools.zip_longest(STEPS, of_ann[: len(STEPS)], fillvalue=()):
        for each in before:
            _try(STEPS[each], ann, given)
        KNOWN.clear()
        seen += [_try(look, bob, given) for look in (STEPS[step], *LOOKS)]
        # Several threads look images up, in any order.
        seen.append(f"decoding was saved: {sorted(KNOWN)}")
        # Ids of runs are drawn by chance, and left out below.
        runs |= {run.id for run in house.store.list_runs(RunQuery(owner=BOB.id))}
    for run_id in runs:
        seen = [each.replace(run_id, "<run>") for each in seen]
    put_back(house.store, empty)
    for folder in ("datasets", "runs"):
        shutil.rmtree(house.settings.home / folder, ignore_errors=True)
    return seen


KNOWN: list[bool] = []
"""Whether each image of an import was found to be known, which saves decoding it."""


def _try(step: Step, workspace: Workspace, given: Path) -> str:
    try:
        return repr(step(workspace, given))
    # What is raised is seen as well.
    except Exception as error:
        return f"{type(error).__name__}: {error}"


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("given")
    make_colours(folder / "pets", per_class=3)
    make_colours(folder / "others", per_class=4)
    make_colours(folder / "shared", per_class=5)
    return folder


@pytest.fixture
def house(tmp_path: Path, url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    find = KnownImages.find

    def noted(self: KnownImages, sha256: str) -> Any:
        known = find(self, sha256)
        KNOWN.append(known is not None)
        return known

    monkeypatch.setattr(KnownImages, "find", noted)
    # Times differ between two worlds in any case.
    monkeypatch.setattr(time, "time", lambda: 1_700_000_000.0)
    opened = open_workspace(Settings(home=tmp_path / "home", database_url=url))
    yield opened
    opened.store.close()


def test_bob_s_steps_lead_somewhere(house, folders):
    """The comparison would hold as well if nothing worked."""
    seen = seen_by_bob(house, folders, [])
    own = seen[:: 2 + len(LOOKS)]
    assert len(own) == len(STEPS)
    assert not [each for each in own if "Error" in each or "Unknown" in each]
    assert "<run>" in "".join(seen)
    # Images that Bob himself has imported earlier are known.
    assert any("True" in each for each in seen if each.startswith("decoding"))


@pytest.mark.parametrize(
    "url", ["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)], indirect=True
)
@settings(max_examples=6, suppress_health_check=[HealthCheck.function_scoped_fixture])
@example([[*STEPS, *BUSY]] * len(STEPS))
@given(st.lists(st.lists(st.sampled_from(list(STEPS)), max_size=4), max_size=len(STEPS)))
def test_nobody_notices_what_another_keeps(house, folders, of_ann):
    assert seen_by_bob(house, folders, of_ann) == seen_by_bob(house, folders, [])


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("method", ["get_dataset", "list_runs", "list_bin", "list_datasets"])
def test_the_comparison_notices_a_leak(house, folders, monkeypatch, method):
    def forgetful(self: Any, *arguments: Any, **named: Any) -> Any:
        return getattr(self._house, method)(*arguments, **named)

    monkeypatch.setattr(BoundStore, method, forgetful)
    everything = [[*STEPS, *BUSY]] * len(STEPS)
    assert seen_by_bob(house, folders, everything) != seen_by_bob(house, folders, [])
