"""Images are decoded by processes that may die: the image is refused, all others go on."""

import io
import struct
import threading
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import numpy as np
import psutil
import pytest
from making import LIMITS, encode, folder, good_files, picture, png, zipped
from PIL import Image
from waiting import wait_until

from tests.data.deadly_child import MARK
from tl_core.data.decoders import Decoders
from tl_core.data.folders import FolderSource
from tl_core.data.images import open_rgb
from tl_core.data.ingest import ingest_dataset
from tl_core.data.zips import ZipSource
from tl_core.errors import ImageUnusable

MANY = 10**8
SOUND = png()
DEATHS = {
    "crash": "decoder crashed on it",
    "exit": "decoder crashed on it",
    "lie": "decoder crashed on it",
    "kill": "ended by the system",
    "eat": "more memory",
    "hang": "more time",
}


def deadly(name: str) -> bytes:
    return SOUND + MARK + name.encode()


def column(width: int, height: int) -> bytes:
    """Return a PNG with this size in its header and next to no pixels."""

    def chunk(name: bytes, content: bytes) -> bytes:
        head = struct.pack(">I", len(content)) + name + content
        return head + struct.pack(">I", zlib.crc32(name + content))

    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    parts = chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(b"")), chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


@pytest.fixture
def decoders() -> Iterator[Decoders]:
    pool = Decoders(2)
    yield pool
    pool.close()


@pytest.fixture
def mortal() -> Iterator[Decoders]:
    """Yield decoders that images may kill, and that end those that take more than a second."""
    pool = Decoders(2, "tests.data.deadly_child", cpu_seconds=1, wall_seconds=15)
    yield pool
    pool.close()


def children() -> set[psutil.Process]:
    """Return the decoders that this process has started."""
    found = set()
    for process in psutil.Process().children():
        # One that has just ended has no command line any more.
        with suppress(psutil.Error):
            if any("_child" in word for word in process.cmdline()):
                found.add(process)
    return found


@pytest.mark.parametrize("source", ["bytes", "file", "path"])
def test_a_child_gives_the_pixels_that_this_process_would(
    decoders: Decoders, tmp_path: Path, source: str
):
    content = encode(picture(3, (300, 200)), "JPEG", quality=80)
    (tmp_path / "a.jpg").write_bytes(content)
    given = {"bytes": content, "file": io.BytesIO(content), "path": tmp_path / "a.jpg"}[source]
    expected = np.asarray(open_rgb(io.BytesIO(content), MANY, draft_side=20).pixels)
    assert np.array_equal(decoders.decode(given, MANY, draft_side=20), expected)
    small = decoders.small(given, MANY, 30)
    assert small.size == (30, 20)
    with Image.open(io.BytesIO(decoders.encode(given, MANY, 30, "WEBP"))) as encoded:
        assert (encoded.format, encoded.size) == ("WEBP", (30, 20))


def test_a_refusal_is_the_sentence_of_this_process(decoders: Decoders, tmp_path: Path):
    for content in (b"", b"%PDF-1.7", SOUND[:50], column(20_000, 20_000)):
        with pytest.raises(ImageUnusable) as here:
            open_rgb(io.BytesIO(content), MANY)
        with pytest.raises(ImageUnusable) as there:
            decoders.take_in(content, MANY)
        assert str(there.value) == str(here.value)
    with pytest.raises(ImageUnusable, match=r"^It cannot be read: No such file or directory\.$"):
        decoders.take_in(tmp_path / "missing", MANY)
    assert (
        decoders.why_no_image(b"%PDF-1.7", MANY) == "It is a PDF document. Save it as JPEG or PNG."
    )
    assert decoders.why_no_image(SOUND, MANY) == ""


@pytest.mark.parametrize(("name", "reason"), DEATHS.items())
def test_an_image_that_ends_its_decoder_is_refused_and_the_next_one_is_read(
    mortal: Decoders, name: str, reason: str
):
    with pytest.raises(ImageUnusable, match=reason):
        mortal.take_in(deadly(name), MANY)
    assert mortal.take_in(SOUND, MANY).width == 24


def test_a_decoder_that_waits_for_ever_is_ended_by_the_clock():
    pool = Decoders(1, "tests.data.deadly_child", wall_seconds=1)
    with pytest.raises(ImageUnusable, match="more time"):
        pool.take_in(deadly("sleep"), MANY)


def test_what_a_library_prints_is_no_answer(mortal: Decoders):
    assert mortal.take_in(deadly("noise"), MANY).extension == "png"


def test_an_innocent_image_whose_decoder_is_ended_is_read_by_another_one(decoders: Decoders):
    decoders.take_in(SOUND, MANY)
    for child in children():
        child.kill()
        wait_until(lambda child=child: child.status() == psutil.STATUS_ZOMBIE)
    assert decoders.take_in(SOUND, MANY).extension == "png"


def test_threads_share_children_and_each_gets_its_own_image(decoders: Decoders):
    before = children()
    sizes = [(10 + n, 5) for n in range(40)]

    def width(size: tuple[int, int]) -> int:
        return decoders.take_in(encode(picture(size=size)), MANY).width

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(width, sizes)) == [size[0] for size in sizes]
    assert len(children() - before) <= 2


def test_closed_decoders_leave_no_process(decoders: Decoders):
    before = children()
    decoders.take_in(SOUND, MANY)
    started = children() - before
    assert started
    decoders.close()
    wait_until(lambda: not any(child.is_running() for child in started))


@pytest.mark.parametrize("pack", ["folder", "zip"])
def test_an_import_goes_on_after_images_that_kill_the_decoder(
    mortal: Decoders, tmp_path: Path, pack: str
):
    files = good_files() | {f"cats/{name}.png": deadly(name) for name in ("crash", "kill", "eat")}
    files["dogs/column.png"] = column(1, 99_999_999)
    given = tmp_path / "given"
    source = FolderSource(folder(given, files))
    if pack == "zip":
        source = ZipSource(zipped(tmp_path / "a.zip", files))
    done = ingest_dataset(source, tmp_path / "into", name="x", limits=LIMITS, decoders=mortal)
    assert len(done.images) == len(good_files())
    reasons = {skipped.name: skipped.reason for skipped in done.skipped}
    assert reasons.keys() == files.keys() - good_files().keys()
    assert "decoder crashed on it" in reasons["cats/crash.png"]
    assert "more memory" in reasons["cats/eat.png"]
    assert "the limit of a side is 65,535" in reasons["dogs/column.png"]


SIDES = {
    "PNG": column(1, 99_999_999),
    "BMP": b"BM"
    + struct.pack("<IHHIIiiHHIIiiII", 70, 0, 0, 54, 40, 99_999_999, 1, 1, 24, *[0] * 6),
    "PNM": b"P5 1 99999999 255\n" + bytes(9),
    "TIFF": b"II*\x00\x08\x00\x00\x00\x06\x00"
    + b"".join(
        struct.pack("<HHII", tag, 4, 1, value)
        for tag, value in ((256, 1), (257, 99_999_999), (258, 8), (259, 1), (262, 1), (273, 8))
    )
    + bytes(4),
    "ICO": b"\x00\x00\x01\x00\x02\x00"
    + struct.pack("<BBBBHHII", 8, 8, 0, 0, 1, 32, 0, 38)
    + struct.pack("<BBBBHHII", 9, 9, 0, 0, 1, 32, 0, 38 + 70)
    + column(1, 99_999_998)[:70].ljust(70, b"\0")
    + column(9_999, 10_000),
}


@pytest.mark.parametrize("kind", SIDES)
def test_a_side_has_a_limit_in_every_format(kind: str):
    with pytest.raises(ImageUnusable, match=r"the limit of a side is 65,535"):
        open_rgb(io.BytesIO(SIDES[kind]), MANY)


@pytest.mark.parametrize("kind", ["GIF", "TIFF", "WEBP", "PNG", "AVIF"])
def test_of_many_frames_the_first_is_decoded(decoders: Decoders, kind: str):
    frames = [picture(seed, (16, 16)) for seed in range(30)]
    options = {"lossless": True} if kind == "WEBP" else {}
    content = encode(frames[0], kind, save_all=True, append_images=frames[1:], **options)
    alone = encode(frames[0], kind, **options)
    decoded = decoders.decode(content, MANY).astype(int)
    # Lossy formats compress a picture on its own a little differently.
    assert np.abs(decoded - decoders.decode(alone, MANY)).mean() < 6


def test_children_know_no_secret_and_end_with_their_parent(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TRANSFERLAB_DATABASE_URL", "postgresql://u:secret@host/db")
    before = children()
    pool = Decoders(1)
    pool.take_in(SOUND, MANY)
    (child,) = children() - before
    assert not any("secret" in value for value in child.environ().values())
    # What a parent's end does, however it comes.
    pool._idle[0]._process.stdin.close()
    wait_until(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE)
    pool.close()


def test_decoders_take_turns_when_all_are_busy(mortal: Decoders):
    def hang() -> None:
        with pytest.raises(ImageUnusable, match="more time"):
            mortal.take_in(deadly("hang"), MANY)

    threads = [threading.Thread(target=hang) for _ in range(4)]
    for thread in threads:
        thread.start()
    assert mortal.take_in(SOUND, MANY).extension == "png"
    for thread in threads:
        thread.join()
