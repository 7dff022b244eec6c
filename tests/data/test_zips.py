"""Untrusted zips are imported, refused as a whole, or imported without their unusable files."""

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
from making import LIMITS, deflated, everything_under, good_files, png, raw_zip, zipped

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


def honest(content: bytes, name: bytes) -> tuple[bytes, bytes, dict[str, int]]:
    return name, deflated(content), {"crc": zlib.crc32(content), "size": len(content)}


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
            ("/etc/evil.png", "absolute"),
            ("//server/share/evil.png", "absolute"),
            ("C:/evil.png", "absolute"),
            ("c:evil.png", "absolute"),
            ("\\\\server\\evil.png", "absolute"),
            ("cats\\evil.png", "backslash"),
            ("cats/..\\..\\evil.png", "backslash"),
            ("a/" * 70 + "deep.png", "deep"),
        ],
    )
    def test_names_that_point_anywhere_else_are_refused(self, tmp_path, name, word):
        assert word in refused(zipped(tmp_path / "d.zip", {**GOOD, name: png(99)}))

    def test_traversal_hidden_in_junk_is_refused_too(self, tmp_path):
        refused(zipped(tmp_path / "d.zip", {**GOOD, "__MACOSX/../../evil.png": png(99)}))

    def test_a_zero_character_is_refused(self, tmp_path):
        content = raw_zip(
            [honest(data, name.encode()) for name, data in GOOD.items()]
            + [honest(b"x", b"cats/a\0.png")]
        )
        assert "zero character" in refused(write(tmp_path / "d.zip", content))

    def test_utf8_names_without_the_flag_are_understood(self, tmp_path):
        files = {**GOOD, **{f"Vögel/{i}.png": png(50 + i) for i in range(3)}}
        content = raw_zip([honest(data, name.encode()) for name, data in files.items()])
        assert "Vögel" in ingest(write(tmp_path / "d.zip", content)).record.classes

    def test_names_that_are_not_utf8_come_through_as_some_text(self, tmp_path):
        files = {
            **{k.encode(): v for k, v in GOOD.items()},
            **{b"V\xf6gel/%d.png" % i: png(50 + i) for i in range(3)},
        }
        content = raw_zip([honest(data, name) for name, data in files.items()])
        assert len(ingest(write(tmp_path / "d.zip", content)).record.classes) == 3

    def test_a_false_utf8_flag_is_reported(self, tmp_path):
        content = raw_zip([(b"V\xf6gel/1.png", b"", {"flags": 0x800})])
        assert "not valid text" in refused(write(tmp_path / "d.zip", content))


class TestKinds:
    def test_links_are_refused(self, tmp_path):
        path = zipped(tmp_path / "d.zip", GOOD)
        link = zipfile.ZipInfo("cats/link.png")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        with zipfile.ZipFile(path, "a") as archive:
            archive.writestr(link, "/etc/passwd")
        assert "link" in refused(path)

    def test_devices_are_refused(self, tmp_path):
        path = zipped(tmp_path / "d.zip", GOOD)
        device = zipfile.ZipInfo("cats/device.png")
        device.external_attr = stat.S_IFCHR << 16
        with zipfile.ZipFile(path, "a") as archive:
            archive.writestr(device, "")
        assert "neither" in refused(path)

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


class TestBombs:
    def test_one_entry_that_unpacks_too_far(self, tmp_path):
        path = zipped(tmp_path / "d.zip", {**GOOD, "cats/bomb.png": bytes(30 * 2**20)})
        assert "zip bomb" in refused(path)

    def test_many_small_ones_that_together_unpack_too_far(self, tmp_path):
        path = zipped(
            tmp_path / "d.zip", {**GOOD, **{f"cats/{i}.bmp": bytes(2**20 - i) for i in range(40)}}
        )
        assert "zip bomb" in refused(path)

    def test_a_header_that_lies_about_the_size_gains_nothing(self, tmp_path):
        bomb = bytes(30 * 2**20)
        fields = {"crc": zlib.crc32(bomb), "size": 2**32 - 2}
        content = raw_zip(
            [
                *(honest(d, n.encode()) for n, d in GOOD.items()),
                (b"cats/b.png", deflated(bomb), fields),
            ]
        )
        assert "zip bomb" in refused(write(tmp_path / "d.zip", content))

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

    @pytest.mark.parametrize("content", [b"", b"PK", b"hello" * 100, b"PK\x05\x06" + b"\xff" * 18])
    def test_what_is_not_a_zip(self, tmp_path, content):
        assert "not a zip" in refused(write(tmp_path / "d.zip", content))

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
