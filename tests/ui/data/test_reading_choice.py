"""The page shows every plausible reading with its pictures and imports the one that is chosen."""

from functools import partial

import pytest
from data.making import png
from filled_pages import open_page, words, workspace  # noqa: F401
from waiting import wait_until

from tl_core.data.sources import Entry, EntryList
from tl_ui import resources


@pytest.fixture
def imports(workspace):  # noqa: F811
    resources.get_imports.cache_clear()
    yield resources.get_imports()
    resources.get_imports.cache_clear()


@pytest.fixture
def job(imports):
    """Start an import of two groups of two classes, and wait until it asks."""
    labels = ("wild/*cat*", "wild/:red[dog]", "tame/hen", "tame/pig")
    names = [f"{label}/{i}.png" for label in labels for i in range(3)]
    entries = [
        Entry(tuple(name.split("/")), partial(iter, [png(seed)])) for seed, name in enumerate(names)
    ]

    class Opened:
        def __enter__(self):
            return EntryList("upload", entries)

        def __exit__(self, *_):
            pass

    started = imports.start("farm", Opened())
    wait_until(lambda: started.question or started.is_finished, "the question")
    yield started
    started.cancel()
    wait_until(lambda: started.is_finished, "the end of the import")


def test_both_readings_are_shown_with_their_pictures_and_survive_a_reload(job, workspace):  # noqa: F811
    for _ in range(2):
        app = open_page("data", **{"import": job.id})
        said = words(app)
        assert "Which folders are the classes?" in said
        assert "Read as 2 classes, one for each folder" in said.replace("\\", "")
        assert 'from the folders inside "tame", "wild"' in said.replace("\\", "")
        # Three images of each class of either reading, of six or three.
        assert said.count('src="data:image/webp') == 2 * 4 + 4 * 3
        assert "<b>*cat* (3)</b>" in said and "<b>:red[dog] (3)</b>" in said
    assert workspace.store.list_datasets() == []


def test_the_chosen_reading_is_imported_and_its_sentence_is_shown(job, workspace):  # noqa: F811
    app = open_page("data", **{"import": job.id})
    app.button(key="reading-2").click().run()
    assert not app.exception
    wait_until(lambda: job.is_finished, "the end of the import")
    assert job.result.record.classes == ("*cat*", ":red[dog]", "hen", "pig")
    done = open_page("data", dataset=job.result.record.id)
    assert "Read as 4 classes, from the folders inside" in words(done).replace("\\", "")


def test_the_import_can_be_cancelled_instead(job, workspace):  # noqa: F811
    app = open_page("data", **{"import": job.id})
    app.button(key="stop-import").click().run()
    wait_until(lambda: job.is_finished, "the end of the import")
    assert "Stopped" in words(open_page("data", **{"import": job.id}))
    assert workspace.store.list_datasets() == []
