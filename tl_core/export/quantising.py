"""8-bit ONNX: static quantisation for convolutional networks, dynamic for all others."""

from collections import Counter
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tl_core.cancellation import NEVER, Stop
from tl_core.features import Examples
from tl_core.features.onnx_export import OnnxUnfit

CALIBRATED_ON = 32
"""Number of training images that determine the ranges of the activations."""


def write_int8(
    source: Path,
    target: Path,
    training: Examples | None,
    stop: Stop = NEVER,
) -> str:
    """Quantise the ONNX file `source` to `target`.

    Args:
        training: images without augmentation, for calibration; None if there are none.

    Returns:
        Sentence on the method.

    Raises:
        OnnxUnfit: calibration needs images and there are none.
        Cancelled: the work was asked to stop.
    """
    # These take a second to import, and only exports need them.
    from onnxruntime import quantization as q
    from onnxruntime.quantization.shape_inference import quant_pre_process

    # Beside the target: the system's temporary folder may be too small for a model.
    with TemporaryDirectory(dir=target.parent) as folder:
        prepared = Path(folder) / "prepared.onnx"
        quant_pre_process(str(source), str(prepared), skip_symbolic_shape=True)
        if not _is_convolutional(prepared):
            q.quantize_dynamic(
                str(prepared),
                str(target),
                # Convolutions hold the smaller part of these networks' weights, and stay in float.
                op_types_to_quantize=["MatMul", "Gemm"],
                # Output channels differ in range, so a common scale would cost the small ones their
                # precision.
                per_channel=True,
            )
            return (
                "Weights are stored in 8 bits; the ranges of the activations are determined for "
                "each image (dynamic quantisation)."
            )
        if training is None:
            raise OnnxUnfit("quantising it takes training images")
        reader = _Reader(training, stop)
        q.quantize_static(
            str(prepared),
            str(target),
            reader,
            # The format that runtimes other than ONNX Runtime read, too.
            quant_format=q.QuantFormat.QDQ,
            per_channel=True,
            # With unsigned activations, processors without VNNI instructions sum products in 16
            # bits, which saturate.
            activation_type=q.QuantType.QInt8,
            weight_type=q.QuantType.QInt8,
            calibrate_method=q.CalibrationMethod.MinMax,
        )
        return (
            "Weights and activations are in 8 bits; the ranges of the activations were determined "
            f"on {reader.n} training images (static quantisation)."
        )


class _Reader:
    """Training images, given to the calibration one by one."""

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
        if image is None:
            return None
        self.n += 1
        return {"images": np.ascontiguousarray(image)}

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return iter(self.get_next, None)  # type: ignore[arg-type]

    def set_range(self, start_index: int, end_index: int) -> None:
        """Do nothing: the interface demands this method, but only calibration in steps calls it."""


def _is_convolutional(file: Path) -> bool:
    """Return True if convolutions hold more weights than matrix products do."""
    import onnx

    graph = onnx.load(str(file)).graph
    sizes = {weights.name: int(np.prod(weights.dims)) for weights in graph.initializer}
    weights_in: Counter[str] = Counter()
    for node in graph.node:
        weights_in[node.op_type] += sum(sizes.get(name, 0) for name in node.input)
    return weights_in["Conv"] > weights_in["MatMul"] + weights_in["Gemm"]
