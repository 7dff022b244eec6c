"""Imports add a dataset to the store and its files completely, or not at all."""

import io
import subprocess
import sys
import threading
from functools import partial
from pathlib import Path

import pytest
from PIL import Image

from tl_core.cancellation import Stop
from tl_core.config import make_run_config
from tl_core.data.images import image_path
from tl_core.data.sources import Entry, EntryList
from tl_core.datasets.importing import delete_dataset, import_dataset
from tl_core.errors import Cancelled, TooFewClasses
from tl_core.facts import RunFacts
from tl_core.records import RunState
from tl_core.settings import Limits
from tl_core.store import Artifacts, open_store

LIMITS = Limits()


@pytest.fixture
def artifacts(tmp_path):
    return Artifacts(tmp_path / "home")


@pytest.fixture
def store(tmp_path, artifacts):
    artifacts.home.mkdir()
    opened = open_store(f"sqlite:///{tmp_path / 'home' / 'test.db'}")
    yield opened
    opened.close()


def png(shade: int) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8), (shade, 0, 0)).save(buffer, "PNG")
    return buffer.getvalue()


def source(classes: str = "ab", extra: bytes = b""):
    files = {f"{label}/{i}.png": png(ord(label) + i * 20) for label in classes for i in range(3)}
    if extra:
        files["a/extra.png"] = extra
    return EntryList(
        "upload", [Entry(tuple(n.split("/")), lambda c=c: iter([c])) for n, c in files.items()]
    )


def leftovers(artifacts) -> list[str]:
    return [str(p) for name in ("staging", "datasets") for p in (artifacts.home / name).glob("*")]


def test_a_new_dataset_is_in_the_store_and_in_its_folder(store, artifacts):
    imported = import_dataset(store, artifacts, source(extra=b"bad"), name="Mine", limits=LIMITS)
    assert not imported.already_known
    assert store.get_dataset("Mine").id == imported.record.id
    images = store.list_images(imported.record.id)
    assert len(images) == 6
    folder = artifacts.dataset_folder(imported.record.id)
    assert all((folder / "images" / f"{image.sha256}.png").is_file() for image in images)
    assert [file.name for file in store.list_skipped(imported.record.id)] == ["a/extra.png"]
    assert leftovers(artifacts) == [str(folder)]


def test_the_same_content_again_returns_the_stored_dataset(store, artifacts):
    first = import_dataset(store, artifacts, source(), name="Mine", limits=LIMITS)
    again = import_dataset(store, artifacts, source(extra=b"bad"), name="Other name", limits=LIMITS)
    assert again.already_known and again.record == first.record
    assert [file.name for file in again.skipped] == ["a/extra.png"]
    assert len(store.list_datasets()) == 1 and len(leftovers(artifacts)) == 1


def test_a_folder_left_by_a_crash_is_replaced(store, artifacts):
    dataset_id = import_dataset(store, artifacts, source(), name="x", limits=LIMITS).record.id
    store.delete_dataset(dataset_id)
    folder = artifacts.dataset_folder(dataset_id)
    (folder / "rubbish").write_text("left by a crash")
    imported = import_dataset(store, artifacts, source(), name="x", limits=LIMITS)
    assert not imported.already_known and not (folder / "rubbish").exists()


def test_a_known_dataset_whose_files_are_gone_is_restored(store, artifacts):
    dataset_id = import_dataset(store, artifacts, source(), name="x", limits=LIMITS).record.id
    artifacts.delete_dataset(dataset_id)
    assert import_dataset(store, artifacts, source(), name="x", limits=LIMITS).already_known
    assert len(list((artifacts.dataset_folder(dataset_id) / "images").iterdir())) == 6


def images_of(store, artifacts, dataset_id: str) -> dict[str, Path]:
    folder = artifacts.dataset_folder(dataset_id)
    return {image.name: image_path(folder, image) for image in store.list_images(dataset_id)}


class TestImagesOfAnotherDataset:
    @pytest.fixture
    def first(self, store, artifacts):
        imported = import_dataset(store, artifacts, source("ab"), name="first", limits=LIMITS)
        return images_of(store, artifacts, imported.record.id)

    def test_they_share_its_files_and_outlive_it(self, store, artifacts, first):
        known = store.get_dataset("first")
        imported = import_dataset(store, artifacts, source("abc"), name="second", limits=LIMITS)
        second = images_of(store, artifacts, imported.record.id)
        shared = {name for name in second if name in first and second[name].samefile(first[name])}
        assert shared == first.keys()
        records = {image.name: image for image in store.list_images(imported.record.id)}
        assert records["a/1.png"].width == 8
        delete_dataset(store, artifacts, known.id)
        assert second["a/0.png"].read_bytes() == png(ord("a"))
        thumbnails = artifacts.dataset_folder(imported.record.id) / "thumbnails"
        assert len(list(thumbnails.iterdir())) == len(second) == 9

    def test_a_damaged_file_is_not_shared(self, store, artifacts, first):
        first["a/0.png"].write_bytes(b"damaged")
        imported = import_dataset(store, artifacts, source("abc"), name="second", limits=LIMITS)
        second = images_of(store, artifacts, imported.record.id)
        assert second["a/0.png"].read_bytes() == png(ord("a"))
        assert first["a/0.png"].read_bytes() == b"damaged"

    def test_current_limits_apply_to_them_too(self, store, artifacts, first):
        with pytest.raises(TooFewClasses, match="the limit is 63"):
            import_dataset(
                store, artifacts, source("abc"), name="second", limits=Limits(max_pixels=63)
            )


def test_a_dataset_named_like_an_id_is_not_mistaken_for_it(store, artifacts):
    first = import_dataset(store, artifacts, source("ab"), name="x", limits=LIMITS).record
    store.delete_dataset(first.id)
    import_dataset(store, artifacts, source("cd"), name=first.id, limits=LIMITS)
    assert not import_dataset(store, artifacts, source("ab"), name="x", limits=LIMITS).already_known


def test_a_refused_dataset_leaves_nothing(store, artifacts):
    with pytest.raises(TooFewClasses):
        import_dataset(store, artifacts, source("a"), name="x", limits=LIMITS)
    assert leftovers(artifacts) == [] and store.list_datasets() == []


def test_a_stopped_import_leaves_nothing(store, artifacts):
    with pytest.raises(Cancelled):
        import_dataset(store, artifacts, source(), name="x", limits=LIMITS, stop=Stop(lambda: True))
    assert leftovers(artifacts) == [] and store.list_datasets() == []


def test_a_store_that_fails_leaves_no_folder(store, artifacts):
    class FailingStore:
        owner = store.owner
        get_dataset = staticmethod(store.get_dataset)
        list_datasets = staticmethod(store.list_datasets)
        list_images = staticmethod(store.list_images)
        list_runs = staticmethod(store.list_runs)
        restore_dataset = staticmethod(store.restore_dataset)

        def add_dataset(self, *_):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        import_dataset(FailingStore(), artifacts, source(), name="x", limits=LIMITS)
    assert leftovers(artifacts) == []


def test_the_same_content_imported_at_once_is_one_dataset(store, artifacts):
    results = []

    def run():
        results.append(import_dataset(store, artifacts, source(), name="x", limits=LIMITS))

    threads = [threading.Thread(target=run) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(result.already_known for result in results) == [False, True, True, True, True]
    assert len(store.list_datasets()) == 1 and len(leftovers(artifacts)) == 1


def test_a_killed_import_is_swept_away(store, artifacts):
    script = f"""
import sys, time
from pathlib import Path
from tl_core.data.samples import sample_source
from tl_core.datasets.importing import import_dataset
from tl_core.facts import RunFacts
from tl_core.records import RunState
from tl_core.settings import Limits
from tl_core.store import Artifacts, open_store

def hang(progress):
    if progress.done:
        print("half done", flush=True)
        time.sleep(60)

home = Path({str(artifacts.home)!r})
store = open_store(f"sqlite:///{{home / 'test.db'}}")
source = sample_source("shapes")
import_dataset(store, Artifacts(home), source, name="x", limits=Limits(), on_progress=hang)
"""
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"half done\n"
        process.kill()
    assert leftovers(artifacts)
    artifacts.sweep_staging()
    assert leftovers(artifacts) == []


def numbered(*names: str) -> EntryList:
    return EntryList(
        "upload",
        [
            Entry((name, f"{i}.png"), partial(iter, [png(10 * place + i)]))
            for place, name in enumerate(names)
            for i in range(3)
        ],
    )


def test_classes_stand_in_the_order_of_their_numbers(store, artifacts):
    source = numbered("10", "9", "2", "class 10", "class 9")
    record = import_dataset(store, artifacts, source, name="Mine", limits=LIMITS).record
    assert record.classes == ("2", "9", "10", "class 9", "class 10")


def test_a_dataset_that_comes_back_keeps_the_order_that_its_runs_were_trained_in(store, artifacts):
    source = numbered("10", "2", "1")
    first = import_dataset(store, artifacts, source, name="Mine", limits=LIMITS).record
    order = ("1", "10", "2")
    for dataset_id, classes in ((first.id, order), ("another", ("2", "1", "10"))):
        run = store.add_run(make_run_config(dataset_id, {}), "Mine", RunFacts(classes=classes))
        store.finish_run(run.id, RunState.CANCELLED)
    delete_dataset(store, artifacts, first.id)
    again = import_dataset(store, artifacts, source, name="Mine", limits=LIMITS).record
    assert (again.id, again.classes, again.counts) == (first.id, order, (3, 3, 3))
    assert store.get_dataset(first.id).classes == order
