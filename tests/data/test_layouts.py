"""Folder trees as people hand them in, and how each is read: one row of the table a tree."""

import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pytest

from tl_core.data.layout import Layout, read_layout
from tl_core.data.names import Parts
from tl_core.errors import DatasetRefused


@dataclass(frozen=True)
class Tree:
    files: Sequence[str]
    """Names, in which {a,b} stands for each of these and *4 for 0 to 3."""
    counts: dict[str, int]
    """Images of each class, in the order in which classes are listed."""
    sentence: str
    splits: str
    left_out: int
    """Files that are not placed."""
    level: str = "1"
    others: tuple[str, ...] = ()
    """Level and classes of the other plausible readings."""


def each(n: int, *classes: str) -> dict[str, int]:
    return dict.fromkeys(classes, n)


TREES = {
    "a contest's test without labels": Tree(
        ["train/{cats,dogs}/*4.png", "test/test/*8.png"],
        each(4, "cats", "dogs"),
        "Read as 2 classes, from the train folder; 8 unlabelled images left out.",
        splits="train",
        left_out=8,
        level="2",
    ),
    "a tree once more inside itself": Tree(
        ["cell_images/{P,U}/*4.png", "cell_images/cell_images/{P,U}/*4.png"],
        each(4, "P", "U"),
        "Read as 2 classes, one for each folder; 8 images in a second copy left out.",
        splits="",
        left_out=8,
    ),
    "splits once more inside themselves": Tree(
        [
            "chest_xray/{train,val,test}/{N,P}/*4.png",
            "chest_xray/chest_xray/{train,val,test}/{N,P}/*4.png",
        ],
        each(12, "N", "P"),
        "Read as 2 classes with their own train, validation and test; 24 images in a "
        "second copy left out.",
        splits="train val test",
        left_out=24,
        level="2",
    ),
    "splits called sets": Tree(
        ["dataset/{training_set,test_set}/{cats,dogs}/*4.png"],
        each(8, "cats", "dogs"),
        "Read as 2 classes with their own train and test.",
        splits="train test",
        left_out=0,
        level="2",
    ),
    "splits wrapped twice, and images to predict": Tree(
        [
            "seg_train/seg_train/{b,f,s}/*4.jpg",
            "seg_test/seg_test/{b,f,s}/*4.jpg",
            "seg_pred/seg_pred/*9.jpg",
        ],
        each(8, "b", "f", "s"),
        "Read as 3 classes with their own train and test; 9 unlabelled images left out.",
        splits="train test",
        left_out=9,
        level="3",
    ),
    "a public and a private test": Tree(
        ["{Training,PublicTest,PrivateTest}/{angry,happy,sad}/*4.png"],
        each(12, "angry", "happy", "sad"),
        'Read as 3 classes with their own train, validation and test. "PublicTest" is '
        'taken as the validation set. "PrivateTest" is taken as the test set.',
        splits="train val test",
        left_out=0,
        level="2",
    ),
    "splits with a prefix": Tree(
        [
            "asl_alphabet_train/asl_alphabet_train/{A,B,C}/*4.png",
            "asl_alphabet_test/asl_alphabet_test/{A,B,C}/*4.png",
        ],
        each(8, "A", "B", "C"),
        "Read as 3 classes with their own train and test.",
        splits="train test",
        left_out=0,
        level="3",
    ),
    "a test whose file names hold the labels": Tree(
        [
            "asl_alphabet_train/asl_alphabet_train/{A,B,C}/*4.png",
            "asl_alphabet_test/asl_alphabet_test/{A,B,C}_test.png",
        ],
        each(4, "A", "B", "C"),
        "Read as 3 classes, from the train folder; 3 unlabelled images left out.",
        splits="train",
        left_out=3,
        level="3",
    ),
    "papers beside the splits": Tree(
        ["{train,test}/{a,b}/*4.png", "papers/paper.pdf"],
        each(8, "a", "b"),
        "Read as 2 classes with their own train and test.",
        splits="train test",
        left_out=1,
        level="2",
    ),
    "images beside lists": Tree(
        [
            "food-101/images/{apple_pie,waffles}/*4.jpg",
            "food-101/meta/classes.txt",
            "food-101/meta/{train,test}.json",
            "food-101/README.txt",
        ],
        each(4, "apple_pie", "waffles"),
        "Read as 2 classes, one for each folder.",
        splits="",
        left_out=4,
    ),
    "images beside labels and arrays": Tree(
        [
            "dtd/images/{banded,dotted}/*4.jpg",
            "dtd/labels/{train,test,val}1.txt",
            "dtd/imdb/imdb.mat",
        ],
        each(4, "banded", "dotted"),
        "Read as 2 classes, one for each folder.",
        splits="",
        left_out=4,
    ),
    "annotations that mirror the images": Tree(
        [
            "Images/n02085620-Chihuahua/n02085620_*4.jpg",
            "Images/n02085782-Japanese_spaniel/n02085782_*4.jpg",
            "Annotation/n02085620-Chihuahua/n02085620_*4",
            "Annotation/n02085782-Japanese_spaniel/n02085782_*4",
            "lists/{file_list,test_list}.mat",
        ],
        each(4, "n02085620-Chihuahua", "n02085782-Japanese_spaniel"),
        "Read as 2 classes, one for each folder; 8 masks or other annotations left out.",
        splits="",
        left_out=10,
    ),
    "categories beside annotations": Tree(
        [
            "caltech-101/101_ObjectCategories/{accordion,airplanes,BACKGROUND_Google}/image_*4.jpg",
            "caltech-101/Annotations/{accordion,airplanes}/annotation_*4.mat",
            "caltech-101/show_annotation.m",
        ],
        each(4, "BACKGROUND_Google", "accordion", "airplanes"),
        "Read as 3 classes, one for each folder.",
        splits="",
        left_out=9,
    ),
    "segmentations that mirror the images": Tree(
        [
            "CUB/images/{001.Black,002.Lay}/*4.jpg",
            "CUB/segmentations/{001.Black,002.Lay}/*4.png",
            "CUB/attributes/x.txt",
            "CUB/parts/parts.txt",
            "CUB/{images,classes,bounding_boxes}.txt",
        ],
        each(4, "001.Black", "002.Lay"),
        "Read as 2 classes, one for each folder; 8 masks or other annotations left out.",
        splits="",
        left_out=13,
    ),
    "unlabelled images beside the classes": Tree(
        ["{a,b}/*4.png", "unlabeled/*5.png"],
        each(4, "a", "b"),
        "Read as 2 classes, one for each folder; 5 unlabelled images left out.",
        splits="",
        left_out=5,
    ),
    "labelled beside unlabelled images": Tree(
        ["labeled/{a,b}/*4.png", "unlabeled/*5.png"],
        each(4, "a", "b"),
        "Read as 2 classes, one for each folder; 5 unlabelled images left out.",
        splits="",
        left_out=5,
    ),
    "unlabelled images beside the splits": Tree(
        ["{train,test}/{1,2,3}/*4.png", "unlabeled/*9.png"],
        each(8, "1", "2", "3"),
        "Read as 3 classes with their own train and test; 9 unlabelled images left out.",
        splits="train test",
        left_out=9,
        level="2",
    ),
    "capitals in one split only": Tree(
        ["train/{Cats,Dogs}/*4.png", "test/{cats,dogs}/*4.png"],
        each(8, "Cats", "Dogs"),
        'Read as 2 classes with their own train and test. "Cats" and "cats"; "Dogs" and '
        '"dogs" are each read as one class.',
        splits="train test",
        left_out=0,
        level="2",
    ),
    "a blank behind a name in one split": Tree(
        ["train/{cat,dog}/*4.png", "test/{cat ,dog}/*4.png"],
        each(8, "cat", "dog"),
        'Read as 2 classes with their own train and test. "cat" and "cat " is read as one class.',
        splits="train test",
        left_out=0,
        level="2",
    ),
    "two spellings in one split": Tree(
        ["{Cats,cats,dogs}/*4.png"],
        {"Cats": 8, "dogs": 4},
        'Read as 2 classes, one for each folder. "Cats" and "cats" is read as one class.',
        splits="",
        left_out=0,
    ),
    "letters, of which capitals are classes": Tree(
        ["{A,a,B,b}/*4.png"],
        each(4, "A", "B", "a", "b"),
        "Read as 4 classes, one for each folder.",
        splits="",
        left_out=0,
    ),
    "labels in file names": Tree(
        ["cat.*4.jpg", "dog.*4.jpg"],
        each(4, "cat", "dog"),
        'Read as 2 classes, from file names such as "cat.0.jpg" for "cat".',
        splits="",
        left_out=0,
        level="names",
    ),
    "labels in the file names of train": Tree(
        ["train/train/{cat,dog}.*4.jpg", "test1/test1/*5.jpg", "sampleSubmission.csv"],
        each(4, "cat", "dog"),
        'Read as 2 classes, from file names such as "cat.0.jpg" for "cat"; 5 unlabelled '
        "images left out.",
        splits="train",
        left_out=6,
        level="names",
    ),
    "labels in file names beside trimaps": Tree(
        [
            "images/{Abyssinian,Bengal,great_pyrenees}_*4.jpg",
            "annotations/trimaps/{Abyssinian,Bengal,great_pyrenees}_*4.png",
            "annotations/xmls/Abyssinian_*4.xml",
            "annotations/list.txt",
        ],
        each(4, "Abyssinian", "Bengal", "great_pyrenees"),
        'Read as 3 classes, from file names such as "Abyssinian_0.jpg" for "Abyssinian"; '
        "12 masks or other annotations left out.",
        splits="",
        left_out=17,
        level="names",
    ),
    "labels in file names in splits": Tree(
        ["{train,test}/{cat,dog}.*4.jpg"],
        each(8, "cat", "dog"),
        "Read as 2 classes with their own train and test, from file names such as "
        '"cat.0.jpg" for "cat".',
        splits="train test",
        left_out=0,
        level="names",
    ),
    "digits in numeric order": Tree(
        ["{training,testing}/{0,1,2,3,4,5,6,7,8,9,10}/*4.png"],
        each(8, "0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10"),
        "Read as 11 classes with their own train and test.",
        splits="train test",
        left_out=0,
        level="2",
    ),
    "train and validation only": Tree(
        ["{train,val}/{a,b}/*4.png"],
        each(8, "a", "b"),
        "Read as 2 classes with their own train and validation.",
        splits="train val",
        left_out=0,
        level="2",
    ),
    "a class called test": Tree(
        ["{test,control}/*4.png"],
        each(4, "control", "test"),
        "Read as 2 classes, one for each folder.",
        splits="",
        left_out=0,
    ),
    "a class called test, divided by days": Tree(
        ["{test,control}/{mon,tue}/*4.png"],
        each(8, "mon", "tue"),
        'Read as 2 classes, from the folders inside "control", "test".',
        splits="",
        left_out=0,
        level="2",
        others=("1: control test",),
    ),
    "a class called train": Tree(
        ["{train,bus,car}/*4.png"],
        each(4, "bus", "car", "train"),
        "Read as 3 classes, one for each folder.",
        splits="",
        left_out=0,
    ),
    "a third folder called test": Tree(
        ["{cats,dogs,test}/*4.png"],
        each(4, "cats", "dogs", "test"),
        "Read as 3 classes, one for each folder.",
        splits="",
        left_out=0,
        others=("1-without-test: cats dogs",),
    ),
    "cameras inside the classes": Tree(
        ["{cats,dogs}/camera{1,2}/*4.png"],
        each(8, "cats", "dogs"),
        "Read as 2 classes, one for each folder.",
        splits="",
        left_out=0,
        others=("2: camera1 camera2",),
    ),
    "the weather inside the classes": Tree(
        ["{cats,dogs}/{sunny,rainy}/*4.png"],
        each(8, "rainy", "sunny"),
        'Read as 2 classes, from the folders inside "cats", "dogs".',
        splits="",
        left_out=0,
        level="2",
        others=("1: cats dogs",),
    ),
    "hospitals around the classes": Tree(
        ["hospital{1,2,3}/{N,P}/*4.png"],
        each(12, "N", "P"),
        'Read as 2 classes, from the folders inside "hospital1", "hospital2", "hospital3".',
        splits="",
        left_out=0,
        level="2",
        others=("1: hospital1 hospital2 hospital3",),
    ),
    "groups of classes": Tree(
        ["animals/{cats,dogs}/*4.png", "vehicles/{cars,bikes}/*4.png"],
        each(8, "animals", "vehicles"),
        "Read as 2 classes, one for each folder.",
        splits="",
        left_out=0,
        others=("2: bikes cars cats dogs",),
    ),
    "one folder inside each": Tree(
        ["animals/cats/*4.png", "vehicles/cars/*4.png"],
        each(4, "animals", "vehicles"),
        "Read as 2 classes, one for each folder.",
        splits="",
        left_out=0,
        others=("2: cars cats",),
    ),
    "groups of classes inside splits": Tree(
        [
            "train/animals/{cats,dogs}/*4.png",
            "train/vehicles/{cars,bikes}/*4.png",
            "test/animals/{cats,dogs}/*4.png",
            "test/vehicles/{cars,bikes}/*4.png",
        ],
        each(16, "animals", "vehicles"),
        "Read as 2 classes with their own train and test.",
        splits="train test",
        left_out=0,
        level="2",
        others=("3: bikes cars cats dogs",),
    ),
    "hospitals around splits": Tree(
        ["site{1,2}/{train,test}/{N,P}/*4.png"],
        each(16, "N", "P"),
        "Read as 2 classes with their own train and test.",
        splits="train test",
        left_out=0,
        level="3",
    ),
    "splits inside the classes": Tree(
        ["{cats,dogs}/{train,test}/*4.png"],
        each(8, "cats", "dogs"),
        "Read as 2 classes with their own train and test.",
        splits="train test",
        left_out=0,
    ),
    "masks inside the classes": Tree(
        ["COVID/{images,masks}/*4.png", "Normal/{images,masks}/*4.png", "COVID.metadata.xlsx"],
        each(4, "COVID", "Normal"),
        "Read as 2 classes, one for each folder; 8 masks or other annotations left out.",
        splits="",
        left_out=9,
    ),
    "the same images in three forms": Tree(
        ["PlantVillage/{color,grayscale,segmented}/{Apple,Corn}/*4.jpg"],
        each(4, "Apple", "Corn"),
        "Read as 2 classes, one for each folder; 16 images in another form left out.",
        splits="",
        left_out=16,
    ),
    "a wrapped copy and a test without labels": Tree(
        [
            "New Plant(Augmented)/New Plant(Augmented)/{train,valid}/{A,B}/*4.jpg",
            "new plant(augmented)/New Plant(Augmented)/{train,valid}/{A,B}/*4.jpg",
            "test/test/*5.jpg",
        ],
        each(8, "A", "B"),
        "Read as 2 classes with their own train and validation; 5 unlabelled images and "
        "16 images in a second copy left out.",
        splits="train val",
        left_out=21,
        level="4",
    ),
    "an unlabelled test beside a labelled one": Tree(
        [
            "fruits-360/{Training,Test}/{Apple,Banana}/*4.jpg",
            "fruits-360/test-multiple_fruits/*5.jpg",
            "fruits-360/papers/p.pdf",
            "LICENSE",
            "readme.md",
        ],
        each(8, "Apple", "Banana"),
        "Read as 2 classes with their own train and test; 5 unlabelled images left out.",
        splits="train test",
        left_out=8,
        level="2",
    ),
    "an evaluation that is the test": Tree(
        ["{training,validation,evaluation}/{a,b}/*4.jpg"],
        each(12, "a", "b"),
        'Read as 2 classes with their own train, validation and test. "evaluation" is '
        "taken as the test set.",
        splits="train val test",
        left_out=0,
        level="2",
    ),
    "sets of classes": Tree(
        [
            "lung_colon_image_set/colon_image_sets/{colon_aca,colon_n}/*4.jpg",
            "lung_colon_image_set/lung_image_sets/{lung_aca,lung_n,lung_scc}/*4.jpg",
        ],
        each(4, "colon_aca", "colon_n", "lung_aca", "lung_n", "lung_scc"),
        'Read as 5 classes, from the folders inside "colon_image_sets", "lung_image_sets".',
        splits="",
        left_out=0,
        level="2",
        others=("1: colon_image_sets lung_image_sets",),
    ),
    "patients around the classes": Tree(
        ["IDC/{8863,8864,8865,8866,8867}/{0,1}/*4.png"],
        each(20, "0", "1"),
        'Read as 2 classes, from the folders inside "8863", "8864", "8865" and 2 more.',
        splits="",
        left_out=0,
        level="2",
        others=("1: 8863 8864 8865 8866 8867",),
    ),
    "an index of letters": Tree(
        ["a/{airport,arch}/*4.jpg", "b/{beach,bridge}/*4.jpg"],
        each(4, "airport", "arch", "beach", "bridge"),
        'Read as 4 classes, from the folders inside "a", "b".',
        splits="",
        left_out=0,
        level="2",
        others=("1: a b",),
    ),
    "classes named after masks": Tree(
        ["{with_mask,without_mask}/*4.jpg"],
        each(4, "with_mask", "without_mask"),
        "Read as 2 classes, one for each folder.",
        splits="",
        left_out=0,
    ),
    "each class wrapped once more": Tree(
        ["cats/cats/*4.png", "dogs/dogs/*4.png"],
        each(4, "cats", "dogs"),
        "Read as 2 classes, one for each folder.",
        splits="",
        left_out=0,
    ),
    "a copy beside the original": Tree(
        ["pets/{cats,dogs}/*4.png", "pets - Copy/{cats,dogs}/*4.png"],
        each(4, "cats", "dogs"),
        "Read as 2 classes, one for each folder; 8 images in a second copy left out.",
        splits="",
        left_out=8,
    ),
    "a test beside the unnamed training images": Tree(
        ["pets/{cats,dogs}/*4.png", "pets_test/{cats,dogs}/*3.png"],
        each(7, "cats", "dogs"),
        'Read as 2 classes with their own train and test. "pets" is taken as the train set.',
        splits="train test",
        left_out=0,
        level="2",
    ),
    "samples beside the dataset": Tree(
        ["dataset/{a,b}/*4.png", "samples/*4.png"],
        each(4, "a", "b"),
        'Read as 2 classes, from the folders inside "dataset"; 4 unlabelled images left out.',
        splits="",
        left_out=4,
        level="2",
        others=("1: dataset samples",),
    ),
    "one class that is divided": Tree(
        ["cats/{persian,siam}/*4.png", "dogs/*4.png"],
        {"cats": 8, "dogs": 4},
        "Read as 2 classes, one for each folder.",
        splits="",
        left_out=0,
        others=("2: persian siam",),
    ),
    "more images than the splits": Tree(
        ["{train,test,extra}/{1,2,3}/*4.png"],
        each(8, "1", "2", "3"),
        "Read as 3 classes with their own train and test; 12 images outside the class "
        "folders left out.",
        splits="train test",
        left_out=12,
        level="2",
    ),
    "names that only begin as splits do": Tree(
        ["training_shoes/{nike,adidas}/*4.png", "test_tubes/{glass,plastic}/*4.png"],
        each(8, "test_tubes", "training_shoes"),
        "Read as 2 classes, one for each folder.",
        splits="",
        left_out=0,
        others=("2: adidas glass nike plastic",),
    ),
    "labels of validation in a table": Tree(
        [
            "tiny/train/{n01,n02}/images/*4.JPEG",
            "tiny/train/{n01,n02}/{n01,n02}_boxes.txt",
            "tiny/val/images/val_*8.JPEG",
            "tiny/val/val_annotations.txt",
            "tiny/test/images/test_*8.JPEG",
            "tiny/{wnids,words}.txt",
        ],
        each(4, "n01", "n02"),
        "Read as 2 classes, from the train folder; 16 unlabelled images left out.",
        splits="train",
        left_out=19,
        level="2",
    ),
    "split and class in one name": Tree(
        ["{trainA,trainB,testA,testB}/*4.jpg"],
        each(8, "A", "B"),
        "Read as 2 classes with their own train and test.",
        splits="train test",
        left_out=0,
    ),
    "more images of the same classes": Tree(
        ["{P,U}/*4.png", "more/{P,U}/x*4.png"],
        each(8, "P", "U"),
        "Read as 2 classes, one for each folder.",
        splits="",
        left_out=0,
    ),
    "files about the images": Tree(
        [
            "{a,b}/*4.png",
            "manifest.csv",
            "README",
            "LICENSE.txt",
            "classes.txt",
            "meta.json",
            "x.mat",
            "paper.pdf",
            "stray.jpg",
        ],
        each(4, "a", "b"),
        "Read as 2 classes, one for each folder; 1 image outside the class folders left out.",
        splits="",
        left_out=8,
    ),
    "batches with labels in file names": Tree(
        ["batch{1,2}/{cat,dog}_*4.jpg"],
        each(8, "cat", "dog"),
        'Read as 2 classes, from file names such as "cat_0.jpg" for "cat".',
        splits="",
        left_out=0,
        level="names",
        others=("1: batch1 batch2",),
    ),
}


def spelled_out(pattern: str) -> Iterator[str]:
    """Yield the names that a pattern stands for."""
    if found := re.search(r"\{([^{}]*)\}|\*(\d+)", pattern):
        choices = found[1].split(",") if found[1] else map(str, range(int(found[2])))
        for choice in choices:
            yield from spelled_out(pattern[: found.start()] + choice + pattern[found.end() :])
    else:
        yield pattern


def names_of(patterns: Sequence[str]) -> list[Parts]:
    return [tuple(name.split("/")) for pattern in patterns for name in spelled_out(pattern)]


def placed(layout: Layout, names: Sequence[Parts]) -> set[tuple[Parts, str | None, str]]:
    return {(names[place.index], place.split, place.class_name) for place in layout.places}


every_tree = pytest.mark.parametrize("tree", TREES.values(), ids=TREES)


@every_tree
def test_a_tree_is_read_as_its_row_says(tree: Tree):
    names = names_of(tree.files)
    layout = read_layout(names)
    assert layout.counts == tree.counts and list(layout.counts) == list(tree.counts)
    found = {place.split for place in layout.places} - {None}
    assert found == set(tree.splits.split())
    assert layout.sentence == tree.sentence
    assert layout.level == tree.level
    shown = tuple(f"{other.level}: {' '.join(other.counts)}" for other in layout.others)
    assert shown == tree.others
    assert len(layout.skipped) == tree.left_out


@every_tree
def test_every_file_is_placed_or_left_out_with_a_reason_in_every_reading(tree: Tree):
    names = names_of(tree.files)
    for reading in read_layout(names).readings:
        indices = [place.index for place in reading.places]
        assert len(indices) == len(set(indices))
        left_out = {file.name for file in reading.skipped}
        assert {"/".join(names[index]) for index in indices}.isdisjoint(left_out)
        assert len(indices) + len(reading.skipped) == len(names)
        assert all(file.reason.endswith(".") for file in reading.skipped)


@every_tree
def test_wrapping_a_tree_changes_nothing(tree: Tree):
    names = names_of(tree.files)
    wrapped = [("download", "my data", *name) for name in names]
    layout = read_layout(names)
    inside = read_layout(wrapped)
    assert inside.places == layout.places
    assert [other.places for other in inside.others] == [other.places for other in layout.others]
    assert (inside.sentence, inside.level) == (layout.sentence, layout.level)


@every_tree
def test_files_that_are_no_images_change_nothing(tree: Tree):
    names = names_of(tree.files)
    more = names_of(["README.md", "docs/{a,b}/*3.pdf", "labels.csv", "meta/classes.txt"])
    layout = read_layout([*names, *more])
    assert layout.places == read_layout(names).places
    assert layout.sentence == read_layout(names).sentence
    assert len(layout.skipped) == tree.left_out + len(more)


@every_tree
def test_the_order_of_the_files_changes_nothing(tree: Tree):
    names = names_of(tree.files)
    backwards = names[::-1]
    layout = read_layout(names)
    turned = read_layout(backwards)
    assert placed(turned, backwards) == placed(layout, names)
    assert (turned.counts, turned.level) == (layout.counts, layout.level)
    assert turned.sentence == layout.sentence


@every_tree
def test_a_reading_is_found_again_by_its_level(tree: Tree):
    names = names_of(tree.files)
    layout = read_layout(names)
    for reading in layout.readings:
        chosen = read_layout(names, classes_at=reading.level)
        assert chosen.places == reading.places
        assert {other.level for other in chosen.others} == {
            other.level for other in layout.readings if other is not reading
        }


@pytest.mark.parametrize(
    "name", ["splits called sets", "a public and a private test", "digits in numeric order"]
)
def test_each_split_alone_gives_the_same_classes(name: str):
    names = names_of(TREES[name].files)
    layout = read_layout(names)
    for split in {place.split for place in layout.places}:
        alone = [names[place.index] for place in layout.places if place.split == split]
        assert list(read_layout(alone).counts) == list(layout.counts)


def test_folders_that_repeat_others_are_copies_only_if_their_content_is_equal():
    names = names_of(["{P,U}/*4.png", "again/{P,U}/*4.png"])
    assert read_layout(names, is_same=lambda one, other: True).counts == {"P": 4, "U": 4}
    assert read_layout(names, is_same=lambda one, other: False).counts == {"P": 8, "U": 8}


def test_a_level_can_be_forced_that_nothing_suggests():
    names = names_of(["{train,test}/{cats,dogs}/{big,small}/*4.png"])
    forced = read_layout(names, classes_at="3")
    assert forced.counts == {"big": 16, "small": 16}
    assert {place.split for place in forced.places} == {"train", "test"}
    assert read_layout(names, classes_at="1").counts == {"test": 16, "train": 16}


@pytest.mark.parametrize("level", ["0", "3", "-1", "two", "", "names"])
def test_a_level_that_is_not_there_is_refused_by_its_name(level: str):
    names = names_of(["{cats,dogs}/*3.png"])
    with pytest.raises(DatasetRefused, match=r"level|labels"):
        read_layout(names, classes_at=level)


@pytest.mark.parametrize(
    ("file", "said"),
    [
        ("manifest.csv", "table"),
        ("README", "description"),
        ("LICENSE.txt", "licence"),
        ("classes.txt", "class names"),
        ("annotations.json", "data"),
        ("imdb.mat", "array"),
        ("paper.pdf", "document"),
        ("train.py", "program"),
        ("model.pth", "weights"),
        ("rest.zip", "archive"),
        ("photo.jpg", "not inside a class folder"),
    ],
)
def test_a_file_beside_the_classes_is_called_what_it_is(file: str, said: str):
    layout = read_layout(names_of(["{cats,dogs}/*3.png", file]))
    assert [left.name for left in layout.skipped] == [file]
    assert said in layout.skipped[0].reason


@pytest.mark.parametrize("label", ["cat", "Käfer", "great pyrenees", "猫", "boeing-737"])
@pytest.mark.parametrize("pattern", ["{}.*3.jpg", "{}_*3.png", "{} (*3).jpg", "*3_{}.jpg"])
def test_a_label_is_read_from_file_names(label: str, pattern: str):
    names = names_of([pattern.replace("{}", label), pattern.replace("{}", "dog")])
    assert read_layout(names).counts == dict.fromkeys(sorted([label, "dog"]), 3)


@pytest.mark.parametrize("files", [["*9.jpg"], ["IMG_*5.jpg", "DSC_*5.jpg"], ["scan*9.png"]])
def test_names_that_cameras_give_are_no_labels(files: list[str]):
    layout = read_layout(names_of(files))
    assert layout.places == [] and layout.sentence == ""


@pytest.mark.parametrize(
    "pattern",
    [
        "set/{{train,test}}/class{i}/*2.png",
        "class{i}/*20.png",
        "patient{i}/{{healthy,ill}}/*10.png",
        "{{a,copy/a}}/class{i}/*4.png",
    ],
)
def test_a_large_tree_is_read_in_moments(pattern: str):
    names = names_of([pattern.format(i=i) for i in range(500)])
    started = time.perf_counter()
    read_layout(names)
    # Ten thousand files or less take a tenth of a second; a square of their number would take long.
    assert time.perf_counter() - started < 3
