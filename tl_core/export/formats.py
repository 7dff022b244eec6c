"""Export formats of a model: writing each, and running it."""

import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from tl_core.cancellation import NEVER, Stop
from tl_core.errors import Cancelled, ConfigError
from tl_core.features.onnx_export import OnnxUnfit, open_onnx, to_onnx
from tl_core.text import without_folders

Ask = Callable[[Tensor], Tensor]
"""Function from images, float [B, 3, H, W], to logits [B, classes]."""


@dataclass(frozen=True, slots=True)
class Format:
    name: str
    title: str
    file: str
    sentence: str
    """Purpose, as a sentence."""


FORMATS = {
    each.name: each
    for each in (
        Format(
            "safetensors",
            "PyTorch",
            "model.safetensors",
            "The weights, unchanged, for PyTorch and for this app; the file cannot run code.",
        ),
        Format(
            "onnx",
            "ONNX",
            "model.onnx",
            "The whole network, which runs almost anywhere without PyTorch; predict.py uses it.",
        ),
        Format(
            "int8",
            "ONNX in 8 bits",
            "model.int8.onnx",
            "The same with weights quantised to 8-bit integers: about a quarter of the size and "
            "often faster; its predictions differ a little.",
        ),
        Format(
            "torchscript",
            "TorchScript",
            "model.torchscript.pt",
            "For C++ or Python programs that load the network with PyTorch, without this app.",
        ),
    )
}
USUAL = ("safetensors", "onnx")


def parse_formats(text: str) -> tuple[str, ...]:
    """Read names separated by commas; return them, and formats they need, as `choose_formats`.

    Raises:
        ConfigError: there is no format of that name.
    """
    wanted = {part.strip().lower() for part in text.split(",")} - {""}
    for name in sorted(wanted - FORMATS.keys()):
        near = get_close_matches(name, FORMATS, 1)
        meant = f"did you mean {near[0]}?" if near else f"there are {', '.join(FORMATS)}."
        raise ConfigError(f"There is no format called {name!r}; {meant}")
    return choose_formats(wanted or USUAL)


def choose_formats(wanted: Iterable[str]) -> tuple[str, ...]:
    """Sort formats as in `FORMATS`; 8-bit ONNX is made from ONNX, which is added."""
    chosen = set(wanted)
    if "int8" in chosen:
        chosen.add("onnx")
    return tuple(name for name in FORMATS if name in chosen)


@contextmanager
def as_unfit() -> Iterator[None]:
    """Turn exceptions of exporters and runtimes into `OnnxUnfit`, except errors of the disk."""
    try:
        yield
    except (Cancelled, OnnxUnfit, OSError):
        raise
    # Exporters and runtimes raise almost any exception for a network that they do not support.
    except Exception as error:
        first_line = without_folders(str(error).partition("\n")[0])
        raise OnnxUnfit(f"{type(error).__name__}: {first_line}") from error


def write_onnx(
    model: nn.Module,
    size: int,
    file: Path,
    metadata: dict[str, str],
    stop: Stop = NEVER,
) -> None:
    """Write the network from images [batch, 3, size, size] to logits, with its metadata.

    Raises:
        Cancelled: the work was asked to stop.
    """
    # Two images, so that tracing does not mistake the batch for an axis of length 1.
    file.write_bytes(to_onnx(model, torch.zeros(2, 3, size, size), ["logits"], stop))
    set_metadata(file, metadata)


def set_metadata(file: Path, metadata: dict[str, str]) -> None:
    """Store texts by name in the metadata of an ONNX file."""
    import onnx

    model = onnx.load(str(file))
    onnx.helper.set_model_props(model, metadata)
    onnx.save(model, str(file))


def write_torchscript(model: nn.Module, size: int, file: Path) -> None:
    with warnings.catch_warnings(), torch.no_grad():
        # torch warns of a deprecated API, and of every shape that becomes a constant.
        warnings.simplefilter("ignore")
        # Without tracing's own check, since the parity check compares the file on real images.
        traced = torch.jit.trace(model, torch.zeros(2, 3, size, size), check_trace=False)  # type: ignore[no-untyped-call]
        traced.save(str(file))


def ask_onnx(file: Path) -> Ask:
    session = open_onnx(str(file))

    def ask(images: Tensor) -> Tensor:
        inputs = {"images": np.ascontiguousarray(images.numpy())}
        return torch.from_numpy(session.run(None, inputs)[0])

    return ask


def ask_torchscript(file: Path) -> Ask:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        network = torch.jit.load(str(file))  # type: ignore[no-untyped-call]

    def ask(images: Tensor) -> Tensor:
        with torch.inference_mode():
            return network(images)  # type: ignore[no-any-return]

    return ask


def tried(ask: Ask, size: int) -> Ask:
    """Return `ask` after trying it on batches of 1 and 3.

    Raises:
        Exception: any error of the format's runtime.
    """
    # Tracing may have fixed the batch size, which only another size reveals.
    for n in (1, 3):
        ask(torch.zeros(n, 3, size, size))
    return ask


def ask_pytorch(model: nn.Module) -> Ask:
    def ask(images: Tensor) -> Tensor:
        with torch.inference_mode():
            # The app's own layout, which changes how convolutions round.
            return model(images.contiguous(memory_format=torch.channels_last))  # type: ignore[no-any-return]

    return ask
