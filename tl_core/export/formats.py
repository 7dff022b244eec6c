"""The forms a model is taken away in, each written into a file and asked in the way its readers will ask it."""

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
"""From images, float [B, 3, H, W], to logits [B, classes]."""


@dataclass(frozen=True, slots=True)
class Format:
    name: str
    title: str
    file: str
    sentence: str
    """What it is for."""


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
    """Names separated by commas, in our order; 8-bit ONNX is made from ONNX and brings it along.

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
    """In our order, with what they need."""
    chosen = set(wanted) | ({"onnx"} if "int8" in wanted else set())
    return tuple(name for name in FORMATS if name in chosen)


@contextmanager
def as_unfit() -> Iterator[None]:
    """What exporters and runtimes raise, which is anything, as `OnnxUnfit`; what is about the disk, as it is."""
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
    """The whole network: images, float [batch, 3, size, size], to logits; `about` is kept in the file.

    Raises:
        Cancelled: it was asked to stop.
    """
    file.write_bytes(to_onnx(model, torch.zeros(2, 3, size, size), ["logits"], stop))
    describe(file, about)


def describe(file: Path, about: dict[str, str]) -> None:
    """Keep texts in an ONNX file, by name."""
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
    """The same, once it has taken batches of two sizes; raises what its runtime raises where it cannot."""
    for n in (1, 3):
        ask(torch.zeros(n, 3, size, size))
    return ask


def ask_pytorch(model: nn.Module) -> Ask:
    def ask(images: Tensor) -> Tensor:
        with torch.inference_mode():
            return model(images.contiguous(memory_format=torch.channels_last))  # type: ignore[no-any-return]

    return ask
