"""A source with several plausible readings: one is taken, asked for, or chosen by its level."""

import pytest

from tl_core.data.choosing import EXAMPLES, read_listing
from tl_core.data.sources import Entry, Listing, loose_images
from tl_core.settings import Limits


def listing_of(*names: str, content: bytes = b"same") -> Listing:
    entries = [Entry(tuple(name.split("/")), lambda: iter([content])) for name in names]
    return Listing(entries)


GROUPS = [
    f"{group}/{label}/{i}.png"
    for group, label in (("animals", "cats"), ("animals", "dogs"), ("vehicles", "cars"))
    for i in range(5)
]


def test_the_reading_that_is_chosen_comes_first():
    asked = []

    def choose(readings, listing):
        asked.append([reading.level for reading in readings])
        return "2"

    layout, readings = read_listing(listing_of(*GROUPS), choose=choose)
    assert asked == [["1", "2"]]
    assert list(layout.counts) == ["cars", "cats", "dogs"] and layout.level == "2"
    assert [reading.level for reading in readings] == ["2", "1"]


def test_nobody_is_asked_where_one_reading_is_plausible_or_a_level_is_given():
    def choose(readings, listing):
        pytest.fail("there is nothing to choose")

    read_listing(listing_of("cats/1.png", "dogs/1.png"), choose=choose)
    layout, _ = read_listing(listing_of(*GROUPS), classes_at="2", choose=choose)
    assert layout.level == "2"


def test_a_reading_shows_a_few_files_of_each_class():
    _, readings = read_listing(listing_of(*GROUPS))
    for reading in readings:
        assert reading.examples.keys() == reading.counts.keys()
        for label, examples in reading.examples.items():
            assert len(examples) == EXAMPLES
            assert all(label in example.name.split("/") for example in examples)


def test_classes_that_a_person_named_are_read_as_they_are(tmp_path):
    source = loose_images({"train": [("1.png", tmp_path)], "unlabeled": [("2.png", tmp_path)]})
    with source.open(Limits()) as listing:
        layout, readings = read_listing(listing)
    assert list(layout.counts) == ["train", "unlabeled"]
    assert {place.split for place in layout.places} == {None}
    assert layout.sentence == "" and len(readings) == 1


def test_a_repeated_folder_is_a_copy_only_if_its_content_is_equal():
    names = ("a/1.png", "a/2.png", "b/1.png", "b/2.png")
    repeated = [*names, *(f"x/{name}" for name in names)]
    assert read_listing(listing_of(*repeated))[0].counts == {"a": 2, "b": 2}
    different = listing_of(*names)
    different.entries += listing_of(*(f"x/{name}" for name in names), content=b"other").entries
    assert read_listing(different)[0].counts == {"a": 4, "b": 4}
