"""Export of a run as a folder or zip: made in a staging folder, then moved in one step."""

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tl_core.errors import ExportRefused
from tl_core.export import formats, receipt
from tl_core.export.checking import Figures, Logs
from tl_core.export.documents import STANDALONE, about, made_with, write_papers
from tl_core.export.findings import Findings
from tl_core.export.format_check import FormatCheck
from tl_core.export.formats import Ask
from tl_core.export.initial_weights import Unrepeatable
from tl_core.export.placement import disk_errors, pack, refuse_taken
from tl_core.export.quantising import CALIBRATED_ON, write_int8
from tl_core.export.subject import Subject, find_subject
from tl_core.export.training_script import write_training_script
from tl_core.features.onnx_export import OnnxUnfit
from tl_core.files import move_into_place
from tl_core.stopping import NEVER, Stop
from tl_core.workspace import Workspace

OnProgress = Callable[[str, float], None]
"""Callback with a few words on what is being done, and the share that is done, 0 to 1."""


@dataclass(frozen=True, slots=True)
class Exported:
    path: Path
    """Folder or zip file."""
    files: tuple[tuple[str, int], ...]
    """Name and number of bytes of every file in it."""
    figures: tuple[Figures, ...]
    left_out: tuple[str, ...]
    """Sentences on what is missing and why."""
    parameters: int
    """Number of weights and biases, with the head."""


def export_run(
    workspace: Workspace,
    run_id: str,
    target: Path,
    wanted: Sequence[str] = formats.USUAL,
    *,
    as_zip: bool = False,
    on_progress: OnProgress = lambda words, share: None,
    stop: Stop = NEVER,
) -> Exported:
    """Write a run's model and all that belongs to it into `target`, a folder or a zip file that is not there yet.

    Args:
        wanted: names of `FORMATS`.

    Raises:
        UnknownRun, RunNotReady: as `find_subject`.
        ExportRefused: the exported model does not answer as the app did, the place is taken or cannot be written, or
            the disk is full. Whatever is raised, nothing half-written stays.
        Cancelled: it was asked to stop.
    """
    on_progress("Loading the model", 0.0)
    with disk_errors():
        subject = find_subject(workspace, run_id)
    refuse_taken(target)
    name = f"transferlab-{subject.run.id}"
    with disk_errors(), workspace.artifacts.staging_folder() as staging:
        folder = staging / name
        folder.mkdir()
        made = _Making(subject, folder, formats.choose_formats(wanted), on_progress, stop)
        findings = made.everything()
        files = tuple(
            (str(p.relative_to(folder)), p.stat().st_size)
            for p in sorted(folder.rglob("*"))
            if p.is_file()
        )
        if as_zip:
            on_progress("Packing", 0.97)
            pack(folder, staging / f"{name}.zip")
        move_into_place(staging / f"{name}.zip" if as_zip else folder, target)
    return Exported(
        target, files, findings.figures, (*subject.missing, *findings.left_out), findings.parameters
    )


@dataclass
class _Making:
    """Makes one export."""

    subject: Subject
    folder: Path
    wanted: tuple[str, ...]
    on_progress: OnProgress
    stop: Stop
    left_out: list[str] = field(default_factory=list)
    int8: str = ""

    def everything(self) -> Findings:
        asks = self._write_formats()
        check = FormatCheck(
            self.subject,
            asks,
            self._bytes_of,
            lambda share: self.on_progress("Asking it about images", 0.35 + 0.55 * share),
            self.stop,
        )
        figures = check.run()
        proof = self._write_receipt(check.positions, check.wanted) if "onnx" in asks else None
        self.on_progress("Writing the training script", 0.92)
        training = self._write_training_script()
        self.on_progress("Writing the model card", 0.95)
        findings = Findings(
            figures,
            proof,
            tuple(self.left_out),
            self.int8 if "int8" in asks else "",
            training,
            sum(weights.numel() for weights in self.subject.checkpoint.model.parameters()),
            made_with(),
            (),
        )
        return write_papers(self.subject, findings, self.folder)

    def _write_training_script(self) -> str:
        try:
            return write_training_script(self.subject, self.folder)
        except Unrepeatable as error:
            if (
                self.subject.split
            ):  # else the subject says that its images are gone, and this with them
                self.left_out.append(f"train.py: there is no training script: {error}.")
            return ""

    # Models

    def _write_formats(self) -> dict[str, Ask]:
        """Write the wanted formats; gives how to ask each, and PyTorch's, wanted or not, first."""
        asks: dict[str, Ask] = {"safetensors": formats.ask_pytorch(self.subject.checkpoint.model)}
        if "safetensors" in self.wanted:
            shutil.copyfile(self.subject.file, self._file("safetensors"))
        if "onnx" in self.wanted:
            self.on_progress("Writing it as ONNX", 0.05)
            self._add(asks, "onnx", "ONNX cannot hold this network", self._make_onnx)
        if "torchscript" in self.wanted:
            self.on_progress("Writing it as TorchScript", 0.15)
            self._add(
                asks, "torchscript", "TorchScript cannot hold this network", self._make_torchscript
            )
        if "int8" in self.wanted and "onnx" in asks:
            self.on_progress("Rounding it to 8 bits", 0.2)
            self._add(
                asks, "int8", "ONNX Runtime cannot run this network in 8 bits", self._make_int8
            )
        return asks

    def _add(
        self, asks: dict[str, Ask], name: str, reason: str, make: Callable[[Path], Ask]
    ) -> None:
        """Make that format, or note why it is left out."""
        try:
            with formats.as_unfit():
                asks[name] = formats.tried(make(self._file(name)), self._shape[-1])
        except OnnxUnfit as error:
            self._file(name).unlink(missing_ok=True)
            self.left_out.append(f"{self._file(name).name}: {reason} ({error}).")

    def _make_onnx(self, file: Path) -> Ask:
        formats.write_onnx(
            self.subject.checkpoint.model,
            self._shape[-1],
            file,
            about(self.subject),
            self.stop,
        )
        return formats.ask_onnx(file)

    def _make_torchscript(self, file: Path) -> Ask:
        formats.write_torchscript(self.subject.checkpoint.model, self._shape[-1], file)
        return formats.ask_torchscript(file)

    def _make_int8(self, file: Path) -> Ask:
        split = self.subject.split
        training = None
        if split:
            chosen = [split.train[i] for i in receipt.spread(len(split.train), CALIBRATED_ON)]
            training = self.subject.examples(chosen)
        self.int8 = write_int8(self._file("onnx"), file, training, self.stop)
        formats.describe(file, about(self.subject))
        return formats.ask_onnx(file)

    # What goes with them

    def _write_receipt(self, positions: tuple[int, ...], wanted: Logs) -> receipt.Receipt | None:
        if not positions:
            return None
        self.on_progress("Writing the receipt", 0.9)
        proof = receipt.write_receipt(
            self.subject, positions, wanted, self._file("onnx"), self.folder
        )
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

    def _bytes_of(self, name: str) -> int:
        file = self._file(name)
        return (file if file.exists() else self.subject.file).stat().st_size

    def _file(self, name: str) -> Path:
        return self.folder / formats.FORMATS[name].file
