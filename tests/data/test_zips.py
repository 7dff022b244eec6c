"""Untrusted zips are imported, refused as a whole, or imported without their unusable files."""

import io
import os
import stat
import struct
import tempfile
import zipfile
import zlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from making import (
    LIMITS,
    deflated,
    encode,
    everything_under,
    good_files,
    honest,
    png,
    raw_zip,
    zipped,
)
from PIL import Image, ImageDraw

from tl_core.data.ingest import ingest_dataset
from tl_core.data.zips import ZipSource
from tl_core.errors import DatasetRefused, TransferLabError, UnsafeArchive
from tl_core.settings import Limits

GOOD = good_files()


def ingest(archive: Path, limits: Limits = LIMITS):
    return ingest_dataset(ZipSource(archive), archive.parent / "out", name="test", limits=limits)


def refused(
    archive: Path, limits: Limits = LIMITS, error: type[DatasetRefused] = UnsafeArchive
) -> str:
    """Return the message of the refusal, and check that nothing is left behind."""
    before = everything_under(archive.parent)
    with pytest.raises(error) as caught:
        ingest(archive, limits)
    assert everything_under(archive.parent) == before
    return str(caught.value)


def write(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def test_a_zip_of_class_folders_comes_in(tmp_path):
    ingested = ingest(zipped(tmp_path / "d.zip", GOOD))
    assert ingested.record.classes == ("cats", "dogs")
    assert ingested.record.counts == (3, 4)
    assert ingested.record.source == "zip"


def test_handmade_zips_of_these_tests_are_real_zips(tmp_path):
    content = raw_zip([honest(data, name.encode()) for name, data in GOOD.items()])
    assert ingest(write(tmp_path / "d.zip", content)).record.counts == (3, 4)


class TestNames:
    @pytest.mark.parametrize(
        ("name", "word"),
        [
            ("../evil.png", "outside"),
            ("cats/../../evil.png", "outside"),
            ("cats/..", "outside"),
            ("cats\\..\\..\\evil.png", "outside"),
            ("cats/..\\..\\evil.png", "outside"),
            ("a/" * 70 + "deep.png", "deep"),
        ],
    )
    def test_names_that_point_anywhere_else_are_refused(self, tmp_path, name, word):
        assert word in refused(zipped(tmp_path / "d.zip", {**GOOD, name: png(99)}))

    def test_traversal_hidden_in_junk_is_refused_too(self, tmp_path):
        refused(zipped(tmp_path / "d.zip", {**GOOD, "__MACOSX/../../evil.png": png(99)}))

    @pytest.mark.parametrize(
        ("form", "classes"),
        [
            ("{}", ("cats", "dogs")),
            ("/{}", ("cats", "dogs")),
            ("//server/share/{}", ("cats", "dogs")),
            ("C:/data/{}", ("cats", "dogs")),
            ("./{}", ("cats", "dogs")),
            ("A: {}", ("A: cats", "A: dogs")),
            ("c:{}", ("c:cats", "c:dogs")),
            ("f\0{}", ("f\ufffdcats", "f\ufffddogs")),
            ("x" * 300 + "{}", ("x" * 300 + "cats", "x" * 300 + "dogs")),
        ],
    )
    def test_a_name_is_a_name_whatever_it_would_be_as_a_path(self, tmp_path, form, classes):
        entries = [honest(data, form.format(name).encode()) for name, data in GOOD.items()]
        ingested = ingest(write(tmp_path / "d.zip", raw_zip(entries)))
        assert ingested.record.classes == classes and not ingested.skipped

    def test_names_that_differ_in_case_alone_are_two_files(self, tmp_path):
        files = {"cats/a.png": png(50), "cats/A.png": png(51), "cats/A.png ": png(52)}
        assert ingest(zipped(tmp_path / "d.zip", {**GOOD, **files})).record.counts == (6, 4)

    def test_of_one_name_twice_the_last_file_is_taken(self, tmp_path):
        entries = [honest(data, name.encode()) for name, data in GOOD.items()]
        content = raw_zip([honest(b"an earlier version", b"cats/0.png"), *entries])
        ingested = ingest(write(tmp_path / "d.zip", content))
        assert ingested.record.counts == (3, 4)
        assert [(file.name, file.reason) for file in ingested.skipped] == [
            ("cats/0.png", "The zip holds this name more than once; the last file is taken.")
        ]


class TestKinds:
    @pytest.mark.parametrize(
        ("target", "reason"),
        [
            ("0.png", None),
            ("../dogs/./1.png", None),
            ("/etc/passwd", "leads out"),
            ("../../0.png", "leads out"),
            ("gone.png", "not there"),
            ("link.png", "not there"),
            ("../dogs", 'a link to "dogs", whose images are taken in there, once'),
            (".", 'a link to "cats"'),
            ("..", "a link to the whole folder"),
        ],
    )
    def test_a_link_is_followed_within_the_zip_only(self, tmp_path, target, reason):
        entries = [honest(data, name.encode()) for name, data in GOOD.items()]
        entries.append(honest(target.encode(), b"cats/link.png", mode=stat.S_IFLNK | 0o777))
        ingested = ingest(write(tmp_path / "d.zip", raw_zip(entries)))
        assert ingested.record.counts == ((3, 4) if reason else (4, 4))
        assert [reason in file.reason for file in ingested.skipped] == [True] * bool(reason)

    def test_devices_are_left_out(self, tmp_path):
        entries = [honest(data, name.encode()) for name, data in GOOD.items()]
        entries.append(honest(b"", b"cats/device.png", mode=stat.S_IFCHR))
        ingested = ingest(write(tmp_path / "d.zip", raw_zip(entries)))
        assert [(file.name, file.reason) for file in ingested.skipped] == [
            ("cats/device.png", "It is neither a file nor a folder.")
        ]

    @pytest.mark.parametrize("flag", [0x1, 0x40, 0x2000])
    def test_encrypted_zips_are_refused(self, tmp_path, flag):
        name, packed, fields = honest(png(), b"cats/1.png")
        content = raw_zip([(name, packed, {**fields, "flags": flag})])
        assert "encrypted" in refused(write(tmp_path / "d.zip", content))

    def test_an_unusual_method_leaves_that_file_out(self, tmp_path):
        path = zipped(tmp_path / "d.zip", GOOD)
        with zipfile.ZipFile(path, "a", zipfile.ZIP_BZIP2) as archive:
            archive.writestr("cats/odd.png", png(99))
        ingested = ingest(path)
        assert [(file.name, "unusual method" in file.reason) for file in ingested.skipped] == [
            ("cats/odd.png", True)
        ]

    def test_a_zip_inside_is_just_not_an_image(self, tmp_path):
        inner = zipped(tmp_path / "inner.zip", GOOD).read_bytes()
        ingested = ingest(zipped(tmp_path / "d.zip", {**GOOD, "cats/inner.zip": inner}))
        assert "zip archive" in ingested.skipped[0].reason


def line_drawing(seed: int) -> bytes:
    image = Image.new("RGB", (1024, 1024), "white")
    ImageDraw.Draw(image).line((seed * 100, 0, 1000, 1000 - seed * 50), "black", 3)
    return encode(image, "BMP")


class TestBombs:
    def test_line_drawings_that_pack_well_are_read(self, tmp_path):
        files = {f"{'ab'[i % 2]}/{i}.bmp": line_drawing(i) for i in range(8)}
        path = zipped(tmp_path / "d.zip", files)
        assert sum(map(len, files.values())) > 200 * path.stat().st_size
        ingested = ingest(path)
        assert ingested.record.counts == (4, 4) and not ingested.skipped

    def test_what_unpacks_too_far_is_left_out_and_named(self, tmp_path):
        path = zipped(tmp_path / "d.zip", {**GOOD, "cats/bomb.png": bytes(30 * 2**20)})
        ingested = ingest(path, Limits(max_file_bytes=2**20))
        assert [(file.name, file.reason[:23]) for file in ingested.skipped] == [
            ("cats/bomb.png", "It is larger than 1 MB,")
        ]

    def test_the_file_at_which_the_limit_of_the_whole_is_reached_is_named(self, tmp_path):
        path = zipped(tmp_path / "d.zip", {**GOOD, "dogs/z.png": bytes(30 * 2**20)})
        said = refused(path, Limits(max_bytes=10 * 2**20), DatasetRefused)
        assert "larger than 10 MB unpacked" in said and '"dogs/z.png"' in said

    def test_a_header_that_lies_about_the_size_gains_nothing(self, tmp_path):
        bomb = bytes(30 * 2**20)
        entry = honest(bomb, b"cats/b.png", size=2**32 - 2)
        entries = [honest(d, n.encode()) for n, d in GOOD.items()]
        path = write(tmp_path / "d.zip", raw_zip([*entries, entry]))
        assert "10 MB unpacked" in refused(path, Limits(max_bytes=10 * 2**20), DatasetRefused)

    def test_a_header_that_promises_less_is_cut_there(self, tmp_path):
        bomb = bytes(30 * 2**20)
        fields = {"crc": zlib.crc32(bomb), "size": 10}
        content = raw_zip(
            [
                *(honest(d, n.encode()) for n, d in GOOD.items()),
                (b"cats/b.png", deflated(bomb), fields),
            ]
        )
        ingested = ingest(write(tmp_path / "d.zip", content))
        assert [file.name for file in ingested.skipped] == ["cats/b.png"]

    def test_entries_that_overlap(self, tmp_path):
        kernel = honest(bytes(10**6), b"cats/0.png")
        copies = [(b"cats/%d.png" % i, kernel[1], {**kernel[2], "offset": 0}) for i in range(1, 50)]
        assert "overlap" in refused(write(tmp_path / "d.zip", raw_zip([kernel, *copies])))

    def test_a_packed_size_that_lies(self, tmp_path):
        content = raw_zip(
            [(b"cats/0.png", deflated(bytes(10**7)), {"packed_size": 10**9, "size": 10**7})]
        )
        assert "runs past its end" in refused(write(tmp_path / "d.zip", content))

    def test_bytes_are_counted_over_the_whole(self, tmp_path):
        limits = Limits(max_bytes=sum(map(len, GOOD.values())) - 1)
        assert "limit" in refused(zipped(tmp_path / "d.zip", GOOD), limits, DatasetRefused)

    def test_files_are_counted(self, tmp_path):
        assert "more than 6 files" in refused(
            zipped(tmp_path / "d.zip", GOOD), Limits(max_files=6), DatasetRefused
        )

    def test_a_table_of_contents_too_large_to_be_read_is_refused_unread(self, tmp_path):
        path = zipped(tmp_path / "d.zip", {f"cats/{i:05}.png": b"" for i in range(2000)})
        assert "more than 5 files" in refused(path, Limits(max_files=5), DatasetRefused)

    def test_a_file_that_is_too_large_is_left_out(self, tmp_path):
        path = zipped(tmp_path / "d.zip", {**GOOD, "cats/large.png": os.urandom(5000)})
        ingested = ingest(path, Limits(max_file_bytes=4096))
        assert [(file.name, file.reason[:24]) for file in ingested.skipped] == [
            ("cats/large.png", "It is larger than 4 kB, ")
        ]


class TestDamage:
    def test_one_wrong_checksum_leaves_that_file_out(self, tmp_path):
        name, packed, fields = honest(png(99), b"cats/bad.png")
        entries = [honest(data, name.encode()) for name, data in GOOD.items()]
        content = raw_zip([*entries, (name, packed, {**fields, "crc": fields["crc"] ^ 1})])
        ingested = ingest(write(tmp_path / "d.zip", content))
        assert ingested.record.counts == (3, 4)
        assert [file.name for file in ingested.skipped] == ["cats/bad.png"]
        assert "damaged inside the zip" in ingested.skipped[0].reason

    def test_rubbish_instead_of_packed_bytes_leaves_that_file_out(self, tmp_path):
        entries = [honest(data, name.encode()) for name, data in GOOD.items()]
        content = raw_zip([*entries, (b"cats/bad.png", b"\xff" * 40, {"size": 40})])
        skipped = ingest(write(tmp_path / "d.zip", content)).skipped
        assert [file.name for file in skipped] == ["cats/bad.png"]

    @pytest.mark.parametrize("keep", [0.3, 0.9, 0.99])
    def test_a_zip_that_was_cut_off(self, tmp_path, keep):
        content = zipped(tmp_path / "whole.zip", GOOD).read_bytes()
        assert "cut off" in refused(write(tmp_path / "d.zip", content[: int(len(content) * keep)]))

    @pytest.mark.parametrize("disk", [1, 7])
    def test_the_last_part_of_a_split_zip(self, tmp_path, disk):
        content = bytearray(zipped(tmp_path / "whole.zip", GOOD).read_bytes())
        struct.pack_into("<H", content, len(content) - 18, disk)
        assert "split into several" in refused(write(tmp_path / "d.zip", bytes(content)))

    def test_another_part_of_a_split_zip(self, tmp_path):
        content = b"PK\x07\x08" + zipped(tmp_path / "whole.zip", GOOD).read_bytes()[:500]
        assert "split into several" in refused(write(tmp_path / "d.z01", content))

    def test_a_zip_written_to_a_pipe_comes_in(self, tmp_path):
        class Pipe(io.RawIOBase):
            """Stream that cannot go back, so that sizes follow the data."""

            def writable(self):
                return True

            def write(self, data):
                return (tmp_path / "d.zip").open("ab").write(data)

        with zipfile.ZipFile(Pipe(), "w", zipfile.ZIP_DEFLATED) as archive:
            for name, data in GOOD.items():
                archive.writestr(name, data)
        assert archive.infolist()[0].flag_bits & 8
        assert ingest(tmp_path / "d.zip").record.counts == (3, 4)

    @pytest.mark.parametrize("content", [b"", b"PK", b"hello" * 100, b"PK\x05\x06" + b"\xff" * 18])
    def test_what_is_not_a_zip(self, tmp_path, content):
        assert "not a zip" in refused(write(tmp_path / "d.zip", content))

    def test_another_archive_named_zip_is_called_what_it_is(self, tmp_path):
        said = refused(write(tmp_path / "d.zip", b"Rar!\x1a\x07\x00" + bytes(100)))
        assert said == ("This is not a zip file but a RAR archive. Unpack it and give the folder.")

    def test_an_empty_zip_has_no_classes(self, tmp_path):
        assert "No class" in refused(zipped(tmp_path / "d.zip", {}), error=DatasetRefused)

    def test_a_zip64_comes_in(self, tmp_path):
        with zipfile.ZipFile(tmp_path / "d.zip", "w") as archive:
            for name, data in GOOD.items():
                with archive.open(name, "w", force_zip64=True) as file:
                    file.write(data)
        assert ingest(tmp_path / "d.zip").record.counts == (3, 4)


def test_directory_entries_tell_of_empty_classes(tmp_path):
    path = zipped(tmp_path / "d.zip", GOOD)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("birds/", "")
    assert [(file.name, file.reason) for file in ingest(path).skipped] == [
        ("birds", "This folder is empty.")
    ]


def _damage(data: st.DataObject, content: bytes) -> bytes:
    damaged = bytearray(content)
    # Half of the damage goes to the headers at the end, where the structure is.
    for _ in range(data.draw(st.integers(1, 10))):
        low = data.draw(st.sampled_from([0, len(damaged) * 3 // 4]))
        damaged[data.draw(st.integers(low, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    shorter = data.draw(st.integers(0, len(damaged)))
    length = data.draw(st.sampled_from([len(damaged), shorter]))
    return bytes(damaged[:length])


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_a_damaged_zip_raises_only_our_errors_and_leaves_nothing_behind(data):
    with tempfile.TemporaryDirectory() as home:
        content = _damage(data, zipped(Path(home, "d.zip"), GOOD).read_bytes())
        check_hostile_zip(Path(home), content)


NAMES = st.one_of(
    st.sampled_from(
        [
            "../a.png",
            "/a.png",
            "cats/../../b.png",
            "C:\\x",
            "cats/",
            "dogs/x/../y.png",
            ".",
            "..",
            "",
            "/",
        ]
    ),
    st.text(max_size=12),
)


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(NAMES, st.sampled_from([b"", b"rubbish", *GOOD.values()]), max_size=8))
def test_no_name_in_a_zip_writes_outside_the_dataset(files):
    entries = [(name.encode("utf-8", "replace")[:60], content) for name, content in files.items()]
    entries += [(name.encode(), content) for name, content in GOOD.items()]
    with tempfile.TemporaryDirectory() as home:
        check_hostile_zip(Path(home), raw_zip([honest(content, name) for name, content in entries]))


def check_hostile_zip(home: Path, content: bytes) -> None:
    archive = write(home / "d.zip", content)
    try:
        ingest(archive, Limits(max_bytes=10**7, max_pixels=10**5))
    except TransferLabError as error:
        assert str(error).endswith(".") or ":" in str(error)
        assert everything_under(home) == ["d.zip"]
    else:
        outside = [name for name in everything_under(home) if not name.startswith("out/")]
        assert outside == ["d.zip", "out"]
        assert not [*home.rglob("*.part"), *home.rglob("*.thumbnail")]


def test_reading_a_directory_size_out_of_the_end_record_is_not_fooled_by_its_own_bytes(tmp_path):
    fake = struct.pack("<4sHHHHIIH", b"PK\x05\x06", 0, 0, 1, 1, 0x06054B50, 0, 0)
    refused(write(tmp_path / "d.zip", fake))
