"""Export of a run to a folder or zip file: made in a staging folder, then moved in one step."""

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tl_core.cancellation import NEVER, Stop
from tl_core.errors import ExportRefused
from tl_core.export import formats, receipt
from tl_core.export.checking import Figures, Logs
from tl_core.export.documents import STANDALONE, made_with, onnx_metadata, write_documents
from tl_core.export.findings import Findings
from tl_core.export.format_check import FormatCheck
from tl_core.export.formats import Ask
from tl_core.export.initial_weights import Unrepeatable
from tl_core.export.placement import disk_errors, list_files, pack, refuse_taken
from tl_core.export.quantising import CALIBRATED_ON, write_int8
from tl_core.export.subject import Subject, find_subject
from tl_core.export.training_script import write_training_script
from tl_core.features.onnx_export import OnnxUnfit
from tl_core.files import move_into_place
from tl_core.workspace import Workspace

OnProgress = Callable[[str, float], None]
"""Callback with the current step in words, and the share of the work that is done, 0 to 1."""


@dataclass(frozen=True, slots=True)
class Exported:
    """Result of an export."""

    path: Path
    """Folder or zip file."""
    files: tuple[tuple[str, int], ...]
    """Name and size in bytes of every file in it."""
    figures: tuple[Figures, ...]
    left_out: tuple[str, ...]
    """Sentences on files that are missing, with the reason."""
    parameters: int
    """Number of weights and biases, including the head."""


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
    """Write a run's model and its documents to `target`; nothing partial stays after an error.

    Args:
        target: folder or zip file, which must not exist yet.
        wanted: names of `FORMATS`.

    Raises:
        UnknownRun, RunNotReady: as `find_subject`.
        ExportRefused: the exported model does not reproduce the app's predictions, the target
            exists or cannot be written, or the disk is full.
        Cancelled: the work was asked to stop.
    """
    on_progress("Loading the model", 0.0)
    with disk_errors():
        subject = find_subject(workspace, run_id)
    # Checked before the work, which may take minutes.
    refuse_taken(target)
    name = f"transferlab-{subject.run.id}"
    with disk_errors(), workspace.artifacts.staging_folder() as staging:
        folder = staging / name
        folder.mkdir()
        export = _Export(subject, folder, formats.choose_formats(wanted), on_progress, stop)
        findings = export.write()
        files = tuple(
            (str(path.relative_to(folder)), path.stat().st_size) for path in list_files(folder)
        )
        product = folder
        if as_zip:
            on_progress("Packing", 0.97)
            product = staging / f"{name}.zip"
            pack(folder, product)
        move_into_place(product, target)
    left_out = (*subject.missing, *findings.left_out)
    return Exported(target, files, findings.figures, left_out, findings.parameters)


@dataclass
class _Export:
    """Export in progress, which fills `folder`."""

    subject: Subject
    folder: Path
    wanted: tuple[str, ...]
    on_progress: OnProgress
    stop: Stop
    left_out: list[str] = field(default_factory=list)
    int8: str = ""

    def write(self) -> Findings:
        asks = self._write_formats()

        def report(share: float) -> None:
            self.on_progress("Comparing predictions", 0.35 + 0.55 * share)

        check = FormatCheck(self.subject, asks, self._bytes_of, report, self.stop)
        figures = check.run()
        proof = None
        # The receipt is checked by way of predict.py, which runs nothing but ONNX.
        if "onnx" in asks and check.positions:
            proof = self._write_receipt(check.positions, check.wanted)
        self.on_progress("Writing the training script", 0.92)
        training = self._write_training_script()
        self.on_progress("Writing the model card", 0.95)
        findings = Findings(
            figures=figures,
            receipt=proof,
            left_out=tuple(self.left_out),
            int8=self.int8 if "int8" in asks else "",
            training=training,
            parameters=sum(each.numel() for each in self.subject.checkpoint.model.parameters()),
            environment=made_with(),
            files=(),
        )
        return write_documents(self.subject, findings, self.folder)

    def _write_training_script(self) -> str:
        try:
            return write_training_script(self.subject, self.folder)
        except Unrepeatable as error:
            # Without a split, `Subject.missing` already says that there is no script, and why.
            if self.subject.split:
                self.left_out.append(f"train.py: there is no training script: {error}.")
            return ""

    # Models

    def _write_formats(self) -> dict[str, Ask]:
        """Write the wanted formats; return the network of each, with PyTorch's always first."""
        # Even if its file is not wanted, PyTorch is what the others are compared with without a
        # test.
        asks: dict[str, Ask] = {"safetensors": formats.ask_pytorch(self.subject.checkpoint.model)}
        if "safetensors" in self.wanted:
            shutil.copyfile(self.subject.file, self._file("safetensors"))
        if "onnx" in self.wanted:
            self.on_progress("Exporting to ONNX", 0.05)
            self._add(asks, "onnx", "ONNX cannot represent this network", self._make_onnx)
        if "torchscript" in self.wanted:
            self.on_progress("Exporting to TorchScript", 0.15)
            reason = "TorchScript cannot represent this network"
            self._add(asks, "torchscript", reason, self._make_torchscript)
        if "int8" in self.wanted and "onnx" in asks:
            self.on_progress("Quantising to 8 bits", 0.2)
            reason = "ONNX Runtime cannot run this network in 8 bits"
            self._add(asks, "int8", reason, self._make_int8)
        return asks

    def _add(
        self, asks: dict[str, Ask], name: str, reason: str, make: Callable[[Path], Ask]
    ) -> None:
        """Add a format, or note the reason why it is left out."""
        try:
            with formats.as_unfit():
                asks[name] = formats.tried(make(self._file(name)), self._size)
        except OnnxUnfit as error:
            # The writer may have failed halfway, or the finished file cannot be run.
            self._file(name).unlink(missing_ok=True)
            self.left_out.append(f"{self._file(name).name}: {reason} ({error}).")

    def _make_onnx(self, file: Path) -> Ask:
        model = self.subject.checkpoint.model
        formats.write_onnx(model, self._size, file, onnx_metadata(self.subject), self.stop)
        return formats.ask_onnx(file)

    def _make_torchscript(self, file: Path) -> Ask:
        formats.write_torchscript(self.subject.checkpoint.model, self._size, file)
        return formats.ask_torchscript(file)

    def _make_int8(self, file: Path) -> Ask:
        split = self.subject.split
        training = None
        if split:
            chosen = [split.train[i] for i in receipt.spread(len(split.train), CALIBRATED_ON)]
            training = self.subject.examples(chosen)
        self.int8 = write_int8(self._file("onnx"), file, training, self.stop)
        formats.set_metadata(file, onnx_metadata(self.subject))
        return formats.ask_onnx(file)

    # Receipt

    def _write_receipt(self, positions: tuple[int, ...], wanted: Logs) -> receipt.Receipt:
        self.on_progress("Writing the receipt", 0.9)
        model_file = self._file("onnx")
        proof = receipt.write_receipt(self.subject, positions, wanted, model_file, self.folder)
        # Written with `not` so that NaN is refused, too.
        if not proof.difference <= proof.tolerance:
            raise ExportRefused(
                "predict.py does not reproduce the app's predictions: the logarithms of the "
                f"probabilities differ by up to {proof.difference:.2g}, and only "
                f"{proof.tolerance:g} is explained by rounding. Nothing was written."
            )
        shutil.copyfile(STANDALONE / "verify.py", self.folder / "verify.py")
        return proof

    @property
    def _size(self) -> int:
        """Side of the images, in pixels."""
        return self.subject.checkpoint.preprocessing.size

    def _bytes_of(self, name: str) -> int:
        file = self._file(name)
        # PyTorch's figures are measured even if its file is not wanted.
        if not file.exists():
            file = self.subject.file
        return file.stat().st_size

    def _file(self, name: str) -> Path:
        return self.folder / formats.FORMATS[name].file
