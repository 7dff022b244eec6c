"""Sample datasets match their descriptions."""

import io
from importlib.resources import files

import numpy as np
import pytest
from making import LIMITS
from PIL import Image

from tl_core.config import DataConfig
from tl_core.data.ingest import ingest_dataset
from tl_core.data.samples import SAMPLES, sample_source
from tl_core.data.splits import make_split
from tl_core.errors import UnknownDataset

LARGE = ("mnist5k",)


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=pytest.mark.slow) if name in LARGE else name for name in SAMPLES],
)
def test_each_sample_comes_in_whole(tmp_path, name):
    sample = SAMPLES[name]
    source = sample_source(name)
    ingested = ingest_dataset(source, tmp_path / "out", name=sample.title, limits=LIMITS)
    record = ingested.record
    assert (record.n, record.classes) == (sample.n, sample.classes)
    assert record.source == "sample"
    assert not ingested.skipped
    assert sample.title and sample.description and sample.licence


def test_shapes_are_the_same_every_time():
    def content():
        with sample_source("shapes").open(LIMITS) as listing:
            return [b"".join(entry.read()) for entry in listing.entries[::50]]

    assert content() == content()
    assert len(set(content())) == len(content())


def test_patches_of_photos_show_every_part_once_and_each_part_on_one_side(tmp_path):
    with sample_source("materials").open(LIMITS) as listing:
        pixels = {
            entry.parts: np.asarray(Image.open(io.BytesIO(b"".join(entry.read()))))
            for entry in listing.entries
        }
    for material in SAMPLES["materials"].classes:
        whole = np.asarray(Image.open(files("skimage.data") / f"{material}.png"))
        patches = {path[2]: patch for path, patch in pixels.items() if path[1] == material}
        rows = [[patches[f"{material}_{r}{c}.png"] for c in range(8)] for r in range(8)]
        assert np.array_equal(np.block(rows), whole)
        sides = {path[2][-5]: path[0] for path in pixels if path[1] == material}
        assert [sides[str(c)] for c in range(8)] == ["train"] * 5 + ["val"] + ["test"] * 2
    ingested = ingest_dataset(
        sample_source("materials"), tmp_path / "out", name="Materials", limits=LIMITS
    )
    split = make_split(ingested.images, DataConfig(dataset_id="d1"))
    assert (len(split.train), len(split.val), len(split.test)) == (120, 24, 48)
    assert not split.warnings


def test_an_unknown_sample_names_the_known_ones():
    with pytest.raises(UnknownDataset, match="materials, shapes, digits, mnist5k"):
        sample_source("cifar")
