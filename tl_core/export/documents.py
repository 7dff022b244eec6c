"""What goes with the models: how images are read, all settings and figures, tables, and the scripts that need none."""

import dataclasses
import json
import platform
import shutil
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from tl_core.data.resizing import has_vectors
from tl_core.export.findings import Facts
from tl_core.export.model_card import write_card
from tl_core.export.subject import Subject
from tl_core.export.tables import write_labels, write_predictions, write_split
from tl_core.runs.recording import environment

STANDALONE = Path(__file__).parent / "standalone"
_NEEDED = ("onnxruntime", "numpy", "pillow")
_PREPROCESS_WORDS = (
    "Upright by EXIF; 8-bit RGB, 16 bits scaled, transparency on white; the short side resized to `resize`, of that "
    "the middle square of `size`; pixels divided by 255, minus `mean`, divided by `std`, by channel R, G, B; laid out "
    "as [batch, 3, size, size]."
)


def write_papers(subject: Subject, facts: Facts, folder: Path) -> Facts:
    """All that is not a model, the card last; gives the facts with the files that there are."""
    shutil.copyfile(STANDALONE / "predict.py", folder / "predict.py")
    (folder / "requirements.txt").write_text(
        "".join(f"{name}=={version(name)}\n" for name in _NEEDED)
    )
    write_labels(subject.checkpoint.classes, folder)
    if subject.answers:
        write_predictions(subject, folder / "predictions.csv")
    write_split(subject, folder / "split.csv")
    _write_json(folder / "preprocess.json", preprocess(subject))
    _write_json(folder / "config.json", subject.run.config.model_dump(mode="json"))
    _write_json(folder / "metrics.json", _metrics(subject, facts))
    facts = dataclasses.replace(
        facts, files=(*(path.name for path in folder.iterdir()), "README.md")
    )
    (folder / "README.md").write_text(write_card(subject, facts), encoding="utf-8")
    return facts


def preprocess(subject: Subject) -> dict[str, Any]:
    """How an image has to be read for this model, as predict.py understands it."""
    how = dataclasses.asdict(subject.checkpoint.preprocessing)
    return {
        **how,
        "resized_by": "pytorch" if has_vectors() else "pillow",
        "words": _PREPROCESS_WORDS,
    }


def about(subject: Subject) -> dict[str, str]:
    """The metadata of an ONNX file."""
    return {
        "labels": json.dumps(list(subject.checkpoint.classes)),
        "preprocess": json.dumps(preprocess(subject)),
        "run": subject.run.id,
        "backbone": subject.run.config.model.backbone,
    }


def made_with() -> dict[str, str]:
    """Versions and machine that the export was made and measured with."""
    return {
        **environment(),
        "onnxruntime": version("onnxruntime"),
        "processor": platform.processor() or platform.machine(),
        "threads": str(torch.get_num_threads()),
    }


def _metrics(subject: Subject, facts: Facts) -> dict[str, Any]:
    results, run = subject.results, subject.run
    told: dict[str, Any] = {"run": run.id, "state": run.state, "best_epoch": run.best_epoch}
    if results:
        of_classes = zip(results.classes, results.of_classes, strict=True)
        told |= {
            "test": dataclasses.asdict(results.test),
            "validation": dataclasses.asdict(results.val) if results.val else None,
            "classes": [
                {"class": name, **dataclasses.asdict(figures)} for name, figures in of_classes
            ],
            "calibration": dataclasses.asdict(results.calibration),
        }
    return told | {
        "parameters": facts.parameters,
        "formats": [dataclasses.asdict(each) for each in facts.figures],
        "receipt": dataclasses.asdict(facts.receipt) if facts.receipt else None,
        "left_out": [*subject.missing, *facts.left_out],
        "environment": facts.environment,
    }


def _write_json(file: Path, value: object) -> None:
    file.write_text(json.dumps(value, indent=1, ensure_ascii=False), encoding="utf-8")
