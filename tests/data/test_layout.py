"""Folders become classes, split folders become splits, wrapping folders are ignored."""

import unicodedata

import pytest

from tl_core.data.layout import read_layout
from tl_core.data.names import is_junk, safe_parts
from tl_core.errors import DatasetRefused


def read(*names: str, folders: tuple[str, ...] = ()):
    parts = [tuple(name.split("/")) for name in names]
    return read_layout(parts, [tuple(name.split("/")) for name in folders])


def placed(*names: str) -> dict[str, tuple[str | None, str]]:
    return {names[place.index]: (place.split, place.class_name) for place in read(*names).places}


def test_class_folders_become_classes():
    assert placed("cats/1.png", "dogs/1.png") == {
        "cats/1.png": (None, "cats"),
        "dogs/1.png": (None, "dogs"),
    }


@pytest.mark.parametrize("wrapping", ["data", "download/data", "a/b/c/d"])
def test_wrapping_folders_are_seen_through(wrapping):
    names = (f"{wrapping}/cats/1.png", f"{wrapping}/dogs/1.png")
    assert list(placed(*names).values()) == [(None, "cats"), (None, "dogs")]


def test_folders_inside_a_class_belong_to_it():
    places = placed("cats/indoor/near/1.png", "cats/2.png", "dogs/1.png")
    assert places["cats/indoor/near/1.png"] == (None, "cats")


def test_files_beside_the_class_folders_are_listed():
    layout = read("a.png", "data/b.jpg", "data/cats/1.png", "data/dogs/1.png")
    assert {file.name for file in layout.skipped} == {"a.png", "data/b.jpg"}
    assert all("class folder" in file.reason for file in layout.skipped)


@pytest.mark.parametrize(
    ("train", "val", "test"),
    [
        ("train", "val", "test"),
        ("Train", "VALID", "Testing"),
        ("training", "validation", "test"),
        ("train", "dev", "test"),
    ],
)
@pytest.mark.parametrize("wrapping", ["", "data/"])
def test_split_folders_are_honoured(train, val, test, wrapping):
    names = [
        f"{wrapping}{side}/{label}/1.png"
        for side in (train, val, test)
        for label in ("cats", "dogs")
    ]
    sides = [split for split, _ in placed(*names).values()]
    assert sides == ["train", "train", "val", "val", "test", "test"]
    assert {label for _, label in placed(*names).values()} == {"cats", "dogs"}


def test_wrappings_inside_split_folders_are_seen_through():
    names = (
        "train/images/cats/1.png",
        "train/images/dogs/1.png",
        "test/cats/1.png",
        "test/dogs/1.png",
    )
    assert list(placed(*names).values()) == [
        ("train", "cats"),
        ("train", "dogs"),
        ("test", "cats"),
        ("test", "dogs"),
    ]


def test_a_class_called_train_is_a_class():
    assert placed("train/1.png", "bus/1.png", "car/1.png")["train/1.png"] == (None, "train")


def test_a_lone_train_folder_is_a_wrapping():
    assert set(placed("train/cats/1.png", "train/dogs/1.png").values()) == {
        (None, "cats"),
        (None, "dogs"),
    }


@pytest.mark.parametrize(
    "names", [("train/1.png", "test/1.png"), ("train/1.png", "val/cats/1.png", "val/dogs/1.png")]
)
def test_split_folders_that_hold_images_directly_are_refused(names):
    with pytest.raises(DatasetRefused, match=r'"train".* holds images directly.*train/cats/1.jpg'):
        read(*names)


def test_a_split_without_train_is_refused():
    with pytest.raises(DatasetRefused, match="no train folder"):
        read("val/cats/1.png", "val/dogs/1.png", "test/cats/1.png", "test/dogs/1.png")


def test_an_unlabelled_test_folder_is_listed_and_the_rest_goes_on():
    layout = read("train/cats/1.png", "train/dogs/1.png", "test/1.png", "test/2.png")
    assert [file.name for file in layout.skipped] == ["test/1.png", "test/2.png"]
    assert {place.split for place in layout.places} == {"train"}


def test_empty_class_folders_are_listed():
    layout = read("cats/1.png", "dogs/1.png", folders=("cats", "dogs", "birds", "fish/inner"))
    assert {(file.name, file.reason) for file in layout.skipped} == {
        ("birds", "This folder is empty."),
        ("fish", "This folder is empty."),
    }


def test_class_names_survive_as_they_are():
    name = "Überraschungsei & Söhne (2024) – final_FINAL"
    assert placed(f"{name}/1.png", "b/1.png")[f"{name}/1.png"] == (None, name)


def test_two_spellings_of_an_accent_are_one_class():
    composed = unicodedata.normalize("NFC", "Käfer")
    decomposed = unicodedata.normalize("NFD", "Käfer")
    assert composed != decomposed
    layout = read(
        f"train/{composed}/1.png",
        "train/b/1.png",
        f"test/{decomposed}/1.png",
        f"test/ {composed} /2.png",
    )
    assert {place.class_name for place in layout.places} == {composed, "b"}


def test_a_class_folder_without_a_name_is_listed():
    layout = read(" /1.png", "cats/1.png", "dogs/1.png")
    assert [file.reason for file in layout.skipped] == ["A class folder needs a name."]


@pytest.mark.parametrize(
    "name",
    [
        "__MACOSX/cats/._1.png",
        "cats/.DS_Store",
        "cats/._1.png",
        "cats/.ipynb_checkpoints/1-checkpoint.png",
        "cats/Thumbs.db",
        "desktop.ini",
        ".git/config",
    ],
)
def test_what_systems_leave_behind_is_junk(name):
    assert is_junk(safe_parts(name))


def test_ordinary_names_are_not_junk():
    assert not is_junk(("cats", "a.b.png"))
