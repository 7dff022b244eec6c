from contextlib import contextmanager, nullcontext

import pytest
from waiting import wait_until

from tl_core.data.samples import sample_source
from tl_core.data.sources import EntryList
from tl_core.settings import Settings
from tl_core.workspace import open_workspace
from tl_ui.data.import_jobs import Imports


@pytest.fixture
def workspace(tmp_path):
    return open_workspace(Settings.from_environment({"TRANSFERLAB_HOME": str(tmp_path)}))


def finish(job):
    wait_until(lambda: job.is_finished, "the end of the import")
    return job


def test_an_import_goes_on_by_itself_and_ends_in_a_dataset(workspace):
    imports = Imports(workspace)
    job = finish(imports.start("shapes", nullcontext(sample_source("shapes"))))
    assert job.result.record.n == 240
    assert job.error == ""
    assert imports.get(job.id) is job
    assert workspace.store.list_datasets() == [job.result.record]


def test_a_refusal_is_kept_as_its_sentence(workspace):
    job = finish(Imports(workspace).start("nothing", nullcontext(EntryList("upload", []))))
    assert job.result is None
    assert job.error.endswith(".")
    assert workspace.store.list_datasets() == []


def test_what_an_import_opened_is_closed_however_it_ends(workspace):
    closed = []

    @contextmanager
    def opening():
        try:
            yield EntryList("upload", [])
        finally:
            closed.append(True)

    finish(Imports(workspace).start("nothing", opening()))
    assert closed == [True]


def test_a_stopped_import_leaves_nothing(workspace):
    job = Imports(workspace).start("digits", nullcontext(sample_source("digits")))
    job.cancel()
    finish(job)
    assert job.error.startswith("Stopped")
    assert workspace.store.list_datasets() == []
    assert not list((workspace.settings.home / "staging").iterdir())
