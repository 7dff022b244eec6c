"""predict.py reads images exactly as the app does, and runs without the app."""

import json
import shutil
import struct
import tempfile
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
from data.making import encode, picture
from data.making_profiles import cmyk_profile, grey_profile, rgb_profile
from data.making_specimens import SPECIMENS
from export.making_exports import run_script
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin

from tl_core.data import resizing
from tl_core.data.file_types import EXTENSIONS, is_targa
from tl_core.data.images import open_rgb
from tl_core.data.loaders import read_input
from tl_core.data.transforms import normalise, prepare
from tl_core.export.standalone import predict
from tl_core.records import Preprocessing

MANY = 10**9
MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)


def preprocessing(size=32, resize=40, interpolation="bicubic"):
    return Preprocessing(size, resize, MEAN, STD, interpolation)


def as_exported(pre):
    return {**asdict(pre), "resized_by": "pytorch" if resizing.has_vectors() else "pillow"}


def noise(width, height, seed=0):
    generator = np.random.default_rng(seed)
    return Image.fromarray(generator.integers(0, 256, (height, width, 3), dtype=np.uint8))


@st.composite
def targa_headers(draw):
    """Draw 18 bytes that are a Targa header, or nearly one."""
    numbers = [0, draw(st.sampled_from([0, 1, 2])), draw(st.integers(0, 16)), 0]
    numbers += [draw(st.sampled_from([0, 1, 256])), draw(st.sampled_from([0, 8, 16, 24, 32]))]
    numbers += [0, 0, draw(st.integers(0, 2)), draw(st.integers(0, 2))]
    numbers += [draw(st.sampled_from([1, 8, 16, 24, 32])), draw(st.sampled_from([0, 8, 32, 64]))]
    return struct.pack("<BBBHHBHHHHBB", *numbers)


@given(
    st.integers(1, 400),
    st.integers(1, 400),
    st.integers(16, 120),
    st.integers(0, 30),
    st.sampled_from(("bilinear", "bicubic")),
)
def test_images_of_any_size_give_the_same_pixels(width, height, size, more, interpolation):
    pre = preprocessing(size, size + more, interpolation)
    image = noise(width, height)
    theirs = predict.prepare(image, as_exported(pre))
    assert np.array_equal(theirs, prepare(image, pre).permute(1, 2, 0).numpy())


@given(st.integers(1, 400), st.integers(1, 400), st.sampled_from(("bilinear", "bicubic")))
def test_pillow_gives_the_same_pixels_where_the_app_uses_it(width, height, interpolation):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(resizing, "has_vectors", lambda: False)
        pre = preprocessing(interpolation=interpolation)
        image = noise(width, height)
        theirs = predict.prepare(image, as_exported(pre))
        assert np.array_equal(theirs, prepare(image, pre).permute(1, 2, 0).numpy())


def unusual_files():
    """Yield name, image and options for saving it."""
    plain = picture(3, (64, 48))
    for orientation in range(1, 9):
        exif = Image.Exif()
        exif[0x0112] = orientation
        yield f"turned{orientation}.jpg", plain, {"exif": exif, "quality": 90}
    yield "broken-exif.jpg", plain, {"exif": b"Exif\0\0rubbish"}
    yield "large.jpg", noise(1500, 900).resize((1800, 1100)), {"quality": 80}
    yield "progressive.jpg", plain.resize((900, 700)), {"progressive": True}
    yield "cmyk.jpg", plain.convert("CMYK"), {}
    yield "grey.png", plain.convert("L"), {}
    yield "palette.png", plain.convert("P"), {}
    transparent = plain.convert("RGBA")
    transparent.putalpha(Image.linear_gradient("L").resize(plain.size))
    yield "transparent.png", transparent, {}
    yield "grey-transparent.png", transparent.convert("LA"), {}
    yield "palette-transparent.png", plain.convert("P"), {"transparency": 3}
    integers = np.arange(64 * 48).reshape(48, 64)
    yield "bits16.png", Image.fromarray((integers * 21).astype(np.uint16)), {}
    yield "bits32.tif", Image.fromarray((integers * 9).astype(np.int32)), {}
    for name, low, high in (("floats.tif", -2, 3), ("unit-floats.tif", 0, 1)):
        floats = np.linspace(low, high, 64 * 48, dtype=np.float32).reshape(48, 64)
        yield name, Image.fromarray(floats), {}
    yield "bits1.png", plain.convert("1"), {}
    yield "lab.tif", Image.merge("LAB", plain.split()), {}
    yield "some.webp", transparent, {"lossless": True}
    yield "some.gif", plain, {}
    yield "some.bmp", plain, {}


@pytest.mark.parametrize(
    ("name", "image", "options"),
    unusual_files(),
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_files_of_any_kind_give_the_same_pixels(tmp_path, name, image, options):
    file = tmp_path / name
    image.save(file, **options)
    pre = preprocessing(96, 110)
    exported = as_exported(pre)
    theirs = predict.open_rgb(file, exported)
    assert np.array_equal(np.asarray(theirs), np.asarray(open_rgb(file, MANY, pre.resize).pixels))
    inputs = predict.normalise(predict.prepare(theirs, exported), exported)
    ours = normalise(read_input(file, pre, MANY)[None], pre)[0].numpy()
    assert np.array_equal(inputs, ours)


@pytest.mark.parametrize("kind", [*EXTENSIONS, "EPS", "PCX", "SGI", "ICNS", "DDS"])
def test_it_takes_the_formats_that_the_app_takes_and_no_others(tmp_path, kind):
    # A name that says nothing: the content decides.
    file = tmp_path / "image"
    picture(3, (64, 48)).save(file, kind)
    if kind in EXTENSIONS:
        theirs = predict.open_rgb(file, as_exported(preprocessing()))
        assert np.array_equal(np.asarray(theirs), np.asarray(open_rgb(file, MANY).pixels))
    else:
        with pytest.raises(OSError, match="cannot identify"):
            predict.open_rgb(file, as_exported(preprocessing()))


@given(st.binary(max_size=24) | targa_headers())
def test_it_recognises_targa_as_the_app_does(head):
    with tempfile.NamedTemporaryFile() as file:
        Path(file.name).write_bytes(head)
        assert predict.is_targa(Path(file.name)) == is_targa(head)


def test_files_that_systems_leave_in_folders_are_passed_over(tmp_path):
    names = ("a.jpg", "b", "._a.jpg", ".DS_Store", "Thumbs.db", "__MACOSX/a.jpg", "in/.x/c", "in/d")
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    found = [file.relative_to(tmp_path).as_posix() for file in predict.every_file([tmp_path])]
    assert found == ["a.jpg", "b", "in/d"]
    # A file that is named itself is not passed over.
    assert list(predict.every_file([tmp_path / "._a.jpg"])) == [tmp_path / "._a.jpg"]


def files_of_other_decoders():
    """Yield files whose samples, colours or metadata other programs read differently."""
    yield from SPECIMENS.items()
    yield "profile.png", encode(picture(3), icc_profile=rgb_profile())
    yield "profile.jpg", encode(picture(3, (900, 700)), "JPEG", icc_profile=rgb_profile())
    yield "grey-profile.png", encode(picture(3).convert("L"), icc_profile=grey_profile())
    yield "cmyk-profile.jpg", encode(picture(3).convert("CMYK"), "JPEG", icc_profile=cmyk_profile())
    yield "broken-profile.png", encode(picture(3), icc_profile=rgb_profile()[:200])
    info = PngImagePlugin.PngInfo()
    info.add_text("comment", "x" * (2 * 2**20))
    yield "long-text.png", encode(picture(3), pnginfo=info)
    orientation = struct.pack("<HHHI", 1, 0x0112, 2, 2) + b"6\0\0\0" + bytes(4)
    exif = b"Exif\0\0II*\0\x08\0\0\0" + orientation
    yield "orientation-as-text.jpg", encode(picture(3), "JPEG", exif=exif)


@pytest.mark.parametrize("levels", [None, (), (("16-bit", 0.0, 4095.0), ("float", -1.0, 1.0))])
def test_files_of_other_decoders_give_the_same_pixels(tmp_path, levels):
    pre = replace(preprocessing(), levels=levels)
    exported = json.loads(json.dumps(as_exported(pre)))
    for name, content in files_of_other_decoders():
        file = tmp_path / name
        file.write_bytes(content)
        theirs = np.asarray(predict.open_rgb(file, exported))
        ours = np.asarray(open_rgb(file, MANY, pre.resize, levels=levels).pixels)
        assert np.array_equal(theirs, ours), name


def test_its_decoder_leaves_with_it(exported):
    """Neither the script nor the folder beside it needs the app."""
    files = [exported.path / "predict.py", *(exported.path / "decoding").glob("*.py")]
    assert len(files) > 4
    assert not any("tl_core" in file.read_text("utf-8") for file in files)


def test_it_predicts_files_and_folders_without_torch_or_the_app(exported, bare_python, tmp_path):
    for name in ("torch", "tl_core", "onnx", "pandas"):
        (tmp_path / "try.py").write_text(f"import {name}")
        assert "ModuleNotFoundError" in run_script(bare_python, tmp_path / "try.py").stderr
    folder = tmp_path / "images" / "deeper"
    folder.mkdir(parents=True)
    shutil.copy(exported.path / "receipt" / "01.png", folder / "a.png")
    (folder / "notes.txt").write_text("no image")
    done = run_script(
        bare_python, exported.path / "predict.py", tmp_path / "images", "--json", "--top", "2"
    )
    (line,) = done.stdout.splitlines()
    answer = json.loads(line)
    assert done.returncode == 1 and "notes.txt: cannot be read as an image" in done.stderr
    assert answer["image"].endswith("a.png")
    receipt = json.loads((exported.path / "receipt" / "receipt.json").read_text())
    stored = receipt["images"][0]["log_probabilities"]
    labels = json.loads((exported.path / "labels.json").read_text())
    best = int(np.argmax(stored))
    probability = pytest.approx(np.exp(stored[best]), abs=1e-4)
    assert answer["top"][0] == {"label": labels[best], "p": probability}
    printed = run_script(bare_python, exported.path / "predict.py", folder / "a.png").stdout
    assert printed.startswith(f"{folder / 'a.png'}: {labels[best]} ")


def test_it_is_short_enough_to_read():
    assert len(Path(predict.__file__).read_text("utf-8").splitlines()) < 240
