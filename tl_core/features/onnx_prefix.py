"""The frozen stages in ONNX Runtime, which on a CPU is 1.3 to 4 times as fast as PyTorch, by family."""

import io
import logging
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from threading import Lock

import numpy as np
import onnxruntime
import torch
from torch import Tensor, nn

from tl_core.errors import Cancelled
from tl_core.features.pieces import Pieces

_CHECKED = 8
"""Images of the first batch on which both must agree."""
_TOLERANCE = 1e-3
"""Of the largest activation: rounding is a thousandth of that; a step that was translated wrongly is far more."""
_OPSET = 18
_exporting = Lock()
"""torch's exporter keeps its state in module variables."""


class OnnxUnfit(Exception):
    """ONNX Runtime cannot run this network, or answers otherwise than PyTorch."""


class OnnxPrefix:
    """A network that was exported, and whose answers were compared with PyTorch's.

    Args:
        network: maps images to a tuple of tensors; in eval mode.
        sample: images, float [B, 3, H, W], to compare on.
        at_once: images between two questions to `should_stop`.

    Raises:
        OnnxUnfit: it cannot be exported or run, or answers otherwise.
        Cancelled: `should_stop` said so.
    """

    title = f"ONNX Runtime {onnxruntime.__version__}"

    def __init__(self, network: nn.Module, sample: Tensor, at_once: int, should_stop: Callable[[], bool]) -> None:
        self._should_stop, self._pieces = should_stop, Pieces(at_once)
        sample = sample[:_CHECKED]
        try:
            with _stoppable(network, should_stop), torch.inference_mode():
                wanted = network(sample)
            self._session = _open(_export(network, sample[:2], should_stop))
            # Of two sizes, in case the export has taken the sample's for good.
            parts = [sample[: len(sample) // 2], sample[len(sample) // 2 :]]
            found = [self(part) for part in parts if len(part)]
        except Cancelled:
            raise
        except Exception as error:  # the exporter and the runtime raise whatever they like
            raise OnnxUnfit(f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}") from error
        for theirs, ours in zip(zip(*found, strict=True), wanted, strict=True):
            _compare(torch.cat(theirs), ours)

    def __call__(self, images: Tensor) -> tuple[Tensor, ...]:
        """One tensor an output, float [B, …].

        Raises:
            Cancelled: it was stopped.
            OutOfMemory: not even one image fits.
        """
        pixels, found = np.ascontiguousarray(images.numpy()), list[tuple[np.ndarray, ...]]()

        def run(piece: slice) -> None:
            if self._should_stop():
                raise Cancelled("Stopped as asked.")
            found.append(tuple(self._session.run(None, {"images": pixels[piece]})))

        self._pieces.run(len(pixels), run)
        return tuple(torch.from_numpy(np.concatenate(outputs)) for outputs in zip(*found, strict=True))


def _export(network: nn.Module, sample: Tensor, should_stop: Callable[[], bool]) -> bytes:
    """By tracing: a second for most networks, where the exporter built on `torch.export` takes five to twelve."""
    file = io.BytesIO()
    with _exporting, _quietly(), _without_fused_attention(), _stoppable(network, should_stop), torch.no_grad():
        outputs = [f"cut{i}" for i in range(len(network(sample)))]
        torch.onnx.export(
            network,
            (sample.contiguous(),),
            file,  # type: ignore[arg-type]  # this exporter takes one
            dynamo=False,
            opset_version=_OPSET,
            input_names=["images"],
            output_names=outputs,
            dynamic_axes={name: {0: "batch"} for name in ("images", *outputs)},
        )
    return file.getvalue()


def _open(model: bytes) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # errors
    options.intra_op_num_threads = torch.get_num_threads()
    # Threads that wait actively would take the cores from those that decode the next images.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def _compare(theirs: Tensor, ours: Tensor) -> None:
    if theirs.shape != ours.shape:
        raise OnnxUnfit(f"it gives {tuple(theirs.shape)} where PyTorch gives {tuple(ours.shape)}")
    difference, largest = float((theirs - ours).abs().max()), float(ours.abs().max())
    if not difference <= _TOLERANCE * largest:  # nor is NaN
        raise OnnxUnfit(f"its output differs by {difference:.2g}, of at most {largest:.2g}")


@contextmanager
def _stoppable(network: nn.Module, should_stop: Callable[[], bool]) -> Iterator[None]:
    def check(*_: object) -> None:
        if should_stop():
            raise Cancelled("Stopped as asked.")

    handles = [module.register_forward_pre_hook(check) for module in network.modules()]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


@contextmanager
def _without_fused_attention() -> Iterator[None]:
    """The exporter knows attention's steps, not the one operation that does them all."""
    was = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(was)


@contextmanager
def _quietly() -> Iterator[None]:
    """It warns of being the older exporter; and when it fails it prints the whole graph, where answers are expected."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    with suppress(AttributeError):  # the switch is not public
        torch._C._jit_set_onnx_log_output_stream("stderr")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
