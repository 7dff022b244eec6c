"""Labels, predictions and the split, as files for programs and spreadsheets."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

from tl_core import spreadsheet
from tl_core.export.subject import Subject
from tl_core.records import ImageRecord

# Everything that a reader of lines might split at, and the backslash, so that escapes are
# unambiguous.
_ESCAPES = str.maketrans(
    {"\\": r"\\", "\n": r"\n", "\r": r"\r", "\t": r"\t", "\u2028": r"\u2028", "\u2029": r"\u2029"}
)


def write_labels(classes: Sequence[str], folder: Path) -> None:
    """Write labels.json, and labels.txt with one line per label and line breaks as \\n."""
    content = json.dumps(list(classes), ensure_ascii=False, indent=1)
    (folder / "labels.json").write_text(content, encoding="utf-8")
    lines = "".join(f"{label.translate(_ESCAPES)}\n" for label in classes)
    (folder / "labels.txt").write_text(lines, encoding="utf-8", newline="\n")


def write_predictions(subject: Subject, file: Path) -> None:
    """Write the stored prediction for each test image."""
    classes = subject.checkpoint.classes
    head = ["file", "true", "predicted", "right", "true_label", "predicted_label", *classes]
    rows = (
        [
            # Without the dataset only the positions of images are known.
            subject.images[p.position].name if subject.images else f"image {p.position}",
            classes[p.true],
            classes[p.predicted],
            "yes" if p.is_right else "no",
            p.true,
            p.predicted,
            *p.probabilities,
        ]
        for p in subject.answers
    )
    write_csv(file, head, rows)


def write_split(subject: Subject, file: Path) -> None:
    """Write the side of each image; train.py identifies images by their SHA-256."""
    if subject.split is None:
        return
    label = {name: i for i, name in enumerate(subject.checkpoint.classes)}

    def row(side: str, image: ImageRecord) -> list[object]:
        return [side, label[image.class_name], image.sha256, image.class_name, image.name]

    sides = {"train": subject.split.train, "val": subject.split.val, "test": subject.split.test}
    rows = (row(side, subject.images[i]) for side, positions in sides.items() for i in positions)
    write_csv(file, ["side", "label", "sha256", "class", "file"], rows)


def write_csv(file: Path, head: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write a table without formulas, with the byte-order mark that tells spreadsheets UTF-8."""
    # The csv module writes line ends itself, which must not be translated again.
    with file.open("w", encoding="utf-8-sig", newline="") as handle:
        spreadsheet.write_csv(handle, head, rows)
