"""Make the folder, or the zip, that a run leaves in: all of it beside the place it will have, and then in one step."""

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from tl_core.errors import ExportRefused
from tl_core.export import checking, formats, receipt
from tl_core.export.checking import Figures, Logs
from tl_core.export.findings import Facts
from tl_core.export.formats import Ask
from tl_core.export.papers import STANDALONE, about, environment, write_papers
from tl_core.export.placing import disk_errors, pack, publish, refuse_taken
from tl_core.export.quantising import CALIBRATED_ON, write_int8
from tl_core.export.subject import Subject, find_subject
from tl_core.export.training_script import write_training_script
from tl_core.features.onnx_export import OnnxUnfit
from tl_core.workspace import Workspace

MOST_ASKED = 2_000
"""Test images that every format is asked about; evenly chosen where there are more."""
_FEW = 64
"""Images that formats are compared on where none were tested."""

OnProgress = Callable[[str, float], None]
"""Told what is being done, a few words, and how much of all is done, 0 to 1."""


@dataclass(frozen=True, slots=True)
class Exported:
    path: Path
    """The folder, or the zip."""
    files: tuple[tuple[str, int], ...]
    """(name, bytes) of all in it."""
    figures: tuple[Figures, ...]
    left_out: tuple[str, ...]
    """Sentences on what is not in it and why."""


def export_run(
    workspace: Workspace,
    run_id: str,
    target: Path,
    wanted: Sequence[str] = formats.USUAL,
    *,
    as_zip: bool = False,
    on_progress: OnProgress = lambda words, share: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> Exported:
    """Write a run's model and all that belongs to it into `target`, a folder or a zip file that is not there yet.

    Args:
        wanted: names of `FORMATS`.

    Raises:
        UnknownRun, RunNotReady: as `find_subject`.
        ExportRefused: the exported model does not answer as the app did, the place is taken or cannot be written, or
            the disk is full. Whatever is raised, nothing half-written stays.
        Cancelled: `should_stop` said so.
    """
    on_progress("Loading the model", 0.0)
    subject = find_subject(workspace, run_id)
    refuse_taken(target)
    name = f"transferlab-{subject.run.id}"
    with disk_errors(), workspace.artifacts.staging_folder() as staging:
        folder = staging / name
        folder.mkdir()
        made = _Making(subject, folder, formats.choose_formats(wanted), on_progress, should_stop)
        facts = made.everything()
        files = tuple((str(p.relative_to(folder)), p.stat().st_size) for p in sorted(folder.rglob("*")) if p.is_file())
        if as_zip:
            on_progress("Packing", 0.97)
            pack(folder, staging / f"{name}.zip")
        publish(staging / f"{name}.zip" if as_zip else folder, target)
    return Exported(target, files, facts.figures, (*subject.missing, *facts.left_out))


@dataclass
class _Making:
    """One export on its way."""

    subject: Subject
    folder: Path
    wanted: tuple[str, ...]
    on_progress: OnProgress
    should_stop: Callable[[], bool]
    left_out: list[str] = field(default_factory=list)
    int8: str = ""

    def everything(self) -> Facts:
        asks = self._write_formats()
        figures, positions, logs = self._check(asks)
        proof = self._write_receipt(positions, logs) if "onnx" in asks else None
        self.on_progress("Writing the training script", 0.92)
        training = write_training_script(self.subject, self.folder)
        self.on_progress("Writing the model card", 0.95)
        facts = Facts(
            figures, proof, tuple(self.left_out), self.int8 if "int8" in asks else "", training, environment(), ()
        )
        return write_papers(self.subject, facts, self.folder)

    # Models

    def _write_formats(self) -> dict[str, Ask]:
        """How to ask each that could be written; PyTorch's first, by a name of no file where none is wanted."""
        asks: dict[str, Ask] = {"safetensors": formats.ask_pytorch(self.subject.checkpoint.model)}
        if "safetensors" in self.wanted:
            shutil.copyfile(self.subject.file, self._file("safetensors"))
        if "onnx" in self.wanted:
            self.on_progress("Writing it as ONNX", 0.05)
            self._add(asks, "onnx", "ONNX cannot hold this network", self._make_onnx)
        if "torchscript" in self.wanted:
            self.on_progress("Writing it as TorchScript", 0.15)
            self._add(asks, "torchscript", "TorchScript cannot hold this network", self._make_torchscript)
        if "int8" in self.wanted and "onnx" in asks:
            self.on_progress("Rounding it to 8 bits", 0.2)
            self._add(asks, "int8", "ONNX Runtime cannot run this network in 8 bits", self._make_int8)
        return asks

    def _add(self, asks: dict[str, Ask], name: str, reason: str, make: Callable[[Path], Ask]) -> None:
        """Make that format, or say why it is left out."""
        try:
            with formats.as_unfit():
                asks[name] = formats.tried(make(self._file(name)), self._shape[-1])
        except OnnxUnfit as error:
            self._file(name).unlink(missing_ok=True)
            self.left_out.append(f"{self._file(name).name}: {reason} ({error}).")

    def _make_onnx(self, file: Path) -> Ask:
        formats.write_onnx(self.subject.checkpoint.model, self._shape[-1], file, about(self.subject), self.should_stop)
        return formats.ask_onnx(file)

    def _make_torchscript(self, file: Path) -> Ask:
        formats.write_torchscript(self.subject.checkpoint.model, self._shape[-1], file)
        return formats.ask_torchscript(file)

    def _make_int8(self, file: Path) -> Ask:
        split, training = self.subject.split, None
        if split:
            chosen = [split.train[i] for i in receipt.spread(len(split.train), CALIBRATED_ON)]
            training = self.subject.examples(chosen)
        self.int8 = write_int8(self._file("onnx"), file, training, self.should_stop)
        formats.describe(file, about(self.subject))
        return formats.ask_onnx(file)

    # Whether they answer as the app did

    def _check(self, asks: dict[str, Ask]) -> tuple[tuple[Figures, ...], tuple[int, ...], Logs]:
        """Figures of every format; and which images they are of, with what the app was told about them.

        Raises:
            ExportRefused: a format that should answer as the app did does not.
        """
        subject, labels = self.subject, None
        answers = [subject.answers[i] for i in receipt.spread(len(subject.answers), MOST_ASKED)]
        asked = {name: ask for name, ask in asks.items() if name != "safetensors"}
        if answers and subject.images:
            positions = tuple(p.position for p in answers)
            wanted, labels = checking.as_logs(answers), np.array([p.true for p in answers])
            said = checking.ask_all(asked, subject.examples(positions), self._checking, self.should_stop)
        elif subject.split:
            positions = tuple(subject.split.val[i] for i in receipt.spread(len(subject.split.val), _FEW))
            said = checking.ask_all(asks, subject.examples(positions), self._checking, self.should_stop)
            wanted = said["safetensors"]
        else:
            positions = ()
            noise = torch.randn(_FEW // 8, *self._shape, generator=torch.Generator().manual_seed(0))
            said = {name: checking.logs_of(ask(noise)) for name, ask in asks.items()}
            wanted = said["safetensors"]
        said["safetensors"] = wanted
        self.on_progress("Timing it", 0.85)
        figures = tuple(self._figures(name, asks[name], said[name], wanted, labels) for name in asks)
        for each in figures:
            if each.name != "int8" and not each.difference <= receipt.allowed(subject):
                raise ExportRefused(
                    f"{formats.FORMATS[each.name].title} does not answer as the app did: on one of {each.n:,} images "
                    f"they differ by {each.difference:.2g} (in the logarithm of a probability), and up to "
                    f"{receipt.allowed(subject):g} is rounding. Nothing was written. The run may "
                    "have been trained with other versions of its libraries: train it again here."
                )
        return figures, positions if labels is not None else (), wanted

    def _figures(self, name: str, ask: Ask, said: Logs, wanted: Logs, labels: Any) -> Figures:
        file = self._file(name) if self._file(name).exists() else self.subject.file
        return Figures(
            name,
            file.stat().st_size,
            checking.milliseconds(ask, self.subject.checkpoint.preprocessing.size),
            len(wanted),
            None if labels is None else int(((said.argmax(1) == labels) & np.isfinite(said.max(1))).sum()),
            int((said.argmax(1) == wanted.argmax(1)).sum()),
            checking.difference(said, wanted),
        )

    def _checking(self, share: float) -> None:
        self.on_progress("Asking it about images", 0.35 + 0.5 * share)

    def _write_receipt(self, positions: tuple[int, ...], wanted: Logs) -> receipt.Receipt | None:
        if not positions:
            return None
        self.on_progress("Writing the receipt", 0.9)
        proof = receipt.write_receipt(self.subject, positions, wanted, self._file("onnx"), self.folder)
        if not proof.difference <= proof.tolerance:
            raise ExportRefused(
                f"predict.py does not answer as the app did: it differs by {proof.difference:.2g}, and up to "
                f"{proof.tolerance:g} is rounding. Nothing was written."
            )
        shutil.copyfile(STANDALONE / "verify.py", self.folder / "verify.py")
        return proof

    @property
    def _shape(self) -> tuple[int, int, int]:
        size = self.subject.checkpoint.preprocessing.size
        return 3, size, size

    def _file(self, name: str) -> Path:
        return self.folder / formats.FORMATS[name].file
