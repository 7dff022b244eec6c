"""Files that accompany the models: preprocessing, settings, figures, tables, predict.py, card."""

import dataclasses
import json
import platform
import shutil
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from tl_core.data.resizing import has_vectors
from tl_core.export.findings import Findings
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


def write_papers(subject: Subject, findings: Findings, folder: Path) -> Findings:
    """Write the papers, the card last; gives the findings with the names of all files."""
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
    _write_json(folder / "metrics.json", _metrics(subject, findings))
    findings = dataclasses.replace(
        findings, files=(*(path.name for path in folder.iterdir()), "README.md")
    )
    (folder / "README.md").write_text(write_card(subject, findings), encoding="utf-8")
    return findings


def preprocess(subject: Subject) -> dict[str, Any]:
    """Settings by which predict.py reads an image for this model."""
    how = dataclasses.asdict(subject.checkpoint.preprocessing)
    return {
        **how,
        "resized_by": "pytorch" if has_vectors() else "pillow",
        "words": _PREPROCESS_WORDS,
    }


def about(subject: Subject) -> dict[str, str]:
    """Metadata of an exported ONNX file."""
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


def _metrics(subject: Subject, findings: Findings) -> dict[str, Any]:
    results = subject.results
    run = subject.run
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
        "parameters": findings.parameters,
        "formats": [dataclasses.asdict(each) for each in findings.figures],
        "receipt": dataclasses.asdict(findings.receipt) if findings.receipt else None,
        "left_out": [*subject.missing, *findings.left_out],
        "environment": findings.environment,
    }


def _write_json(file: Path, value: object) -> None:
    file.write_text(json.dumps(value, indent=1, ensure_ascii=False), encoding="utf-8")
