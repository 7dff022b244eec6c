import io
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import save

from tl_core.backbones import list_backbones, list_weights_files
from tl_core.errors import ConfigError
from tl_ui.train.backbones import describe_backbone, matching, table_row
from tl_ui.train.weights import choice_of, keep_weights_file, plain_name, weights_words


def test_the_search_looks_for_every_word():
    assert matching("") == list(list_backbones())
    assert "resnet18" in {backbone.name for backbone in matching("ResNet 18")}
    assert matching("no such network") == []


def test_every_backbone_has_a_row_and_a_description(monkeypatch, tmp_path):
    monkeypatch.setattr("tl_ui.train.backbones._folders", lambda: [tmp_path])
    rows = [table_row(backbone, {}) for backbone in list_backbones()]
    assert len({row["Name"] for row in rows}) == len(rows)
    assert all(row.keys() == rows[0].keys() for row in rows)
    for backbone in list_backbones():
        assert describe_backbone(backbone).endswith(".")


def weights(suffix=".safetensors"):
    if suffix == ".safetensors":
        return io.BytesIO(save({"conv.weight": torch.zeros(2, 3)}))
    file = io.BytesIO()
    torch.save({"conv.weight": torch.zeros(2, 3)}, file)
    file.seek(0)
    return file


@pytest.mark.parametrize("suffix", [".safetensors", ".pth"])
def test_an_uploaded_file_is_among_the_weights_files(tmp_path, suffix):
    folder = tmp_path / "weights"
    first = keep_weights_file(weights(suffix), f"my net{suffix}", folder)
    second = keep_weights_file(weights(suffix), f"my net{suffix}", folder)
    assert (first, second) == (f"my-net{suffix}", f"my-net-2{suffix}")
    assert list_weights_files([folder]) == tuple(sorted((first, second)))


def test_other_files_are_refused_with_a_message_and_not_stored(tmp_path):
    for name, content in (("a.exe", b"MZ"), ("a.pth", b"broken"), ("a.safetensors", b"\xff" * 20)):
        with pytest.raises(ConfigError, match="weights file"):
            keep_weights_file(io.BytesIO(content), name, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_code_in_a_file_is_not_run(tmp_path):
    import pickle

    class Evil:
        def __reduce__(self):
            return (Path.touch, (tmp_path / "ran",))

    with pytest.raises(ConfigError):
        keep_weights_file(io.BytesIO(pickle.dumps(Evil())), "evil.pth", tmp_path / "weights")
    assert not (tmp_path / "ran").exists()


@given(st.text(max_size=200))
def test_a_name_becomes_a_single_plain_path_component(name):
    stem, suffix = plain_name(name)
    assert stem.replace("-", "").replace("_", "").replace(".", "").isalnum()
    assert not stem.startswith((".", "-"))
    assert Path(stem + suffix).name == stem + suffix
    assert len(stem) < 100


def test_an_upload_never_gets_the_name_of_a_backbone():
    assert plain_name("../../resnet18.pth") == ("own-resnet18", ".pth")


@pytest.mark.parametrize(
    ("pretrained", "weights", "choice"),
    [
        (True, "imagenet", "imagenet"),
        (False, "imagenet", "random"),
        (True, "file:a.pth", "file:a.pth"),
        (True, "hf:a/b", "hf:"),
    ],
)
def test_the_list_of_weights_stands_for_two_settings(pretrained, weights, choice):
    assert choice_of(pretrained, weights) == choice
    assert weights_words(choice)
