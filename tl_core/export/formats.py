"""Export formats of a model: how each is written, and how its users run it."""

import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from tl_core.errors import Cancelled, ConfigError
from tl_core.features.onnx_export import OnnxUnfit, open_onnx, to_onnx
from tl_core.stopping import NEVER, Stop

Ask = Callable[[Tensor], Tensor]
"""Function from images, float [B, 3, H, W], to logits [B, classes]."""


@dataclass(frozen=True, slots=True)
class Format:
    name: str
    title: str
    file: str
    sentence: str
    """Purpose."""


FORMATS = {
    each.name: each
    for each in (
        Format(
            "safetensors",
            "PyTorch",
            "model.safetensors",
            "The weights as they are, for PyTorch and for this app; the file cannot run code.",
        ),
        Format(
            "onnx",
            "ONNX",
            "model.onnx",
            "The whole network in a form that runs almost anywhere without PyTorch; predict.py uses it.",
        ),
        Format(
            "int8",
            "ONNX in 8 bits",
            "model.int8.onnx",
            "The same with weights rounded to whole numbers of 8 bits: about a quarter of the size and often faster, "
            "and its answers differ a little.",
        ),
        Format(
            "torchscript",
            "TorchScript",
            "model.torchscript.pt",
            "For programs in C++ or Python that load networks with PyTorch and know nothing of this app.",
        ),
    )
}
USUAL = ("safetensors", "onnx")


def parse_formats(text: str) -> tuple[str, ...]:
    """Read names separated by commas; gives them in the order of `FORMATS`, with what they need.

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
    """Sort formats as in `FORMATS`; 8-bit ONNX is made from ONNX and brings it along."""
    chosen = set(wanted) | ({"onnx"} if "int8" in wanted else set())
    return tuple(name for name in FORMATS if name in chosen)


@contextmanager
def as_unfit() -> Iterator[None]:
    """Turn exceptions of exporters and runtimes into `OnnxUnfit`, except those about the disk."""
    try:
        yield
    except (Cancelled, OnnxUnfit, OSError):
        raise
    except Exception as error:
        first = str(error).splitlines()[:1]
        raise OnnxUnfit(f"{type(error).__name__}: {first[0] if first else ''}") from error


def write_onnx(
    model: nn.Module,
    size: int,
    file: Path,
    about: dict[str, str],
    stop: Stop = NEVER,
) -> None:
    """Write the network from images [batch, 3, size, size] to logits, with `about` as metadata.

    Raises:
        Cancelled: it was asked to stop.
    """
    file.write_bytes(to_onnx(model, torch.zeros(2, 3, size, size), ["logits"], stop))
    describe(file, about)


def describe(file: Path, about: dict[str, str]) -> None:
    """Store texts by name in the metadata of an ONNX file."""
    import onnx

    model = onnx.load(str(file))
    onnx.helper.set_model_props(model, about)
    onnx.save(model, str(file))


def write_torchscript(model: nn.Module, size: int, file: Path) -> None:
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter(
            "ignore"
        )  # of being the older way, and of every shape that becomes a constant
        traced = torch.jit.trace(model, torch.zeros(2, 3, size, size), check_trace=False)  # type: ignore[no-untyped-call]
        traced.save(str(file))


def ask_onnx(file: Path) -> Ask:
    session = open_onnx(str(file))

    def ask(images: Tensor) -> Tensor:
        return torch.from_numpy(
            session.run(None, {"images": np.ascontiguousarray(images.numpy())})[0]
        )

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
    """Return `ask` after trying batches of 1 and of 3; raises whatever its runtime raises."""
    for n in (1, 3):
        ask(torch.zeros(n, 3, size, size))
    return ask


def ask_pytorch(model: nn.Module) -> Ask:
    def ask(images: Tensor) -> Tensor:
        with torch.inference_mode():
            return model(images.contiguous(memory_format=torch.channels_last))  # type: ignore[no-any-return]

    return ask
