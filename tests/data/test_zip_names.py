"""Names in zips are read in the encoding of the program that packed them, or with a note."""

import struct
import zipfile
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from making import LIMITS, honest, png, raw_zip

from tl_core.data.ingest import ingest_dataset
from tl_core.data.zip_names import read_names
from tl_core.data.zips import ZipSource

WINDOWS = 0
UNIX = 3
LEGACY = [
    # Encoding, and class names as somebody in that country might choose them.
    ("cp866", "кошки", "собаки"),
    ("cp866", "Хорошие", "Плохие"),
    ("cp866", "Годные", "Брак"),
    ("cp1251", "кошки", "собаки"),
    ("gbk", "猫", "狗"),
    ("gbk", "苹果", "香蕉"),
    ("gbk", "正常", "肺炎"),
    ("gbk", "合格", "不合格"),
    ("big5", "蘋果", "香蕉"),
    ("big5", "正常", "異常"),
    ("cp932", "ソ", "タ"),
    ("cp932", "ソフト", "表"),
    ("cp932", "いぬ", "ねこ"),
    ("cp932", "良品", "不良"),
    ("cp949", "고양이", "개"),
    ("cp949", "정상", "불량"),
    ("cp437", "Vögel", "Käfer"),
    ("cp437", "Äpfel", "Birnen"),
    ("cp850", "Vögel", "Hühner"),
    ("cp850", "São Paulo", "maçã"),
    ("cp850", "niño", "niña"),
    ("cp1252", "Vögel", "Hühner"),
    ("cp852", "Łódź", "żaba"),
    ("cp852", "kočka", "pes"),
    ("cp737", "σκύλος", "γάτα"),
    ("cp862", "כלב", "חתול"),
    ("cp857", "kedi", "köpek"),
    ("cp874", "แมว", "สุนัข"),
]


def archive(path: Path, names: list[bytes], **fields) -> Path:
    entries = [honest(png(seed), name, **fields) for seed, name in enumerate(names)]
    path.write_bytes(raw_zip(entries))
    return path


def ingest(path: Path):
    return ingest_dataset(ZipSource(path), path.parent / "out", name="test", limits=LIMITS)


def class_folders(*classes: str, separator: str = "/") -> list[str]:
    return [f"{name}{separator}{place}.png" for name in classes for place in range(3)]


@pytest.mark.parametrize(("encoding", "one", "other"), LEGACY)
def test_names_without_the_flag_are_read_in_their_encoding(tmp_path, encoding, one, other):
    names = [name.encode(encoding) for name in class_folders(one, other)]
    record = ingest(archive(tmp_path / "d.zip", names, system=WINDOWS)).record
    assert set(record.classes) == {one, other}
    (note,) = record.warnings
    shown = one if not one.isascii() else other
    assert "does not say in which encoding" in note and f'such as "{shown}"' in note


@pytest.mark.parametrize(("encoding", "one", "other"), LEGACY)
def test_backslashes_of_windows_divide_names_in_any_encoding(tmp_path, encoding, one, other):
    names = [name.encode(encoding) for name in class_folders(one, other, separator="\\")]
    record = ingest(archive(tmp_path / "d.zip", names, system=WINDOWS)).record
    assert set(record.classes) == {one, other}
    (note,) = record.warnings
    shown = one if not one.isascii() else other
    assert f'such as "{shown}"' in note


@pytest.mark.parametrize(("encoding", "one", "other"), LEGACY)
def test_a_wrong_flag_of_utf8_is_not_believed(tmp_path, encoding, one, other):
    names = [name.encode(encoding) for name in class_folders(one, other)]
    path = archive(tmp_path / "d.zip", names, system=WINDOWS, flags=0x800)
    record = ingest(path).record
    assert set(record.classes) == {one, other} and sum(record.counts) == 6
    (note,) = record.warnings
    shown = one if not one.isascii() else other
    assert "says that its names are in UTF-8, which they are not" in note
    assert f'such as "{shown}"' in note


def test_a_wrong_flag_counts_for_names_that_would_be_utf8_by_chance(tmp_path):
    # The bytes of the second name are valid UTF-8, which made an editor famous.
    names = [name.encode("gbk") for name in class_folders("移动", "联通", "电信")]
    record = ingest(archive(tmp_path / "d.zip", names, flags=0x800)).record
    assert set(record.classes) == {"移动", "联通", "电信"}


def test_a_name_that_was_cut_within_a_character_does_not_change_the_others(tmp_path):
    names = [name.encode() for name in class_folders("кошки", "собаки")]
    cut = "кошки/ф".encode()[:-1] + b".png"
    record = ingest(archive(tmp_path / "d.zip", [*names, cut], flags=0x800)).record
    assert record.classes == ("кошки", "собаки") and sum(record.counts) == 7
    (note,) = record.warnings
    assert "not valid UTF-8" in note and '"кошки/\ufffd.png"' in note


def test_a_file_that_looks_like_a_header_is_read_as_it_is(tmp_path):
    name = "ж".encode("cp866") + b"/a.bin"
    headers = [b"PK\1\2" + bytes(4) + b"\0\x08" + bytes(60), b"PK\3\4\0\0\0\x08" + bytes(22)]
    fields = [{"crc": zlib.crc32(h), "size": len(h), "method": 0, "flags": 0x800} for h in headers]
    path = tmp_path / "d.zip"
    path.write_bytes(
        raw_zip([(name + str(i).encode(), h, fields[i]) for i, h in enumerate(headers)])
    )
    with ZipSource(path).open(LIMITS) as listing:
        assert [b"".join(entry.read()) for entry in listing.entries] == headers


def test_all_names_are_read_alike():
    # By itself, the second name would be valid UTF-8.
    names = ["кошки/1.png".encode("cp866"), b"\xd0\xb0/2.png"]
    read = read_names([info(name) for name in names]).names
    assert read == ("кошки/1.png", "╨░/2.png".encode("cp437").decode("cp866"))


@pytest.mark.parametrize(
    "names", [("cats", "dogs"), ("Vögel", "Käfer"), ("猫", "狗"), ("кот", "😀")]
)
@pytest.mark.parametrize("flags", [0, 0x800])
def test_utf8_is_read_with_and_without_the_flag(tmp_path, names, flags):
    raw = [name.encode() for name in class_folders(*names)]
    record = ingest(archive(tmp_path / "d.zip", raw, flags=flags)).record
    assert set(record.classes) == set(names) and not record.warnings


def test_the_unicode_name_of_info_zip_counts(tmp_path):
    entries = []
    for seed, name in enumerate(class_folders("кошки", "собаки")):
        raw = name.encode("cp1251")
        body = struct.pack("<BI", 1, zlib.crc32(raw)) + name.encode()
        extra = struct.pack("<HH", 0x5455, 1) + b"\0" + struct.pack("<HH", 0x7075, len(body)) + body
        entries.append(honest(png(seed), raw, extra=extra))
    (tmp_path / "d.zip").write_bytes(raw_zip(entries))
    record = ingest(tmp_path / "d.zip").record
    assert record.classes == ("кошки", "собаки") and not record.warnings


@pytest.mark.parametrize("body", [b"", b"\1abcd", b"\1\0\0\0\0dogs/1.png", b"\2\0\0\0\0x"])
def test_a_unicode_name_of_another_file_does_not_count(body):
    extra = struct.pack("<HH", 0x7075, len(body)) + body
    assert read_names([info(b"cats/1.png", extra)]).names == ("cats/1.png",)


class TestBackslashes:
    def test_powershell_s_zips_are_read(self, tmp_path):
        names = [f"data\\{name}".encode() for name in class_folders("cats", "dogs", separator="\\")]
        for system in (WINDOWS, UNIX):
            path = archive(tmp_path / f"{system}.zip", names, system=system)
            record = ingest_dataset(
                ZipSource(path), tmp_path / f"out{system}", name="x", limits=LIMITS
            )
            assert record.record.classes == ("cats", "dogs") and not record.skipped

    def test_a_folder_at_the_end_is_a_folder(self, tmp_path):
        names = [name.encode() for name in class_folders("cats", "dogs", separator="\\")]
        entries = [honest(png(seed), name) for seed, name in enumerate(names)]
        (tmp_path / "d.zip").write_bytes(raw_zip([*entries, honest(b"", b"birds\\")]))
        skipped = ingest(tmp_path / "d.zip").skipped
        assert [(file.name, file.reason) for file in skipped] == [
            ("birds", "This folder is empty.")
        ]

    def test_a_unix_name_with_both_keeps_its_own(self, tmp_path):
        names = [name.encode() for name in class_folders("a\\b", "c")]
        assert ingest(archive(tmp_path / "d.zip", names)).record.classes == ("a\\b", "c")

    def test_windows_has_none_of_its_own(self, tmp_path):
        names = [b"data/" + name.encode() for name in class_folders("a", "b", separator="\\")]
        path = archive(tmp_path / "d.zip", names, system=WINDOWS)
        assert ingest(path).record.classes == ("a", "b")


@given(st.lists(st.binary(min_size=1, max_size=30), max_size=6))
def test_any_bytes_are_some_names(names):
    read = read_names([info(name) for name in names])
    assert len(read.names) == len(names)
    assert not read.note or read.note.endswith(".")


def info(name: bytes, extra: bytes = b"") -> zipfile.ZipInfo:
    """Return an entry as zipfile reads it."""
    made = zipfile.ZipInfo("x")
    made.orig_filename = name.decode("cp437")
    made.extra = extra
    made.create_system = UNIX
    return made
