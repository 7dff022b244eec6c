"""Weights files are looked into by a process that may die, and none keeps it for long."""

import io
import pickle
import struct
import zipfile
from collections import OrderedDict
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from tl_core.errors import WeightsMismatch, WeightsUnavailable
from tl_core.weights_files.look import _ALLOWANCE, look_into
from tl_core.weights_files.tensors import read_tensors

TENSORS = {"a.weight": torch.arange(6.0).reshape(2, 3), "a.count": torch.tensor(3)}


def saved(content: object) -> bytes:
    buffer = io.BytesIO()
    torch.save(content, buffer)
    return buffer.getvalue()


def packed(content: bytes) -> bytes:
    """Pack the parts of a file that torch has saved, as torch never does."""
    buffer = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(content)) as given,
        zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as out,
    ):
        for entry in given.infolist():
            out.writestr(entry.filename, given.read(entry))
    return buffer.getvalue()


def announcing(content: bytes, size: int) -> bytes:
    """Write another size of the first part into a zip's directory."""
    place = content.index(b"PK\x01\x02")
    sizes = struct.pack("<II", size, size)
    return content[: place + 20] + sizes + content[place + 28 :]


def holding_itself() -> dict[str, object]:
    table: dict[str, object] = {}
    table["state_dict"] = table
    return table


def nested(depth: int) -> dict[str, object]:
    table: dict[str, object] = dict(TENSORS)
    for _ in range(depth):
        table = {"model": table}
    return table


class Code:
    def __reduce__(self) -> tuple[object, ...]:
        return (exec, ("raise SystemExit",))


class Busy:
    """Tuple of tuples whose digest takes for ever, since each holds the one before it twice."""

    def __reduce__(self) -> tuple[object, ...]:
        twice: object = ()
        for _ in range(200):
            twice = (twice, twice)
        return (OrderedDict, ([(twice, 1)],))


HARM = {
    "holds itself": (saved(holding_itself()), "is not a state dict"),
    "too deep": (saved(nested(20)), "is not a state dict"),
    "zip bomb": (packed(saved({"a": torch.zeros(10**6)})), r"would unpack to more than its [\d,]+"),
    "announced size": (announcing(saved(TENSORS), 2**31), "would unpack to more"),
    "repeated value": (
        saved({"a.weight": torch.zeros(1).expand(10**6, 10**6)}),
        "announces more values of a.weight than it holds",
    ),
    "code": (saved({"a": Code()}), "it holds exec, which is code and no tensor"),
    "raw code": (pickle.dumps({"a": Code()}, 2), "it holds exec, which is code and no tensor"),
}


@pytest.mark.parametrize("name", HARM)
def test_a_file_made_to_do_harm_is_refused_with_a_sentence(tmp_path: Path, name: str):
    content, sentence = HARM[name]
    file = tmp_path / "x.pth"
    file.write_bytes(content)
    for read in (look_into, read_tensors):
        with pytest.raises(WeightsMismatch, match=rf"x\.pth.*{sentence}"):
            read(file)


@pytest.mark.parametrize("suffix", ["pth", "safetensors"])
def test_a_sound_file_gives_the_shapes_that_this_process_would_read(tmp_path: Path, suffix: str):
    file = tmp_path / f"x.{suffix}"
    save_file(TENSORS, file) if suffix == "safetensors" else torch.save(TENSORS, file)
    here = read_tensors(file, shapes_only=True)
    there = look_into(file)
    assert {name: (each.shape, each.dtype, each.is_meta) for name, each in there.items()} == {
        name: (each.shape, each.dtype, True) for name, each in here.items()
    }


def test_what_takes_too_long_is_ended_with_a_sentence(tmp_path: Path):
    file = tmp_path / "x.pth"
    file.write_bytes(saved({"a": Busy()}))
    with pytest.raises(WeightsMismatch, match=r"x\.pth takes too long"):
        look_into(file, replace(_ALLOWANCE, cpu_seconds=1))


def test_what_takes_too_much_memory_is_ended_with_a_sentence(tmp_path: Path):
    file = tmp_path / "x.pth"
    # A gigabyte of text that a pickle announces is read into memory at once.
    file.write_bytes(b"\x80\x02X" + struct.pack("<I", 2**31 - 1) + b"x" * 100)
    with pytest.raises(WeightsMismatch, match=r"x\.pth (cannot be read|takes too much memory)"):
        look_into(file, replace(_ALLOWANCE, memory=2**27))


def test_a_file_that_has_gone_is_said_to_be_gone(tmp_path: Path):
    with pytest.raises(WeightsUnavailable, match=r"x\.pth cannot be read \(No such file"):
        look_into(tmp_path / "x.pth")
