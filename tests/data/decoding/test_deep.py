"""Samples of more than 8 bits are scaled alike in a whole dataset, and as files declare."""

import io

import numpy as np
import pytest
from making import LIMITS, encode, folder
from making_specimens import png, tiff, words
from PIL import Image

from tl_core.data.copies import content_keys
from tl_core.data.decoding import Span, levels_of
from tl_core.data.images import image_path, open_rgb, thumbnail_path
from tl_core.data.ingest import ingest_dataset
from tl_core.data.known_images import KnownImages
from tl_core.data.loaders import read_input
from tl_core.data.paths import source_from_path
from tl_core.records import Preprocessing


def ramp(most: float, dtype, seed: int = 0, size: tuple[int, int] = (20, 30)) -> np.ndarray:
    """Return values from 0 to `most`, in an order that differs from seed to seed."""
    values = np.linspace(0, most, size[0] * size[1])
    return np.random.default_rng(seed).permutation(values).reshape(size).astype(dtype)


def dataset(write, dark: float, bright: float, dtype=np.uint16) -> dict[str, bytes]:
    """Three dark images and a bright one in each of two classes."""
    return {
        f"{label}/{i}": write(ramp(bright if i == 3 else dark, dtype, i + 10 * (label == "b")))
        for label in "ab"
        for i in range(4)
    }


def grey_png(values):
    return png(values, 0)


def colour_png(values):
    return png(np.stack([values, values[::-1], values[:, ::-1]], -1), 2)


def clear_png(values):
    return png(np.dstack([values, np.full_like(values, 4095)]), 4)


def grey_tiff(values):
    return encode(Image.fromarray(values), "TIFF")


def planar_tiff(values):
    planes = [part.astype("<u2").tobytes() for part in (values, values[::-1], values[:, ::-1])]
    return tiff(planes, (16,) * 3, 2, size=values.shape[::-1])


@pytest.fixture
def ingest(tmp_path):
    def run(files, into="out", **options):
        source = source_from_path(folder(tmp_path / f"in {into}", files))
        ingested = ingest_dataset(source, tmp_path / into, name="x", limits=LIMITS, **options)
        return ingested, tmp_path / into

    return run


def brightest(path, **options) -> int:
    return int(np.asarray(open_rgb(path, 10**8, **options).pixels).max())


CASES = {
    "10 bits": (grey_png, 200, 1023, np.uint16, ("16-bit", 0, 1023)),
    "12 bits": (grey_png, 500, 4095, np.uint16, ("16-bit", 0, 4095)),
    "14 bits": (grey_tiff, 3000, 16383, np.uint16, ("16-bit", 0, 16383)),
    "12 bits of colour": (colour_png, 500, 4095, np.uint16, ("16-bit", 0, 4095)),
    "12 bits with alpha": (clear_png, 500, 4095, np.uint16, ("16-bit", 0, 4095)),
    "12 bits in planes": (planar_tiff, 500, 4095, np.uint16, ("16-bit", 0, 4095)),
    "16 bits": (grey_png, 9000, 65535, np.uint16, ("16-bit", 0, 65535)),
    "integers of 8 bits": (grey_tiff, 90, 255, np.int32, ("integer", 0, 255)),
    "integers of 12 bits": (grey_tiff, 300, 4095, np.int32, ("integer", 0, 4095)),
    "floats to 1": (grey_tiff, 0.2, 1.0, np.float32, ("float", 0, 1)),
    "floats to 255": (grey_tiff, 0.9, 255.0, np.float32, ("float", 0, 255)),
}


@pytest.mark.parametrize("case", CASES)
def test_a_dataset_is_scaled_as_a_whole(ingest, case):
    write, dark, bright, dtype, level = CASES[case]
    ingested, root = ingest(dataset(write, dark, bright, dtype))
    levels = ingested.record.levels
    assert levels == (level,)
    for image in ingested.images:
        most = bright if image.name.endswith("3") else dark
        wanted = pytest.approx(255 * most / bright, abs=1)
        assert brightest(image_path(root, image), levels=levels) == wanted
        assert brightest(thumbnail_path(root, image.sha256)) == pytest.approx(
            255 * most / bright, abs=6
        )


@pytest.mark.parametrize(
    ("case", "words_of_note"),
    [
        ("12 bits", "0 is black and 4,095 is white (12 bits are in use)"),
        ("integers of 8 bits", "8 images have integer samples"),
        ("floats to 255", "8 images have floating-point samples"),
        ("16 bits", ""),
        ("floats to 1", ""),
    ],
)
def test_a_note_says_how_it_is_scaled(ingest, case, words_of_note):
    write, dark, bright, dtype, _ = CASES[case]
    warnings = ingest(dataset(write, dark, bright, dtype))[0].record.warnings
    assert len(warnings) == bool(words_of_note)
    assert words_of_note in "".join(warnings)


def test_a_usual_dataset_has_no_levels(ingest):
    files = {f"{'ab'[i % 2]}/{i}": encode(Image.new("L", (8, 8), 9 * i)) for i in range(8)}
    record = ingest(files)[0].record
    assert record.levels == () and record.warnings == ()


class TestDeclarations:
    def declared_png(self, bits):
        return lambda values: png(values, 0, 16, (b"sBIT", bytes([bits])))

    def declared_tiff(self, most):
        return lambda values: tiff(words(values), (16,), 1, declared=most, size=values.shape[::-1])

    def test_a_declared_number_of_bits_outranks_those_in_use(self, ingest):
        record = ingest(dataset(self.declared_png(12), 100, 900))[0].record
        assert record.levels == (("16-bit", 0, 4095),)

    def test_a_declared_largest_sample_outranks_the_bits_in_use(self, ingest):
        record = ingest(dataset(self.declared_tiff(4000), 100, 900))[0].record
        assert record.levels == (("16-bit", 0, 4000),)

    def test_a_declaration_that_the_samples_exceed_does_not_count(self, ingest):
        """Other programs shift significant bits to the top."""
        record = ingest(dataset(self.declared_png(12), 900, 65520))[0].record
        assert record.levels == (("16-bit", 0, 65535),)

    def test_an_image_of_a_kind_that_the_dataset_lacks_is_scaled_as_it_declares(self):
        values = ramp(900, np.uint16)
        for content in (self.declared_png(12)(values), self.declared_tiff(4095)(values)):
            assert brightest(io.BytesIO(content), levels=()) == round(255 * 900 / 4095)
        assert brightest(io.BytesIO(grey_png(values)), levels=()) == round(255 * 900 / 65535)

    def test_a_header_s_maximum_counts(self):
        """Pillow has scaled PGM and JPEG 2000 by it already."""
        pgm = b"P5 30 20 4095\n" + ramp(4095, ">u2").tobytes()
        image = open_rgb(io.BytesIO(pgm), 10**8)
        assert image.pixels.getextrema()[0] == (0, 255)
        assert levels_of([image.span]) == (("16-bit", 0, 65535),)


def test_a_single_image_is_scaled_as_the_dataset_of_the_model(tmp_path):
    """A dark image alone would look as bright as the brightest."""
    dark = grey_png(ramp(500, np.uint16, size=(64, 64)))
    own = Preprocessing(32, 32, (0, 0, 0), (1, 1, 1), "bilinear", (("16-bit", 0.0, 4095.0),))
    assert int(read_input(io.BytesIO(dark), own, 10**8).max()) <= round(255 * 500 / 4095)
    bright = grey_png(ramp(4095, np.uint16, size=(64, 64)))
    assert int(read_input(io.BytesIO(bright), own, 10**8).max()) > 150


def test_a_known_image_is_not_taken_over_with_other_levels(ingest):
    """Its thumbnail in another dataset was drawn by that dataset's levels."""
    shared = dataset(grey_png, 500, 4095)
    first, root = ingest(shared)
    shared["a/bright"] = grey_png(ramp(65535, np.uint16, 99))
    known = KnownImages({"first": root}, lambda name: first.images).find
    second, other = ingest(shared, "other", find_known=known)
    assert second.record.levels == (("16-bit", 0, 65535),)
    for image in second.images:
        of_first = thumbnail_path(root, image.sha256)
        if of_first.exists():
            assert brightest(thumbnail_path(other, image.sha256)) < 20
            assert brightest(of_first) > 20


def test_copies_are_compared_by_what_is_shown(ingest):
    """The same picture in 8 bits, and in 12 of 16 bits."""
    files = dataset(grey_png, 500, 4095)
    values = ramp(255, np.uint8, 77)
    wide = np.floor(values * (4095 / 255)).astype(np.uint16)
    files["a/8 bits"] = encode(Image.fromarray(values))
    files["a/12 bits"] = grey_png(wide)
    ingested, root = ingest(files)
    shown = {
        image.name: np.asarray(
            open_rgb(image_path(root, image), 10**8, levels=ingested.record.levels).pixels
        )
        for image in ingested.images
    }
    same = np.array_equal(shown["a/8 bits"], shown["a/12 bits"])
    keys = content_keys(ingested.images)
    by_name = {image.name: keys[image.sha256] for image in ingested.images}
    assert same and by_name["a/8 bits"] == by_name["a/12 bits"]


@pytest.mark.parametrize(
    ("spans", "level"),
    [
        ([("float", -1.0, 1.0, None)], ("float", -1.0, 1.0)),
        ([("float", -0.02, 1.04, None)], ("float", 0.0, 1.0)),
        ([("float", -0.02, 0.3, None), ("float", 0, 250, None)], ("float", 0.0, 255.0)),
        ([("float", 0, 9000.0, None)], ("float", 0.0, 9000.0)),
        ([("integer", -1024, 3071, None)], ("integer", -1024, 3071)),
        ([("16-bit", 0, 3, None)], ("16-bit", 0.0, 255.0)),
        ([("16-bit", 0, 256, None)], ("16-bit", 0.0, 511.0)),
        ([("16-bit", 0, 256, 1023.0), ("16-bit", 0, 700, None)], ("16-bit", 0.0, 1023.0)),
    ],
)
def test_levels_of_a_dataset(spans, level):
    assert levels_of([Span(*span) for span in spans]) == (level,)
