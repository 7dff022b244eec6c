"""A network as ONNX, and ONNX Runtime to run it."""

import io
import logging
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from threading import Lock

import onnxruntime
import torch
from torch import Tensor, nn

from tl_core.stopping import NEVER, Stop

_OPSET = 18
_exporting = Lock()
"""torch's exporter keeps its state in module variables."""


class OnnxUnfit(Exception):
    """ONNX Runtime cannot run this network, or answers otherwise than PyTorch."""


def to_onnx(
    network: nn.Module,
    sample: Tensor,
    outputs: Sequence[str],
    stop: Stop = NEVER,
) -> bytes:
    """By tracing: a second for most networks, where the exporter built on `torch.export` takes five to twelve.

    The input is called images. The first dimension of input and outputs, the batch, is left open.

    Args:
        network: in eval mode.
        sample: two images or more, float [B, 3, H, W].
        outputs: a name for each of them.

    Raises:
        Cancelled: it was asked to stop.
        Exception: whatever the exporter raises on a network that it cannot export.
    """
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
            file,  # type: ignore[arg-type]  # this exporter takes one
            dynamo=False,
            opset_version=_OPSET,
            input_names=["images"],
            output_names=list(outputs),
            dynamic_axes={name: {0: "batch"} for name in ("images", *outputs)},
        )
    stop.check()
    return file.getvalue()


def open_onnx(model: bytes | str) -> onnxruntime.InferenceSession:
    """A session on the CPU, from an ONNX file's bytes or its path."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # errors
    options.intra_op_num_threads = torch.get_num_threads()
    # Threads that wait actively would take the cores from those that decode the next images.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


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
