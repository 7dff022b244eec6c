"""Folders list their files; links are followed inside, and nothing outside is ever read."""

import os
import threading

import pytest
from making import LIMITS, folder, good_files, png

from tl_core.data import unlinked
from tl_core.data.folders import FolderSource
from tl_core.data.ingest import ingest_dataset
from tl_core.errors import DatasetRefused, ImageUnusable
from tl_core.settings import Limits

GOOD = good_files()
SECRET = b"what is outside"


@pytest.fixture(params=["step by step", "checked"], autouse=True)
def way_of_opening(request, monkeypatch):
    """Open files as POSIX does it, and as Windows does it."""
    monkeypatch.setattr(unlinked, "_HAS_STEPS", request.param == "step by step")


def ingest(root, limits: Limits = LIMITS):
    return ingest_dataset(FolderSource(root), root.parent / "out", name="x", limits=limits)


def reasons(ingested) -> dict[str, str]:
    return {file.name: file.reason for file in ingested.skipped}


def test_a_folder_comes_in(tmp_path):
    ingested = ingest(folder(tmp_path / "in", GOOD))
    assert (ingested.record.counts, ingested.record.source) == ((3, 4), "folder")


def test_a_root_that_is_itself_a_link_is_followed(tmp_path):
    folder(tmp_path / "real", GOOD)
    (tmp_path / "in").symlink_to(tmp_path / "real")
    assert ingest(tmp_path / "in").record.counts == (3, 4)


LINKS = [
    # Name of the link, where it leads, images in all, and why it is left out.
    ("cats/link.png", "0.png", 8, None),
    ("cats/link.png", "../dogs/1.png", 8, None),
    ("cats/link.png", "../.store/7.png", 8, None),
    ("cats/link", "chain", 9, None),
    ("birds", ".store", 10, None),
    ("cats/more", "../.store", 10, None),
    ("latest", "cats", 7, 'It is a link to "cats", whose images are taken in there, once.'),
    ("again", ".", 7, "It is a link to the whole folder"),
    ("cats/up", "..", 7, "It is a link to the whole folder"),
    ("cats/link.png", "/etc/passwd", 7, "leads out of the folder"),
    ("cats/link.png", "../../outside/secret.png", 7, "leads out of the folder"),
    ("birds", "/", 7, "leads out of the folder"),
    ("birds", "../outside", 7, "leads out of the folder"),
    ("cats/link.png", "../../gone", 7, "leads out of the folder"),
    ("cats/link.png", "gone.png", 7, "not there"),
    ("cats/link.png", "link.png", 7, "not there"),
    ("cats/link.png", "0.png/x", 7, "not there"),
]


@pytest.mark.parametrize(("name", "target", "n", "reason"), LINKS)
def test_links(tmp_path, name, target, n, reason):
    root = folder(tmp_path / "in", {**GOOD, **{f".store/{i}.png": png(70 + i) for i in range(3)}})
    root.joinpath(".store/7.png").write_bytes(png(77))
    if name != "cats/link.png":
        root.joinpath(".store/7.png").unlink()
    folder(tmp_path / "outside", {"secret.png": png(99)})
    if target == "chain":
        (root / "cats/chain").symlink_to("../dogs/0.png")
    (root / name).symlink_to(target)
    ingested = ingest(root)
    assert ingested.record.n == n
    assert list(reasons(ingested)) == ([name] if reason else [])
    assert (reason or "") in reasons(ingested).get(name, "")


def test_a_link_beside_its_file_counts_as_a_copy_and_is_said(tmp_path):
    root = folder(tmp_path / "in", GOOD)
    (root / "cats/link.png").symlink_to("0.png")
    (warning,) = ingest(root).record.warnings
    assert "cats/0.png" in warning and "cats/link.png" in warning


def test_a_hidden_folder_is_read_once_however_many_links_lead_there(tmp_path):
    root = folder(tmp_path / "in", {**GOOD, **{f".a/b/{i}.png": png(70 + i) for i in range(3)}})
    for name in ("birds", "cats/birds", ".a/again", ".a/b/up"):
        (root / name).symlink_to(root / ".a")
    (root / "fish").symlink_to(root / ".a/b")
    ingested = ingest(root)
    assert ingested.record.n == 10
    assert set(reasons(ingested)) == {"birds/again", "birds/b/up", "cats/birds", "fish"}
    assert 'a link to "birds"' in reasons(ingested)["fish"]


class TestRace:
    """A link takes the place of something between the listing and the reading."""

    @pytest.fixture
    def root(self, tmp_path):
        folder(tmp_path / "outside", dict.fromkeys(GOOD, SECRET))
        return folder(tmp_path / "in", {**GOOD, "deep/cats/0.png": png(5)})

    def read(self, listing, *parts: str) -> bytes:
        (entry,) = [entry for entry in listing.entries if entry.parts == parts]
        return b"".join(entry.read())

    @pytest.mark.parametrize("target", ["outside/cats/0.png", "in/cats/1.png"])
    def test_a_link_for_a_file(self, root, tmp_path, target):
        with FolderSource(root).open(LIMITS) as listing:
            (root / "cats/0.png").unlink()
            (root / "cats/0.png").symlink_to(tmp_path / target)
            with pytest.raises(ImageUnusable, match="cannot be read"):
                self.read(listing, "cats", "0.png")

    def test_a_link_for_a_folder_on_the_way(self, root, tmp_path):
        with FolderSource(root).open(LIMITS) as listing:
            for name in ("cats", "deep"):
                (root / name).rename(tmp_path / f"moved {name}")
            (root / "cats").symlink_to(tmp_path / "outside/cats")
            (root / "deep").symlink_to(tmp_path / "outside")
            for parts in (("cats", "0.png"), ("deep", "cats", "0.png")):
                with pytest.raises(ImageUnusable, match="cannot be read"):
                    self.read(listing, *parts)

    def test_a_link_for_what_a_link_led_to(self, root, tmp_path):
        (root / "dogs/link.png").symlink_to("../cats/0.png")
        with FolderSource(root).open(LIMITS) as listing:
            (root / "cats").rename(tmp_path / "moved")
            (root / "cats").symlink_to(tmp_path / "outside/cats")
            with pytest.raises(ImageUnusable, match="cannot be read"):
                self.read(listing, "dogs", "link.png")

    def test_a_link_for_the_root(self, root, tmp_path):
        source = FolderSource(root)
        root.rename(tmp_path / "moved")
        root.symlink_to(tmp_path / "outside")
        with pytest.raises(DatasetRefused, match="cannot be read"), source.open(LIMITS):
            pass

    def test_a_link_for_a_folder_above_the_root(self, root, tmp_path):
        source = FolderSource(root / "deep")
        root.rename(tmp_path / "moved")
        folder(tmp_path / "outside/deep", {"cats/0.png": SECRET})
        root.symlink_to(tmp_path / "outside")
        with pytest.raises(DatasetRefused, match="cannot be read"), source.open(LIMITS):
            pass

    def test_a_pipe_for_a_file_is_not_waited_for(self, root):
        with FolderSource(root).open(LIMITS) as listing:
            (root / "cats/0.png").unlink()
            os.mkfifo(root / "cats/0.png")
            with pytest.raises(ImageUnusable, match="not a regular file"):
                self.read(listing, "cats", "0.png")


def test_nothing_outside_is_read_while_links_come_and_go(tmp_path, monkeypatch):
    monkeypatch.setattr(unlinked, "_HAS_STEPS", True)
    root = folder(tmp_path / "in", GOOD)
    folder(tmp_path / "outside/cats", {f"{i}.png": SECRET for i in range(3)})
    is_over = threading.Event()

    def swap():
        while not is_over.is_set():
            (root / "cats").rename(tmp_path / "aside")
            (root / "cats").symlink_to(tmp_path / "outside/cats")
            (root / "cats").unlink()
            (tmp_path / "aside").rename(root / "cats")

    thread = threading.Thread(target=swap)
    thread.start()
    n_read = 0
    try:
        for _ in range(150):
            with FolderSource(root).open(LIMITS) as listing:
                for entry in listing.entries:
                    try:
                        content = b"".join(entry.read())
                    except ImageUnusable:
                        continue
                    assert content != SECRET
                    n_read += 1
    finally:
        is_over.set()
        thread.join()
    assert n_read


def test_pipes_and_the_like_are_listed(tmp_path):
    root = folder(tmp_path / "in", GOOD)
    os.mkfifo(root / "cats/pipe.png")
    assert reasons(ingest(root)) == {"cats/pipe.png": "It is not a regular file."}


def test_names_that_are_not_utf8_get_replacement_characters(tmp_path):
    root = folder(tmp_path / "in", GOOD)
    (root / "cats" / os.fsdecode(b"caf\xe9.png")).write_bytes(png(98))
    (root / os.fsdecode(b"v\xf6gel")).mkdir()
    for i in range(3):
        (root / os.fsdecode(b"v\xf6gel") / f"{i}.png").write_bytes(png(60 + i))
    ingested = ingest(root)
    assert "cats/caf\ufffd.png" in [image.name for image in ingested.images]
    assert ingested.record.classes == ("cats", "dogs", "v\ufffdgel")


def test_hidden_folders_are_not_entered(tmp_path):
    root = folder(tmp_path / "in", {**GOOD, ".venv/lib/x.png": png(99)})
    (root / ".venv/lib/link").symlink_to("/")
    ingested = ingest(root)
    assert ingested.record.n == 7 and not ingested.skipped


def test_files_are_counted(tmp_path):
    with pytest.raises(DatasetRefused, match="more than 6 files"):
        ingest(folder(tmp_path / "in", GOOD), Limits(max_files=6))


def test_empty_classes_are_listed(tmp_path):
    root = folder(tmp_path / "in", GOOD)
    (root / "birds").mkdir()
    assert reasons(ingest(root)) == {"birds": "This folder is empty."}


def test_an_unreadable_folder_is_listed(tmp_path, monkeypatch):
    root = folder(tmp_path / "in", {**GOOD, "birds/0.png": png(9)})
    scan = unlinked.OpenFolder.scan

    def refuse_birds(self, place):
        if place == ("birds",):
            raise PermissionError(13, "Permission denied")
        return scan(self, place)

    monkeypatch.setattr(unlinked.OpenFolder, "scan", refuse_birds)
    assert "cannot be read: Permission denied" in reasons(ingest(root))["birds"]
