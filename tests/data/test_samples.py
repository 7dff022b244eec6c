"""Sample datasets match their descriptions."""

import pytest
from making import LIMITS

from tl_core.data.ingest import ingest_dataset
from tl_core.data.samples import SAMPLES, sample_source
from tl_core.errors import UnknownDataset


@pytest.mark.parametrize("name", SAMPLES)
def test_each_sample_comes_in_whole(tmp_path, name):
    sample = SAMPLES[name]
    source = sample_source(name)
    ingested = ingest_dataset(source, tmp_path / "out", name=sample.title, limits=LIMITS)
    record = ingested.record
    assert (record.n, record.classes) == (sample.n, tuple(sorted(sample.classes)))
    assert record.source == "sample"
    assert not ingested.skipped
    assert sample.title and sample.description and sample.licence


def test_shapes_are_the_same_every_time():
    def content():
        with sample_source("shapes").open(LIMITS) as listing:
            return [b"".join(entry.read()) for entry in listing.entries[::50]]

    assert content() == content()
    assert len(set(content())) == len(content())


def test_an_unknown_sample_names_the_known_ones():
    with pytest.raises(UnknownDataset, match="shapes, digits, mnist5k"):
        sample_source("cifar")
