"""Words in the names of folders: splits, copies, masks, and folders that only hold others."""

import re
from functools import lru_cache

from tl_core.data.names import class_name

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+|[^\W\d_]+")
_COPY_MARK = re.compile(
    r"^(copy of|kopie von|copie de|copia de) |[ _-]+(copy|kopie|copie|copia|backup|bak|old)"
    r"( ?\(?\d+\)?)?$| ?\(\d+\)$"
)


def word_set(text: str) -> frozenset[str]:
    return frozenset(text.split())


_ROLES = {
    **dict.fromkeys(("train", "training", "trn", "trainset", "trainval"), "train"),
    **dict.fromkeys(("val", "valid", "validation", "valset", "dev"), "val"),
    **dict.fromkeys(("test", "testing", "tst", "testset", "holdout"), "test"),
    **dict.fromkeys(("eval", "evaluation"), "eval"),
}
_FILLERS = word_set(
    "set sets data dataset folder dir split public private final full images image imgs img ds "
    "part hold held out"
)
_UNLABELLED = word_set("unlabeled unlabelled unlabel nolabel nolabels")
_NOT_LABELLED = (("no", "label"), ("no", "labels"), ("not", "labeled"), ("not", "labelled"))
_HOLDERS = word_set(
    "images image imgs img jpg jpgs jpeg jpegs png pngs pictures pics photos data dataset "
    "categories rgb color colour original originals raw set sets all classes"
)
_ABOUT = word_set(
    "mask masks segmentation segmentations annotation annotations annot annots trimap trimaps "
    "label labels gt groundtruth truth bbox bboxes contours saliency heatmaps keypoints landmarks "
    "segmentationclass segmentationobject"
)
_VARIANTS = word_set(
    "gray grey grayscale greyscale bw segmented thumbnails thumbs resized lowres augmented"
)
_PARTS = word_set(
    "fold batch part chunk shard site hospital clinic center centre camera cam session day date "
    "week month year user subject patient person participant group source device phone lab scene "
    "sequence seq video frame frames view side angle run take round series lot disk disc volume "
    "indoor outdoor night front back left right top bottom near far cropped"
)
"""Words for where, when or by whom images were taken, which say nothing of what they show."""


# Names such as images and masks occur in thousands of folders of one tree.
@lru_cache(maxsize=10_000)
def words(name: str) -> tuple[str, ...]:
    """Split a name at blanks, punctuation, digits and capitals: `PublicTest` is public, test."""
    return tuple(word.casefold() for word in _WORD.findall(name))


@lru_cache(maxsize=10_000)
def key(name: str) -> str:
    """Return what two spellings of one class share: neither blanks at the ends nor capitals."""
    return class_name(name).casefold()


def split_role(name: str) -> str | None:
    """Return "train", "val", "test" or "eval" if a word of the name says so.

    In some data sets "eval" is the validation and in others the test; the caller decides.
    """
    found = words(name)
    roles = {_ROLES[word] for word in found if word in _ROLES}
    # As in train_val, which is a training set with the validation still inside.
    if roles == {"train", "val"}:
        return "train"
    if not roles and found[-2:] in (("hold", "out"), ("held", "out")):
        return "test"
    return roles.pop() if len(roles) == 1 else None


def without_split(name: str) -> str:
    """Return the name without the word for the split: `train_cats` is cats, `testB` is B."""
    rest = [found[0] for found in _WORD.finditer(name) if found[0].casefold() not in _ROLES]
    return " ".join(rest)


def is_split_name(name: str) -> bool:
    """Tell if the whole name says which split it is, such as `test_set` but not `test_tubes`."""
    return split_role(name) is not None and all(
        word in _ROLES or word in _FILLERS or word.isdigit() for word in words(name)
    )


def says_unlabelled(name: str) -> bool:
    found = words(name)
    return any(word in _UNLABELLED for word in found) or found[:2] in _NOT_LABELLED


def says_holder(name: str) -> bool:
    """Tell if the name ends in a word for images in general, such as `101_ObjectCategories`."""
    found = [word for word in words(name) if not word.isdigit()]
    return bool(found) and found[-1] in _HOLDERS


def says_about(name: str) -> bool:
    """Tell if the name is one for pictures about images, such as masks."""
    return any(word in _ABOUT for word in words(name))


def says_variant(name: str) -> bool:
    """Tell if the name is one for the same images in another form, such as `grayscale`."""
    return any(word in _VARIANTS for word in words(name))


def says_part(name: str) -> bool:
    """Tell if the name says where, when or by whom images were taken, such as `camera1`."""
    return any(word in _PARTS for word in words(name))


def without_copy_mark(name: str) -> str:
    """Return the name without `copy`, `(1)` and the like, in small letters."""
    return _COPY_MARK.sub("", key(name)).strip()
