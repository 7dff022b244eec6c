"""Weights files from elsewhere: found by name, read as tensors only, or refused with a reason."""

import argparse
import io
import os
import pickle
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file

from tl_core.errors import WeightsMismatch, WeightsUnavailable
from tl_core.weights_files.tensors import list_weights_files, own_weights_file, read_tensors


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "weights").mkdir()
    return tmp_path / "weights"


# Names


def test_the_weights_files_of_all_folders_are_listed_once(folder: Path, tmp_path: Path):
    for name in ("b.pth", "A.safetensors", "c.PT", "notes.txt", ".hidden.pth", "d.onnx"):
        (folder / name).touch()
    (folder / "deeper.pth").mkdir()
    (folder / "deeper.pth" / "e.pth").touch()
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "b.pth").touch()
    folders = [folder, tmp_path / "more", tmp_path / "not there"]
    assert list_weights_files(folders) == ("A.safetensors", "b.pth", "c.PT")
    assert own_weights_file("b.pth", folders) == folder / "b.pth"


def test_a_name_that_is_not_there_is_answered_with_those_that_are(folder: Path):
    with pytest.raises(WeightsUnavailable, match=r"no weights file 'mine\.pth': there is none yet"):
        own_weights_file("mine.pth", [folder])
    (folder / "yours.pth").touch()
    with pytest.raises(WeightsUnavailable, match=r"'mine\.pth': there are yours\.pth\."):
        own_weights_file("mine.pth", [folder])


@pytest.mark.parametrize(
    "name",
    [
        "../secret.pth",
        "{outside}",
        "link.pth",
        "sub/inner.pth",
        "./own.pth",
        "sub/../own.pth",
        "own.pth\0",
        "",
        "..",
        "~",
    ],
)
def test_no_name_leads_out_of_the_folder(folder: Path, tmp_path: Path, name: str):
    outside = tmp_path / "secret.pth"
    torch.save({"a": torch.zeros(1)}, outside)
    (folder / "link.pth").symlink_to(outside)
    (folder / "sub").mkdir()
    for path in (folder / "sub" / "inner.pth", folder / "own.pth"):
        path.touch()
    with pytest.raises(WeightsUnavailable, match=r"there are own\.pth\."):
        own_weights_file(name.format(outside=outside), [folder])


@given(st.text())
def test_any_text_at_all_is_only_ever_a_name(name: str):
    with pytest.raises(WeightsUnavailable):
        own_weights_file(name, [Path("/"), Path("/etc")])


# Content

TENSORS = {"a.weight": torch.arange(6.0).reshape(2, 3), "a.count": torch.tensor(3)}


@pytest.mark.parametrize("suffix", ["safetensors", "pth", "pt", "PTH"])
def test_tensors_come_back_and_without_content_their_shapes(folder: Path, suffix: str):
    file = folder / f"x.{suffix}"
    save_file(TENSORS, file) if suffix == "safetensors" else torch.save(TENSORS, file)
    read, shapes = read_tensors(file), read_tensors(file, shapes_only=True)
    assert all(torch.equal(read[name], tensor) for name, tensor in TENSORS.items())
    kinds = {name: (tensor.shape, tensor.dtype) for name, tensor in TENSORS.items()}
    assert {name: (tensor.shape, tensor.dtype) for name, tensor in shapes.items()} == kinds
    assert all(tensor.is_meta for tensor in shapes.values())


@pytest.mark.parametrize(
    "dtype", [torch.float16, torch.bfloat16, torch.float64, torch.float8_e4m3fn]
)
@pytest.mark.parametrize("suffix", ["safetensors", "pth"])
def test_all_floats_become_float32(folder: Path, dtype: torch.dtype, suffix: str):
    file, tensors = folder / f"x.{suffix}", {"a": torch.tensor([0.5, -2.0]).to(dtype)}
    save_file(tensors, file) if suffix == "safetensors" else torch.save(tensors, file)
    read = read_tensors(file)["a"]
    assert read.dtype == read_tensors(file, shapes_only=True)["a"].dtype == torch.float32
    assert read.tolist() == [0.5, -2.0]


@pytest.mark.parametrize(
    "wrap",
    [
        lambda s: {"state_dict": s, "epoch": 3, "optimizer": {"state": {}}},
        lambda s: {"model": s, "args": argparse.Namespace(lr=0.1)},
        lambda s: {"model": {"state_dict": s}},
        lambda s: {"student": {}, "teacher": s},
        lambda s: s | {"epoch": 3},
        lambda s: {name: torch.nn.Parameter(t, requires_grad=False) for name, t in s.items()},
    ],
)
def test_tensors_are_taken_out_of_what_training_scripts_wrap_around_them(
    folder: Path, wrap: Callable[[dict], dict]
):
    torch.save(wrap(TENSORS), folder / "x.pth")
    assert set(read_tensors(folder / "x.pth")) == set(TENSORS)


@pytest.mark.filterwarnings("ignore:torch.quantize_per_tensor")
def test_tensors_that_no_layer_could_hold_are_left_out(folder: Path):
    odd = {"sparse": torch.eye(3).to_sparse(), "complex": torch.zeros(2, dtype=torch.complex64)}
    odd["quantised"] = torch.quantize_per_tensor(torch.zeros(2), 0.1, 0, torch.qint8)
    torch.save(TENSORS | odd, folder / "x.pth")
    assert set(read_tensors(folder / "x.pth")) == set(TENSORS)


class Malicious:
    def __init__(self, victim: Path) -> None:
        self.victim = victim

    def __reduce__(self):
        return os.mkdir, (str(self.victim),)


@pytest.mark.parametrize("shapes_only", [True, False])
@pytest.mark.parametrize("suffix", ["pth", "pt", "safetensors"])
@pytest.mark.parametrize(
    "write", [torch.save, lambda o, path: path.write_bytes(pickle.dumps(o))], ids=["zip", "raw"]
)
def test_a_malicious_pickle_is_refused_and_not_run(
    folder: Path, tmp_path: Path, write: Callable[..., object], suffix: str, shapes_only: bool
):
    file = folder / f"x.{suffix}"
    write(
        {"model": {"a.weight": Malicious(tmp_path / "owned")}, "args": argparse.Namespace(lr=1)},
        file,
    )
    with pytest.raises(WeightsMismatch, match="cannot be read as plain tensors"):
        read_tensors(file, shapes_only=shapes_only)
    assert not (tmp_path / "owned").exists()


@pytest.mark.parametrize("suffix", ["safetensors", "pth"])
@pytest.mark.parametrize(
    "spoil", [lambda b: b[: len(b) // 2], lambda _: b"", lambda _: b"<html>404</html>" * 99]
)
def test_a_damaged_file_is_refused(folder: Path, suffix: str, spoil: Callable[[bytes], bytes]):
    file = folder / f"x.{suffix}"
    save_file(TENSORS, file) if suffix == "safetensors" else torch.save(TENSORS, file)
    file.write_bytes(spoil(file.read_bytes()))
    for shapes_only in (True, False):
        with pytest.raises(WeightsMismatch, match=rf"{file.name} cannot be read as plain tensors"):
            read_tensors(file, shapes_only=shapes_only)


@pytest.mark.parametrize(
    "content",
    [
        {0: torch.zeros(1)},
        [torch.zeros(1)],
        {"a": 1},
        torch.zeros(1),
        {"state_dict": 3},
        {"model": {}},
        {},
    ],
)
def test_a_file_that_holds_something_else_is_refused(folder: Path, content: object):
    torch.save(content, folder / "x.pth")
    with pytest.raises(WeightsMismatch, match="is not a state dict"):
        read_tensors(folder / "x.pth")


def saved(legacy: bool) -> bytes:
    buffer = io.BytesIO()
    torch.save({"a": [1, "x"], "b": {"c": 2.5}}, buffer, _use_new_zipfile_serialization=not legacy)
    return buffer.getvalue()


@settings(max_examples=60)
@given(
    legacy=st.booleans(),
    shapes_only=st.booleans(),
    changes=st.dictionaries(st.integers(0, 5000), st.integers(0, 255), min_size=1, max_size=8),
)
def test_whatever_the_bytes_are_the_refusal_is_a_sentence(
    tmp_path_factory: pytest.TempPathFactory,
    legacy: bool,
    shapes_only: bool,
    changes: dict[int, int],
):
    content = bytearray(saved(legacy))
    for place, value in changes.items():
        content[place % len(content)] = value
    file = tmp_path_factory.mktemp("bytes") / "x.pth"
    file.write_bytes(content)
    with pytest.raises(WeightsMismatch):
        read_tensors(file, shapes_only=shapes_only)
