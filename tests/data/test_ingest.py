"""Imports store every usable image, list the others, and leave nothing behind when they fail."""

import hashlib
import os
import shutil
from pathlib import Path

import pytest
from making import LIMITS, encode, everything_under, folder, good_files, picture, png, zipped
from PIL import Image

from tl_core.cancellation import Stop
from tl_core.data.images import image_path, thumbnail_path
from tl_core.data.ingest import ingest_dataset
from tl_core.data.intake import IN_MEMORY_BYTES, Intake, make_folders
from tl_core.data.paths import source_from_path
from tl_core.data.sources import Entry, EntryList
from tl_core.errors import Cancelled, ClassTooSmall, DatasetRefused, TooFewClasses
from tl_core.settings import Limits

GOOD = good_files()


@pytest.fixture
def ingest(tmp_path):
    """Ingest a dict of files as a folder."""

    def run(files, limits=LIMITS, **options):
        shutil.rmtree(tmp_path / "in", ignore_errors=True)
        (tmp_path / "in").mkdir()
        source = source_from_path(folder(tmp_path / "in", files))
        return ingest_dataset(source, tmp_path / "out", name="My set", limits=limits, **options)

    return run


class TestRecords:
    def test_images_are_numbered_in_canonical_order(self, ingest):
        images = ingest(GOOD).images
        assert [image.position for image in images] == list(range(7))
        assert [image.class_name for image in images] == ["cats"] * 3 + ["dogs"] * 4
        assert list(images) == sorted(images, key=lambda image: (image.class_name, image.sha256))

    def test_each_record_describes_its_image(self, ingest):
        image = next(image for image in ingest(GOOD).images if image.name == "cats/0.png")
        assert image.sha256 == hashlib.sha256(GOOD["cats/0.png"]).hexdigest()
        assert (image.extension, image.width, image.height, image.split) == ("png", 24, 18, None)

    def test_files_are_stored_unchanged_under_their_digest(self, ingest, tmp_path):
        for image in ingest(GOOD).images:
            assert image_path(tmp_path / "out", image).read_bytes() == GOOD[image.name]
            assert thumbnail_path(tmp_path / "out", image.sha256).is_file()
        assert len(everything_under(tmp_path / "out")) == 2 + 2 * 7

    def test_a_file_too_large_for_memory_is_stored_untouched(self, ingest, tmp_path):
        large = encode(picture(60, (1800, 1600)), "BMP")
        assert len(large) > IN_MEMORY_BYTES
        files = {
            **GOOD,
            "cats/large.bmp": large,
            "cats/copy.bmp": large,
            "dogs/cut.bmp": large[:-100_000],
        }
        ingested = ingest(files)
        stored = [
            image_path(tmp_path / "out", image)
            for image in ingested.images
            if image.extension == "bmp"
        ]
        assert len(stored) == 2 and stored[0] == stored[1] and stored[0].read_bytes() == large
        assert [file.name for file in ingested.skipped] == ["dogs/cut.bmp"]
        assert len(everything_under(tmp_path / "out")) == 2 + 2 * 8

    def test_the_extension_comes_from_the_content(self, ingest):
        odd = {"cats/photo.PNG": encode(picture(50), "JPEG"), "cats/none": png(51)}
        images = ingest({**GOOD, **odd}).images
        extensions = {image.name: image.extension for image in images if image.name in odd}
        assert extensions == {"cats/photo.PNG": "jpg", "cats/none": "png"}

    def test_the_record_counts_what_is_usable(self, ingest):
        record = ingest({**GOOD, "cats/bad.png": b"", "readme.txt": b"hello"}).record
        assert (record.name, record.classes, record.counts) == ("My set", ("cats", "dogs"), (3, 4))
        assert (record.n, record.n_skipped) == (7, 2)

    def test_splits_of_the_source_are_kept(self, ingest):
        files = {
            f"{side}/{name}": png(hash((side, name)) % 10**6)
            for side in ("train", "Valid", "TEST")
            for name in GOOD
        }
        splits = [image.split for image in ingest(files).images]
        assert {side: splits.count(side) for side in splits} == {"train": 7, "val": 7, "test": 7}

    def test_user_text_is_kept_and_never_a_path(self, ingest, tmp_path):
        label = "Überraschungsei & Söhne (2024) – final_FINAL"
        files = {**GOOD, **{f"{label}/{i} %2e%2e;$(rm).png": png(70 + i) for i in range(3)}}
        assert label in ingest(files).record.classes
        assert all(part.isascii() for part in everything_under(tmp_path / "out"))


class TestIdentity:
    def test_the_same_content_is_the_same_dataset(self, ingest, tmp_path):
        renamed = {
            f"wrapping/{name.replace('.png', ' copy.JPG')}": GOOD[name] for name in reversed(GOOD)
        }
        archive = source_from_path(zipped(tmp_path / "d.zip", renamed))
        from_zip = ingest_dataset(archive, tmp_path / "out2", name="other", limits=LIMITS).record
        assert ingest(GOOD).record.id == from_zip.id
        assert len(from_zip.id) == 16 and int(from_zip.id, 16)

    def test_skipped_files_do_not_change_the_id(self, ingest):
        assert ingest(GOOD).record.id == ingest({**GOOD, "cats/bad.png": b"x"}).record.id

    @pytest.mark.parametrize(
        "change",
        [
            lambda files: files | {"cats/new.png": png(99)},
            lambda files: files | {"cats/copy.png": files["cats/0.png"]},
            lambda files: {
                name.replace("cats", "lions"): content for name, content in files.items()
            },
            lambda files: {f"{s}/{n}": c for n, c in files.items() for s in ("train", "test")},
        ],
    )
    def test_other_content_classes_or_sides_are_another(self, ingest, change):
        assert ingest(GOOD).record.id != ingest(change(GOOD)).record.id


class TestSkipped:
    def test_every_bad_file_has_its_name_and_reason_and_the_rest_goes_on(self, ingest):
        jpeg = encode(picture(5, (300, 200)), "JPEG")
        bad = {
            "cats/empty.png": (b"", "0 bytes"),
            "cats/cut.jpg": (jpeg[: len(jpeg) // 2], "cut off"),
            "cats/notes.txt": (b"hello", "not an image"),
            "cats/wide.png": (encode(picture(size=(2000, 100))), "the limit is 100,000"),
            "dogs/drawing.svg": (b"<svg/>", "SVG"),
            "manifest.csv": (b"a,b", "It is a table"),
        }
        files = GOOD | {name: content for name, (content, _) in bad.items()}
        ingested = ingest(files, Limits(max_pixels=100_000))
        assert ingested.record.counts == (3, 4)
        reasons = {file.name: file.reason for file in ingested.skipped}
        assert reasons.keys() == bad.keys()
        assert all(word in reasons[name] for name, (_, word) in bad.items())

    def test_a_class_without_a_usable_file_is_named(self, ingest):
        ingested = ingest({**GOOD, "birds/1.png": b"", "birds/2.png": b"x"})
        assert ingested.record.classes == ("cats", "dogs")
        reason = next(file.reason for file in ingested.skipped if file.name == "birds")
        assert reason == "The class is left out: none of its files (2) can be used."

    def test_the_sentence_of_the_reading_counts_what_cannot_be_learned(self, ingest):
        record = ingest({**GOOD, "birds/1.png": b"", "unlabeled/1.png": png(60)}).record
        assert record.reading == (
            "Read as 3 classes, one for each folder; 1 unlabelled image left out. 1 class of them "
            "has no usable image and cannot be learned."
        )

    def test_nothing_of_a_bad_file_stays(self, ingest, tmp_path):
        ingest({**GOOD, "cats/bad.png": b"x" * 100})
        assert len(everything_under(tmp_path / "out/images")) == 7


class TestWarnings:
    def test_one_image_under_two_classes(self, ingest):
        ingested = ingest({**GOOD, "dogs/copy.png": GOOD["cats/0.png"]})
        assert "1 image stands under more than one class" in ingested.record.warnings[0]
        assert '"cats/0.png" and "dogs/copy.png"' in ingested.record.warnings[0]

    def test_copies_share_a_stored_file_and_are_counted(self, ingest, tmp_path):
        ingested = ingest({**GOOD, "cats/copy.png": GOOD["cats/0.png"]})
        assert ingested.record.n == 8
        assert len(everything_under(tmp_path / "out/images")) == 7
        (warning,) = ingested.record.warnings
        assert warning.startswith("1 file is an exact copy")
        assert '"cats/0.png" and "cats/copy.png"' in warning

    def test_copies_under_two_classes_get_one_warning(self, ingest):
        copies = {f"dogs/copy {i}.png": GOOD[f"cats/{i}.png"] for i in range(3)}
        (warning,) = ingest({**GOOD, **copies}).record.warnings
        assert warning.startswith("3 images stand under more than one class")
        assert all(f'"cats/{i}.png" and "dogs/copy {i}.png"' in warning for i in range(3))

    def test_a_warning_names_some_of_many_copies(self, ingest):
        files = good_files({"cats": 9, "dogs": 9})
        copies = {
            name.replace(".png", " copy.png"): content
            for name, content in files.items()
            if "cats" in name
        }
        (warning,) = ingest({**files, **copies}).record.warnings
        assert warning.startswith("9 files are exact copies") and "; and 6 more." in warning

    def test_very_uneven_classes(self, ingest):
        warnings = ingest(good_files({"few": 3, "many": 15})).record.warnings
        assert warnings[0].startswith(
            'The classes are uneven: "many" has 15 images and "few" has 3.'
        )

    def test_nothing_odd_is_no_warning(self, ingest):
        assert ingest(GOOD).record.warnings == ()


class TestRefusals:
    @pytest.mark.parametrize(
        ("files", "sentence"),
        [
            ({}, "No class with a usable image"),
            (
                {"1.png": png(1), "2.png": png(2)},
                "No class with a usable image.*not inside a class folder",
            ),
            (
                good_files({"cats": 5}),
                'Only one class was found, "cats".*cats/1.jpg and dogs/1.jpg',
            ),
            (
                {**good_files({"cats": 5}), "dogs/1.heic": b"\0\0\0\x18ftypheic" + bytes(40)},
                "Only one class.*HEIC",
            ),
        ],
    )
    def test_fewer_than_two_classes(self, ingest, tmp_path, files, sentence):
        with pytest.raises(TooFewClasses, match=sentence):
            ingest(files)
        assert not (tmp_path / "out").exists()

    def test_a_class_too_small_to_split(self, ingest, tmp_path):
        with pytest.raises(ClassTooSmall, match=r'Too small: "cats: 2", "owls: 1"\.'):
            ingest(good_files({"cats": 2, "dogs": 3, "owls": 1}))
        assert not (tmp_path / "out").exists()

    def test_copies_do_not_make_a_class_large_enough(self, ingest):
        with pytest.raises(ClassTooSmall, match='"cats: 1"'):
            ingest({**good_files({"dogs": 3}), **{f"cats/{i}.png": png(50) for i in range(5)}})

    def test_with_a_split_of_its_own_small_classes_are_fine(self, ingest):
        files = {
            f"{side}/{label}/1.png": png(ord(label) + len(side))
            for side in ("train", "test")
            for label in "ab"
        }
        assert ingest(files).record.counts == (2, 2)


class TestInterruptions:
    def test_stopping_leaves_nothing_behind(self, ingest, tmp_path):
        asked = []
        with pytest.raises(Cancelled):
            ingest(
                good_files({"cats": 30, "dogs": 30}),
                stop=Stop(lambda: bool(asked.append(1)) or len(asked) > 10),
            )
        assert not (tmp_path / "out").exists()

    @pytest.mark.parametrize("error", [KeyboardInterrupt, ZeroDivisionError])
    def test_whatever_is_raised_nothing_is_left_behind(self, ingest, tmp_path, error):
        (tmp_path / "out").mkdir()

        def fail(progress):
            if progress.done:
                raise error

        with pytest.raises(error):
            ingest(GOOD, on_progress=fail)
        assert everything_under(tmp_path / "out") == []

    def test_a_full_disk_is_reported(self, tmp_path):
        if not os.access("/dev/full", os.W_OK):
            pytest.skip("this system has no /dev/full")
        make_folders(tmp_path)

        def read():
            yield b"x"
            with Path("/dev/full").open("wb", buffering=0) as full:
                full.write(b"x")

        # An error of the disk in the entry's own read stands in for one while writing the copy.
        with pytest.raises(DatasetRefused, match="disk of the server is full"):
            Intake(tmp_path, LIMITS).take(Entry(("a", "b"), read))
        assert everything_under(tmp_path) == ["images", "thumbnails"]

    def test_a_folder_that_cannot_be_written_is_reported(self, tmp_path):
        (tmp_path / "file").write_text("in the way")
        with pytest.raises(DatasetRefused, match="could not write"):
            ingest_dataset(EntryList("sample", []), tmp_path / "file/out", name="x", limits=LIMITS)


class TestProgress:
    def test_it_starts_unknown_and_ends_complete(self, ingest):
        seen = []
        ingest(GOOD, on_progress=seen.append)
        assert (seen[0].phase, seen[0].total) == ("listing files", None)
        assert (seen[-1].done, seen[-1].total) == (7, 7)
        assert seen[-1].bytes == sum(map(len, GOOD.values()))

    def test_reports_are_limited_in_rate(self, ingest):
        seen = []
        ingest(good_files({"cats": 100, "dogs": 100}), on_progress=seen.append)
        assert len(seen) < 50


def test_each_file_is_read_once_and_streamed(tmp_path):
    reads = []

    def entry(name, content):
        def read():
            reads.append(name)
            yield content[:50]
            yield content[50:]

        return Entry(tuple(name.split("/")), read)

    source = EntryList("sample", [entry(*item) for item in GOOD.items()])
    ingest_dataset(source, tmp_path / "out", name="x", limits=LIMITS)
    assert sorted(reads) == sorted(GOOD)


def test_thumbnails_are_upright(ingest, tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    images = ingest(
        {**GOOD, "cats/IMG_1.JPG": encode(picture(9, (400, 200)), "JPEG", exif=exif)}
    ).images
    image = next(image for image in images if image.name == "cats/IMG_1.JPG")
    assert (image.width, image.height) == (200, 400)
    with Image.open(thumbnail_path(tmp_path / "out", image.sha256)) as thumbnail:
        assert thumbnail.size == (96, 192)
