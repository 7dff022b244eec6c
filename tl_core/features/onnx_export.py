"""ONNX export of a network, and sessions of ONNX Runtime."""

import io
import logging
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from threading import Lock

import onnxruntime
import torch
from torch import Tensor, nn

from tl_core.cancellation import NEVER, Stop

_OPSET = 18
_exporting = Lock()
"""Lock around torch's exporter, which keeps its state in module variables."""


class OnnxUnfit(Exception):
    """ONNX Runtime cannot run a network, or disagrees with PyTorch."""


def to_onnx(
    network: nn.Module,
    sample: Tensor,
    outputs: Sequence[str],
    stop: Stop = NEVER,
) -> bytes:
    """Export by tracing: one second for most networks, where `torch.export` takes five to twelve.

    The input is called "images". The batch dimension of input and outputs is dynamic.

    Args:
        network: in eval mode.
        sample: two images or more, float [B, 3, H, W].
        outputs: names of the outputs.

    Raises:
        Cancelled: the work was asked to stop.
        Exception: any kind, for a network that cannot be exported.
    """
    # Asked before and after, since the exporter itself cannot be interrupted.
    stop.check()
    file = io.BytesIO()
    with (
        _exporting,
        _quietly(),
        _without_fused_attention(),
        torch.no_grad(),
    ):
        torch.onnx.export(
            network,
            (sample.contiguous(),),
            # The tracing exporter takes a file object, whatever the annotation says.
            file,  # type: ignore[arg-type]
            dynamo=False,
            opset_version=_OPSET,
            input_names=["images"],
            output_names=list(outputs),
            dynamic_axes={name: {0: "batch"} for name in ("images", *outputs)},
        )
    stop.check()
    return file.getvalue()


def open_onnx(model: bytes | str) -> onnxruntime.InferenceSession:
    """Open a session on the CPU from an ONNX file's bytes or path."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # errors
    # A limit that was set for PyTorch then holds for ONNX Runtime, too.
    options.intra_op_num_threads = torch.get_num_threads()
    # Spinning threads would take the cores from the threads that decode the next images.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


@contextmanager
def _without_fused_attention() -> Iterator[None]:
    """Disable fused attention, which the exporter cannot translate."""
    was = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(was)


@contextmanager
def _quietly() -> Iterator[None]:
    """Silence the exporter: it warns of its age, and prints the whole graph when it fails."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    # The switch is not public and may go.
    with suppress(AttributeError):
        torch._C._jit_set_onnx_log_output_stream("stderr")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
