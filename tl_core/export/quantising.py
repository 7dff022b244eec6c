"""8-bit ONNX: calibrated on training images for convolutional networks, dynamic for others."""

from collections import Counter
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tl_core.features import Examples
from tl_core.features.onnx_export import OnnxUnfit
from tl_core.stopping import NEVER, Stop

CALIBRATED_ON = 32
"""Number of training images from which the ranges of activations are taken."""


def write_int8(
    source: Path,
    target: Path,
    training: Examples | None,
    stop: Stop = NEVER,
) -> str:
    """Make `target` from `source`, an ONNX file.

    Args:
        training: images as they are, for calibration; None where there are none.

    Returns:
        How it was done, a sentence.

    Raises:
        OnnxUnfit: it takes images and there are none.
        Cancelled: it was asked to stop.
    """
    # They take a second to import, and only exports need them.
    from onnxruntime import quantization as q
    from onnxruntime.quantization.shape_inference import quant_pre_process

    with TemporaryDirectory(dir=target.parent) as folder:
        prepared = Path(folder) / "prepared.onnx"
        quant_pre_process(str(source), str(prepared), skip_symbolic_shape=True)
        if not _is_convolutional(prepared):
            q.quantize_dynamic(
                str(prepared),
                str(target),
                op_types_to_quantize=["MatMul", "Gemm"],
                per_channel=True,
            )
            return "Weights in 8 bits; the ranges of activations are found anew for each image (dynamic)."
        if training is None:
            raise OnnxUnfit("rounding it takes training images")
        reader = _Reader(training, stop)
        q.quantize_static(
            str(prepared),
            str(target),
            reader,
            quant_format=q.QuantFormat.QDQ,
            per_channel=True,
            # With unsigned activations, processors without the newest instructions add products up in 16 bits.
            activation_type=q.QuantType.QInt8,
            weight_type=q.QuantType.QInt8,
            calibrate_method=q.CalibrationMethod.MinMax,
        )
        return (
            f"Weights and activations in 8 bits; the ranges of activations were taken from {reader.n} training images "
            "(static)."
        )


class _Reader:
    """Gives calibration one image after the other."""

    def __init__(self, training: Examples, stop: Stop) -> None:
        self._images = self._each(training)
        self._stop = stop
        self.n = 0

    def _each(self, training: Examples) -> Iterator[NDArray[np.float32]]:
        images = (
            batch.inputs[i : i + 1].numpy()
            for batch in training.once()
            for i in range(len(batch.inputs))
        )
        yield from islice(images, CALIBRATED_ON)

    def get_next(self) -> dict[str, Any] | None:
        self._stop.check()
        image = next(self._images, None)
        self.n += image is not None
        return None if image is None else {"images": np.ascontiguousarray(image)}

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return iter(self.get_next, None)  # type: ignore[arg-type]

    def set_range(self, start_index: int, end_index: int) -> None:
        """Part of the interface; only asked for where calibration goes in steps."""


def _is_convolutional(file: Path) -> bool:
    """Whether most of its weights lie in convolutions rather than in matrix products, as a transformer's do."""
    import onnx

    graph = onnx.load(str(file)).graph
    sizes = {weights.name: int(np.prod(weights.dims)) for weights in graph.initializer}
    held: Counter[str] = Counter()
    for node in graph.node:
        held[node.op_type] += sum(sizes.get(name, 0) for name in node.input)
    return held["Conv"] > held["MatMul"] + held["Gemm"]
