"""Pages as another student, as a removed one and as nobody: nothing of Anna's is touched."""

import hashlib
import time

import pytest
from opening_pages import everything, open_as
from two_spaces import CANARY, COMPARISON
from waiting import wait_until

from tl_ui import navigation, people, resources
from tl_ui.background import get_jobs
from tl_ui.data.import_jobs import Import

IMPORT = "1f2e3d4c5b6a"
PAGES = sorted(navigation._FILES)
OWN = [page for page in PAGES if page not in ("classroom", "wall")]
"""Pages that show somebody what is theirs; `tests/ui/classroom` opens the others."""


def ids_of(space):
    """Return every parameter that an address may have, with ids of this space."""
    return {
        "dataset": space.dataset.id,
        "run": space.run.id,
        "runs": f"{space.run.id},{space.second.id}",
        "like": space.run.id,
        "comparison": f"{COMPARISON}{CANARY}",
        "import": IMPORT,
        "image": "0",
    }


def snapshot(space):
    """Return a digest of all records and files of a space."""
    store = space.workspace.store
    folders = [space.workspace.artifacts.dataset_folder(space.dataset.id)]
    records = [store.list_datasets(), store.list_presets(), store.list_bin()]
    records += [store.list_images(space.dataset.id), store.list_skipped(space.dataset.id)]
    for run in (*store.list_runs(), space.binned):
        folders.append(space.workspace.artifacts.run_folder(run.id))
        records += [run, store.list_metrics(run.id), store.list_predictions(run.id, "test")]
    files = [
        (path, path.stat().st_size, path.stat().st_mtime_ns)
        for folder in folders
        for path in sorted(folder.rglob("*"))
    ]
    return hashlib.sha256(repr((records, files)).encode()).hexdigest()


def buttons_of(app):
    """Return the labels of a page's buttons, and which of them can be pressed."""
    return [(button.label, button.disabled) for button in app.button]


@pytest.fixture(autouse=True)
def no_job():
    """End the jobs that a page has started, which would write results later."""
    yield
    for job in list(get_jobs()._jobs.values()):
        job.stop()
        wait_until(lambda job=job: job.is_over)


@pytest.fixture(autouse=True)
def imported(house, monkeypatch):
    """Give Anna an import that has failed, and is found by its id in an address."""
    with monkeypatch.context() as patch:
        patch.setattr(people, "_signed_in_id", lambda: house.anna.person.id)
        job = Import(IMPORT, f"{CANARY} import", error=f"{CANARY} failed", ended=time.monotonic())
        resources.get_imports()._all[IMPORT] = job


@pytest.mark.parametrize("page", OWN)
def test_the_owner_sees_what_is_hers(house, monkeypatch, page):
    """The walk would show nothing if the pages were empty for everyone."""
    shown = everything(open_as(monkeypatch, house.anna.person.id, page, **ids_of(house.anna)))
    assert CANARY in shown


@pytest.mark.parametrize("page", PAGES)
def test_another_student_sees_and_changes_nothing_of_hers(house, monkeypatch, page):
    before = snapshot(house.anna)
    app = open_as(monkeypatch, house.ben.person.id, page, **ids_of(house.anna))
    assert CANARY not in everything(app)
    buttons = buttons_of(app)
    for place in range(len(buttons)):
        if buttons_of(app) != buttons:
            app = open_as(monkeypatch, house.ben.person.id, page, **ids_of(house.anna))
        # A click may have changed his own space, and with it the buttons.
        if place >= len(app.button) or app.button[place].disabled:
            continue
        app.button[place].click().run()
        assert CANARY not in everything(app)
    assert snapshot(house.anna) == before


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("who", ["removed", "nobody", "invented"])
def test_whoever_is_not_signed_in_sees_nothing_at_all(house, monkeypatch, page, who):
    person_id = {"removed": house.removed.id, "nobody": "", "invented": "0" * 16}[who]
    before = snapshot(house.anna)
    app = open_as(monkeypatch, person_id, page, **ids_of(house.anna))
    assert [title.value for title in app.title] == ["Not signed in"]
    assert not app.button and not app.get("page_link") and CANARY not in everything(app)
    assert snapshot(house.anna) == before


@pytest.mark.parametrize("page", [*OWN, "classroom"])
def test_the_walk_finds_a_page_that_is_given_the_whole_house(house, monkeypatch, page):
    monkeypatch.setattr(resources, "bind", lambda whole, person: whole)
    app = open_as(monkeypatch, house.ben.person.id, page, **ids_of(house.anna))
    assert CANARY in everything(app)
