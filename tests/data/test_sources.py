"""Uploads and paths list usable files and refuse unsafe ones."""

import tarfile

import pytest
from making import LIMITS, encode, folder, good_files, picture, png, zipped

from tl_core.data.ingest import ingest_dataset
from tl_core.data.paths import source_from_path
from tl_core.data.sources import loose_images, uploaded_files
from tl_core.errors import DatasetRefused, UnsafeArchive
from tl_core.settings import Limits

GOOD = good_files()


def ingest(source, tmp_path, limits: Limits = LIMITS):
    return ingest_dataset(source, tmp_path / "out", name="test", limits=limits)


class TestUploads:
    def spooled(self, tmp_path, files):
        """Store files under generated names, as the server does with uploads."""
        paths = []
        for index, (name, content) in enumerate(files.items()):
            (tmp_path / f"spool{index}").write_bytes(content)
            paths.append((name, tmp_path / f"spool{index}"))
        return paths

    def test_a_dropped_folder_comes_in(self, tmp_path):
        files = self.spooled(
            tmp_path, {f"my folder/{name}": content for name, content in GOOD.items()}
        )
        record = ingest(uploaded_files(files), tmp_path).record
        assert (record.classes, record.counts) == (("cats", "dogs"), (3, 4))
        assert record.source == "upload"

    @pytest.mark.parametrize("name", ["../x.png", "a/../../x.png", "a\\..\\x.png"])
    def test_names_that_point_elsewhere_are_refused(self, tmp_path, name):
        with pytest.raises(UnsafeArchive):
            uploaded_files([(name, tmp_path)])

    @pytest.mark.parametrize("label", ["A: good", "C:", "a\\b", "$x$", "a\0b", " .x. "])
    def test_a_class_may_have_any_name_that_a_folder_has(self, tmp_path, label):
        names = {f"{label}/{i}.png": png(20 + i) for i in range(3)}
        record = ingest(uploaded_files(self.spooled(tmp_path, {**GOOD, **names})), tmp_path).record
        assert label.replace("\0", "\ufffd").strip() in record.classes

    def test_junk_in_a_dropped_folder_is_seen_through(self, tmp_path):
        files = self.spooled(tmp_path, {**GOOD, "cats/.DS_Store": b"x", "Thumbs.db": b"x"})
        assert not ingest(uploaded_files(files), tmp_path).skipped

    def test_loose_images_take_the_class_they_are_given(self, tmp_path):
        cats = self.spooled(tmp_path, {f"{i}.png": png(i) for i in range(3)})
        (tmp_path / "more").mkdir()
        dogs = self.spooled(tmp_path / "more", {f"{i}.png": png(10 + i) for i in range(3)})
        record = ingest(loose_images({"cats / kittens": cats, "dogs & co": dogs}), tmp_path).record
        assert record.classes == ("cats / kittens", "dogs & co")

    @pytest.mark.parametrize("label", ["", "  ", "..", ".hidden"])
    def test_a_class_needs_a_visible_name(self, label):
        with pytest.raises(DatasetRefused, match="choose another"):
            loose_images({label: []})


class TestPath:
    def test_a_folder_and_a_zip_are_told_apart_by_content(self, tmp_path):
        assert source_from_path(folder(tmp_path / "in.zip", GOOD)).kind == "folder"
        assert source_from_path(zipped(tmp_path / "archive", GOOD)).kind == "zip"

    @pytest.mark.parametrize(
        ("content", "word"),
        [
            (b"", "empty"),
            (encode(picture()), "neither a folder nor a zip"),
            (b"Rar!\x1a\x07\x00", "RAR"),
            (b"7z\xbc\xaf\x27\x1c", "7z"),
            (b"\x1f\x8b\x08", "gzip"),
            (b"BZh9", "bzip2"),
        ],
    )
    def test_anything_else_is_named_and_refused(self, tmp_path, content, word):
        (tmp_path / "x").write_bytes(content)
        with pytest.raises(DatasetRefused, match=f"{word}.*Give a zip file, or a folder"):
            source_from_path(tmp_path / "x")

    def test_a_tar_is_named(self, tmp_path):
        with tarfile.open(tmp_path / "x.tar", "w") as archive:
            archive.add(folder(tmp_path / "in", GOOD))
        with pytest.raises(DatasetRefused, match=r"tar archive\. Unpack it first"):
            source_from_path(tmp_path / "x.tar")

    def test_a_missing_path_is_refused_with_a_reason(self, tmp_path):
        with pytest.raises(DatasetRefused, match="No such file"):
            source_from_path(tmp_path / "gone")
