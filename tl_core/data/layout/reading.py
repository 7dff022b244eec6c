"""Reading of a folder tree: the class and split of each file, and a sentence that says it."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from operator import attrgetter

from tl_core.data.layout.draft import NAMES, Draft, Kind
from tl_core.data.layout.file_kinds import STRAY_IMAGE, why_no_image
from tl_core.data.layout.spellings import join_spellings
from tl_core.data.layout.splits import SPOKEN
from tl_core.data.names import Parts, quoted
from tl_core.records import SkippedFile
from tl_core.text import natural_key, number_of

EXAMPLE = "Make a folder for each class, such as cats/1.jpg and dogs/1.jpg."


@dataclass(frozen=True, slots=True)
class Place:
    index: int
    """Index of the file in the list passed to `read_layout`."""
    split: str | None
    """Split the dataset came with: "train", "val" or "test"."""
    class_name: str


@dataclass(slots=True)
class Layout:
    """Reading of a tree; `others` are readings that are plausible, too, the likeliest first."""

    places: list[Place] = field(default_factory=list)
    skipped: list[SkippedFile] = field(default_factory=list)
    level: str = ""
    """Name of this reading among those of the tree: "1", "2" … for a level of folders counted from
    the first one that holds several, "names" for labels in file names."""
    sentence: str = ""
    """Sentence that says how the tree was read; names in it are user text."""
    notes: list[str] = field(default_factory=list)
    """Sentences on names that were joined, and on folders whose split the name does not say; they
    are part of `sentence`."""
    counts: dict[str, int] = field(default_factory=dict)
    """Files of each class that may be images, in natural order of the class names."""
    others: list["Layout"] = field(default_factory=list)

    @property
    def readings(self) -> list["Layout"]:
        return [self, *self.others]


def make_reading(
    draft: Draft, files: Sequence[Parts], is_image: Sequence[bool], base_depth: int
) -> Layout:
    """Turn a draft into a reading.

    Args:
        base_depth: number of folders above the first level that is counted.
    """
    names, notes = join_spellings([group for group in draft.groups if group.name.strip()])
    layout = Layout(level=_level(draft, base_depth))
    reasons: dict[int, str] = {}
    for group in draft.groups:
        if group.name in names:
            label = names[group.name]
            layout.places += [Place(index, group.split, label) for index in group.files]
        else:
            reasons |= dict.fromkeys(group.files, "A class folder needs a name.")
    layout.places.sort(key=attrgetter("index"))
    found = Counter(place.class_name for place in layout.places if is_image[place.index])
    layout.counts = {name: found[name] for name in sorted(found, key=natural_key)}
    for left in draft.left_out:
        reasons |= dict.fromkeys(left.files, left.reason)
    placed = {place.index for place in layout.places}
    layout.skipped = [
        SkippedFile("/".join(parts), why_no_image(parts) or reasons.get(index, STRAY_IMAGE))
        for index, parts in enumerate(files)
        if index not in placed
    ]
    layout.notes = [*draft.notes, *notes]
    layout.sentence = _sentence(draft, layout, files, is_image)
    return layout


def _level(draft: Draft, base_depth: int) -> str:
    if draft.is_from_names:
        return NAMES
    depth = min((group.depth for group in draft.groups), default=base_depth + 1)
    level = str(max(1, depth - base_depth))
    return f"{level}-{draft.level}" if draft.level else level


def _sentence(
    draft: Draft,
    layout: Layout,
    files: Sequence[Parts],
    is_image: Sequence[bool],
) -> str:
    n = len(layout.counts)
    if not n:
        return ""
    text = f"Read as {number_of(n, 'class', 'classes')}{_source(draft, layout, files)}"
    counts: Counter[Kind] = Counter()
    for left in draft.left_out:
        counts[left.kind] += sum(is_image[index] for index in left.files)
    return " ".join([f"{text}{_left_out(counts)}.", *layout.notes])


def _source(draft: Draft, layout: Layout, files: Sequence[Parts]) -> str:
    """Say where splits and classes come from."""
    splits = [SPOKEN[side] for side in SPOKEN if any(g.split == side for g in draft.groups)]
    own = ""
    if len(splits) > 1:
        own = f" with their own {', '.join(splits[:-1])} and {splits[-1]}"
    if draft.is_from_names:
        first = next(iter(layout.counts))
        named = [files[place.index] for place in layout.places if place.class_name == first]
        file_name = min(parts[-1] for parts in named)
        return f"{own}, from file names such as {_quote(file_name)} for {_quote(first)}"
    if draft.is_inner:
        outer = list(dict.fromkeys(group.inside for group in draft.groups))
        return f"{own}, from the folders inside {quoted(outer, 3)}"
    if own:
        return own
    return ", from the train folder" if splits else ", one for each folder"


def _quote(name: str) -> str:
    return quoted([name])


def _left_out(counts: Counter[Kind]) -> str:
    words: dict[Kind, tuple[str, str]] = {
        "unlabelled": ("unlabelled image", "unlabelled images"),
        "copy": ("image in a second copy", "images in a second copy"),
        "about": ("mask or other annotation", "masks or other annotations"),
        "variant": ("image in another form", "images in another form"),
        "outside": ("image outside the class folders", "images outside the class folders"),
    }
    parts = [number_of(counts[kind], *words[kind]) for kind in words if counts[kind]]
    if not parts:
        return ""
    listed = parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
    return f"; {listed} left out"
