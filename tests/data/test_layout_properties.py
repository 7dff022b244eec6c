"""Whatever the folders are called, every file is placed once or left out with a reason."""

from hypothesis import given
from hypothesis import strategies as st

from tl_core.data.layout import Layout, read_layout
from tl_core.errors import DatasetRefused

FOLDERS = [
    "train",
    "test",
    "val",
    "PublicTest",
    "seg_train",
    "eval",
    "cats",
    "Cats",
    "dogs",
    "a",
    "b",
    "images",
    "masks",
    "annotations",
    "color",
    "grayscale",
    "unlabeled",
    "camera1",
    "camera2",
    "copy",
    "old",
]
FILES = [
    "1.png",
    "2.png",
    "cat.1.jpg",
    "cat.2.jpg",
    "dog_1.jpg",
    "dog_2.jpg",
    "img_3.jpg",
    "x",
    "readme.txt",
    "a.csv",
]
folders = st.lists(st.sampled_from([*FOLDERS, " ", "cat ", "cats (1)"]), max_size=4)
trees = st.lists(
    st.tuples(folders, st.sampled_from(FILES)).map(lambda both: (*both[0], both[1])),
    max_size=25,
    unique=True,
)


def read(files, level: str | None) -> Layout:
    try:
        return read_layout(files, classes_at=level)
    except DatasetRefused as error:
        assert str(error).endswith(".")
        return Layout()


@given(trees, st.sampled_from([None, None, "1", "2", "names"]))
def test_every_file_is_placed_once_or_left_out(files, level):
    layout = read(files, level)
    for reading in layout.readings if layout.level else ():
        placed = ["/".join(files[place.index]) for place in reading.places]
        left_out = [file.name for file in reading.skipped]
        assert sorted(placed + left_out) == sorted("/".join(name) for name in files)
        assert all(place.class_name for place in reading.places)
        splits = {place.split for place in reading.places}
        assert not splits or splits & {"train", None}


@given(trees, st.sampled_from([None, "1", "2", "names"]))
def test_one_more_folder_around_everything_changes_nothing(files, level):
    layout = read(files, level)
    # Around a single class, one more folder may be the class itself.
    if len(layout.counts) > 1:
        wrapped = read_layout([("around", *name) for name in files], classes_at=level)
        assert (wrapped.places, wrapped.sentence) == (layout.places, layout.sentence)


@given(trees)
def test_every_reading_is_found_again_by_its_level(files):
    layout = read(files, None)
    levels = [reading.level for reading in layout.readings]
    assert len(set(levels)) == len(levels)
    for reading in layout.readings:
        if reading.places:
            assert read_layout(files, classes_at=reading.level).places == reading.places
