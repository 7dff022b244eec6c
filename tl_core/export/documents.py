"""Files that accompany the model: preprocessing, settings, metrics, tables, predict.py, card."""

import dataclasses
import json
import platform
import shutil
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from tl_core.data import decoding
from tl_core.data.resizing import has_vectors
from tl_core.export.findings import Findings
from tl_core.export.model_card import write_card
from tl_core.export.subject import Subject
from tl_core.export.tables import write_labels, write_predictions, write_split
from tl_core.runs.recording import environment
from tl_core.runs.results import Results

STANDALONE = Path(__file__).parent / "standalone"
_NEEDED = ("onnxruntime", "numpy", "pillow")
_PREPROCESS_WORDS = (
    "Rotate by the EXIF orientation. Scale samples of more than 8 bits by `levels` (kind, black, "
    "white). Convert to 8-bit sRGB by the ICC profile, and put transparent images on white. Resize "
    "the short side to `resize` and crop the central square of side `size`. Divide by 255, "
    "subtract `mean` and divide by `std` per channel (R, G, B). Lay out as [batch, 3, size, size]."
)


def write_documents(subject: Subject, findings: Findings, folder: Path) -> Findings:
    """Write all files but the models; return the findings with the names of all files."""
    _write_predict_script(folder)
    requirements = "".join(f"{name}=={version(name)}\n" for name in _NEEDED)
    (folder / "requirements.txt").write_text(requirements, "utf-8")
    write_labels(subject.checkpoint.classes, folder)
    if subject.answers:
        write_predictions(subject, folder / "predictions.csv")
    write_split(subject, folder / "split.csv")
    _write_json(folder / "preprocess.json", preprocess(subject))
    _write_json(folder / "config.json", subject.run.config.model_dump(mode="json"))
    _write_json(folder / "metrics.json", _metrics(subject, findings))
    # The card lists the files beside it, so it is written last and names itself.
    files = (*(path.name for path in folder.iterdir()), "README.md")
    findings = dataclasses.replace(findings, files=files)
    (folder / "README.md").write_text(write_card(subject, findings), encoding="utf-8")
    return findings


def _write_predict_script(folder: Path) -> None:
    """Write predict.py with the decoder that it shares with the app."""
    script = (STANDALONE / "predict.py").read_text(encoding="utf-8")
    # Beside the script, the decoder is a package of its own.
    script = script.replace(f"from {decoding.__name__} import", "from decoding import")
    (folder / "predict.py").write_text(script, encoding="utf-8")
    source = Path(decoding.__file__).parent
    shutil.copytree(source, folder / "decoding", ignore=shutil.ignore_patterns("__pycache__"))


def preprocess(subject: Subject) -> dict[str, Any]:
    """Return the settings with which predict.py reads an image for this model."""
    return {
        **dataclasses.asdict(subject.checkpoint.preprocessing),
        # The two round differently, and the model was tested with the one that this machine uses.
        "resized_by": "pytorch" if has_vectors() else "pillow",
        "words": _PREPROCESS_WORDS,
    }


def onnx_metadata(subject: Subject) -> dict[str, str]:
    """Return the metadata of an exported ONNX file."""
    return {
        "labels": json.dumps(list(subject.checkpoint.classes)),
        "preprocess": json.dumps(preprocess(subject)),
        "run": subject.run.id,
        "backbone": subject.run.config.model.backbone,
    }


def made_with() -> dict[str, str]:
    """Describe versions and machine with which the export was made and measured."""
    return {
        **environment(),
        "onnxruntime": version("onnxruntime"),
        # On many Linux systems `processor` returns an empty string.
        "processor": platform.processor() or platform.machine(),
        "threads": str(torch.get_num_threads()),
    }


def _metrics(subject: Subject, findings: Findings) -> dict[str, Any]:
    run = subject.run
    receipt = findings.receipt
    return {
        "run": run.id,
        "state": run.state,
        "best_epoch": run.best_epoch,
        **(_test_metrics(subject.results) if subject.results else {}),
        "parameters": findings.parameters,
        "formats": [dataclasses.asdict(each) for each in findings.figures],
        "receipt": dataclasses.asdict(receipt) if receipt else None,
        "left_out": [*subject.missing, *findings.left_out],
        "environment": findings.environment,
    }


def _test_metrics(results: Results) -> dict[str, Any]:
    of_classes = zip(results.classes, results.of_classes, strict=True)
    return {
        "test": dataclasses.asdict(results.test),
        "validation": dataclasses.asdict(results.val) if results.val else None,
        "classes": [{"class": name, **dataclasses.asdict(each)} for name, each in of_classes],
        "calibration": dataclasses.asdict(results.calibration),
    }


def _write_json(file: Path, value: object) -> None:
    file.write_text(json.dumps(value, indent=1, ensure_ascii=False), encoding="utf-8")
