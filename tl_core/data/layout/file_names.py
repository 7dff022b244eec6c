"""Labels in file names, such as `cat.0.jpg` or `Abyssinian_12.jpg`, where no folder tells them."""

import re
from collections import Counter
from collections.abc import Sequence
from statistics import median

from tl_core.data.layout.words import key, split_role, word_set, words
from tl_core.data.names import class_name

_COPY = re.compile(r"\s*\(\d+\)$|\s+-\s+copy$", re.IGNORECASE)
_PATTERNS = (
    # cat.0, dog_12, great_pyrenees_7, cat0001, cat (3)
    re.compile(r"(?P<label>.*[^\W\d_].*?)[\s._-]*\(?\d+\)?"),
    # 0001_cat, 12-dog
    re.compile(r"\d+[\s._-]+(?P<label>.*[^\W\d_].*)"),
    # cat_left_ear
    re.compile(r"(?P<label>[^\W\d_]+)[\s._-].+"),
)
_GENERAL = word_set(
    "img image images photo photos picture pic dsc dscn dscf pxl vid video frame screenshot scan "
    "file copy untitled unnamed download whatsapp snapshot capture sample"
)
"""Words that cameras and programs put into every file name."""
_LABELLED = 0.95
"""Share of the files that must have a label."""
_MIN_IMAGES = 2
"""Least median number of images of a class."""


def read_labels(names: Sequence[str]) -> list[str] | None:
    """Return a label for each file name, "" where it has none; None if names hold no labels."""
    stems = [name.rpartition(".")[0] or name for name in names]
    # First without the mark of a file that was stored twice, which is no number of the class.
    for tried in ([_COPY.sub("", stem) for stem in stems], stems):
        for pattern in _PATTERNS:
            labels = [_label(pattern.fullmatch(stem)) for stem in tried]
            if _are_labels(labels):
                return labels
    return None


def _label(found: re.Match[str] | None) -> str:
    if found is None:
        return ""
    label = class_name(found["label"]).strip(" ._-")
    is_general = all(word in _GENERAL or word.isdigit() for word in words(label))
    return "" if is_general or split_role(label) else label


def _are_labels(labels: Sequence[str]) -> bool:
    counts = Counter(key(label) for label in labels if label)
    if len(counts) < 2 or counts.total() < _LABELLED * len(labels):
        return False
    return median(counts.values()) >= _MIN_IMAGES
