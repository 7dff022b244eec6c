"""Copies are recognised by their decoded pixels, whatever bytes or format hold them."""

import io
import random
from dataclasses import replace

import numpy as np
import pytest
from making import LIMITS, encode, folder, image_record, picture
from PIL import Image, PngImagePlugin

from tl_core.config import DataConfig
from tl_core.data.copies import content_keys, digest_of, find_lookalikes, outline_of
from tl_core.data.images import open_rgb
from tl_core.data.ingest import ingest_dataset
from tl_core.data.paths import source_from_path
from tl_core.data.splits import make_split


def with_text(image: Image.Image) -> bytes:
    info = PngImagePlugin.PngInfo()
    info.add_text("comment", "saved again")
    return encode(image, pnginfo=info)


def other_bytes(image: Image.Image) -> dict[str, bytes]:
    """Save the same pixels in several formats."""
    turned = Image.Exif()
    turned[0x0112] = 6
    return {
        "plain.png": encode(image),
        "windows.bmp": encode(image, "BMP"),
        "text.png": with_text(image),
        "packed.tif": encode(image, "TIFF", compression="tiff_lzw"),
        "lossless.webp": encode(image, "WEBP", lossless=True),
        "opaque.png": encode(image.convert("RGBA")),
        "turned.png": encode(image.transpose(Image.Transpose.ROTATE_90), exif=turned),
    }


def noise(seed: int, size: tuple[int, int] = (40, 30)) -> Image.Image:
    values = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    return Image.fromarray(values)


@pytest.fixture
def ingest(tmp_path):
    def run(files, **options):
        source = source_from_path(folder(tmp_path / "in", files))
        return ingest_dataset(source, tmp_path / "out", name="x", limits=LIMITS, **options)

    return run


def sides(images, split):
    return {
        image.name: side
        for side in ("train", "val", "test")
        for image in images
        if image.position in getattr(split, side)
    }


def test_the_same_pixels_in_other_bytes_stay_on_one_side(ingest):
    files = {}
    for label in ("cats", "dogs"):
        for number in range(8):
            image = noise(number + 100 * (label == "dogs"))
            for name, content in other_bytes(image).items():
                files[f"{label}/{number} {name}"] = content
    ingested = ingest(files)
    keys = content_keys(ingested.images)
    assert len(set(keys.values())) == 16
    for seed in range(20):
        split = make_split(ingested.images, DataConfig(dataset_id="d", split_seed=seed))
        placed = sides(ingested.images, split)
        of_image = {(name.split()[0], side) for name, side in placed.items()}
        assert len(of_image) == 16
    (warning,) = ingested.record.warnings
    assert warning.startswith("96 files are exact copies of another in its class, pixel for pixel")


def test_copies_across_given_splits_are_named_and_kept_on_one_side(ingest):
    images = {label: [noise(i + 10 * ord(label)) for i in range(4)] for label in "ab"}
    files = {
        f"train/{label}/{i}.png": encode(image)
        for label, group in images.items()
        for i, image in enumerate(group)
    }
    files |= {
        f"test/{label}/{i}.bmp": encode(group[i], "BMP")
        for label, group in images.items()
        for i in range(2)
    }
    ingested = ingest(files)
    split = make_split(ingested.images, DataConfig(dataset_id="d"))
    assert split.warnings[0].startswith("4 images stand in more than one of train")
    placed = sides(ingested.images, split)
    for label in "ab":
        for i in range(2):
            assert placed[f"train/{label}/{i}.png"] == placed[f"test/{label}/{i}.bmp"] == "test"


def test_the_same_pixels_under_two_classes_contradict_each_other(ingest):
    files = {f"{label}/{i}.png": encode(noise(i + ord(label))) for label in "ax" for i in range(4)}
    files["x/copy.bmp"] = encode(noise(ord("a")), "BMP")
    (warning,) = ingest(files).record.warnings
    assert warning.startswith("1 image stands under more than one class, pixel for pixel")
    assert '"a/0.png" and "x/copy.bmp"' in warning


@pytest.mark.parametrize("size", [(40, 30), (900, 700)])
def test_a_jpeg_and_its_lossless_copy_are_the_same(ingest, size):
    """Large JPEGs are decoded at a reduced size on import; they are compared in full."""
    jpegs = [encode(picture(i, size), "JPEG", quality=80) for i in range(6)]
    files = {f"{'ab'[i % 2]}/{i}.jpg": jpeg for i, jpeg in enumerate(jpegs)}
    files |= {
        f"{'ab'[i % 2]}/{i}.png": encode(Image.open(io.BytesIO(jpeg)), compress_level=1)
        for i, jpeg in enumerate(jpegs)
    }
    keys = content_keys(ingest(files).images)
    assert len(keys) == 12 and len(set(keys.values())) == 6


def test_a_single_changed_pixel_makes_another_image(ingest):
    images = [noise(i, (300, 200)) for i in range(6)]
    files = {f"{'ab'[i % 2]}/{i}.png": encode(image) for i, image in enumerate(images)}
    red, green, blue = images[0].getpixel((7, 9))
    images[0].putpixel((7, 9), (red ^ 1, green, blue))
    files["a/changed.png"] = encode(images[0])
    ingested = ingest(files)
    assert ingested.record.warnings == ()
    assert len(set(content_keys(ingested.images).values())) == 7


def test_a_transposed_image_is_another():
    image = noise(1, (30, 30))
    assert digest_of(image) != digest_of(image.transpose(Image.Transpose.TRANSPOSE))
    flat = Image.new("RGB", (4, 2))
    assert digest_of(flat) != digest_of(flat.transpose(Image.Transpose.TRANSPOSE))


def test_only_lookalikes_are_decoded_in_full(ingest):
    """Images that differ need no second look."""
    files = {f"{'ab'[i % 2]}/{i}.png": encode(picture(i)) for i in range(20)}
    files["a/copy.bmp"] = encode(picture(0), "BMP")
    with_digest = {image.name for image in ingest(files).images if image.pixels}
    assert with_digest == {"a/0.png", "a/copy.bmp"}


def test_images_without_digests_are_compared_by_bytes(ingest):
    """Datasets imported earlier have none, and their runs keep their split."""
    files = {f"{'ab'[i % 2]}/{i}.png": encode(noise(i)) for i in range(40)}
    files["a/copy.bmp"] = encode(noise(0), "BMP")
    images = ingest(files).images
    old = [replace(image, pixels=None) for image in images]
    assert content_keys(old) == {image.sha256: image.sha256 for image in images}


def test_a_dataset_without_copies_has_the_split_that_it_had(ingest):
    """Keys are the digests of the files, so that the same seed draws the same images."""
    files = {f"{'ab'[i % 2]}/{i}.png": encode(noise(i)) for i in range(40)}
    images = ingest(files).images
    alike = [replace(image, pixels=f"{image.position:032x}") for image in images]
    config = DataConfig(dataset_id="d", split_seed=3)
    assert make_split(alike, config) == make_split(images, config)


def test_the_order_of_images_does_not_change_their_keys(ingest):
    files = {f"a/{name}": content for name, content in other_bytes(noise(1)).items()}
    files |= {f"b/{i}.png": encode(noise(i)) for i in range(2, 6)}
    files |= {f"a/{i}.png": encode(noise(i)) for i in range(6, 9)}
    images = list(ingest(files).images)
    keys = content_keys(images)
    random.Random(1).shuffle(images)
    assert content_keys(images) == keys


@pytest.mark.parametrize("seed", range(5))
def test_outlines_of_a_reduced_jpeg_and_its_copy_are_alike(tmp_path, seed):
    """Sharp noise is the worst case for reduced decoding."""
    jpeg = encode(noise(seed, (900, 600)), "JPEG", quality=70, subsampling=2)
    full = open_rgb(io.BytesIO(jpeg), 10**7).pixels
    draft = open_rgb(io.BytesIO(jpeg), 10**7, draft_long_side=192).pixels
    assert draft.size != full.size

    def outline(image):
        image = image.copy()
        image.thumbnail((192, 192))
        return np.frombuffer(outline_of(image), np.uint8).astype(int)

    assert np.abs(outline(full) - outline(draft)).max() <= 3


def test_a_search_among_many_equal_outlines_finds_them_all():
    images = [image_record(i, f"{i:064x}", "a") for i in range(3000)]
    outlines = {image.sha256: bytes(64) for image in images}
    outlines[images[5].sha256] = bytes([200]) * 64
    assert len(find_lookalikes(images, outlines)) == 2999
