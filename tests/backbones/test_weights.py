"""Weights are found, checked and loaded; those that do not fit, or cannot be had, are refused in a sentence."""

import hashlib
import io
import os
import pickle
import socketserver
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file

from tl_core.backbones import CATALOG, Backbone, build_library_model, ensure_weights, find_weights, load_weights
from tl_core.errors import Cancelled, WeightsMismatch, WeightsUnavailable

BACKBONE = CATALOG["mobilenet_v2"]
SHARED = Path(__file__).parents[3] / "shared" / "weights"


@pytest.fixture(scope="module")
def state() -> dict[str, torch.Tensor]:
    """What a weights file of the backbone would hold."""
    torch.manual_seed(3)
    return build_library_model(BACKBONE).state_dict()


@pytest.fixture(autouse=True)
def empty_hub(tmp_path: Path) -> Iterator[Path]:
    """A hub cache of the test's own, so that nothing from this machine's is found."""
    before = torch.hub.get_dir()
    torch.hub.set_dir(str(tmp_path / "hub"))
    yield tmp_path / "hub"
    torch.hub.set_dir(before)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "weights").mkdir()
    return tmp_path / "weights"


def save(state: dict[str, torch.Tensor], folder: Path, suffix: str) -> None:
    path = folder / f"{BACKBONE.name}.{suffix}"
    if suffix == "safetensors":
        save_file(state, path)
    else:
        torch.save(state, path)


def features(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {name: tensor for name, tensor in state.items() if not name.startswith("classifier.")}


def at(url: str) -> Backbone:
    """The backbone, had its weights lain there."""
    return replace(BACKBONE, weights=replace(BACKBONE.weights, url=url))


# The folder


@pytest.mark.parametrize("suffix", ["safetensors", "pth"])
@pytest.mark.parametrize("with_classifier", [True, False])
def test_a_file_of_the_folder_is_loaded(state: dict, folder: Path, suffix: str, with_classifier: bool):
    save(state if with_classifier else features(state), folder, suffix)
    model = build_library_model(BACKBONE)
    ensure_weights(BACKBONE, folder)
    assert load_weights(BACKBONE, model, folder) == f"{BACKBONE.name}.{suffix}"
    loaded = model.state_dict()
    assert all(torch.equal(loaded[name], tensor) for name, tensor in features(state).items())
    assert not torch.equal(loaded["classifier.1.weight"], state["classifier.1.weight"])


def test_weights_saved_inside_a_training_checkpoint_are_found(state: dict, folder: Path):
    torch.save({"state_dict": state}, folder / f"{BACKBONE.name}.pth")
    ensure_weights(BACKBONE, folder)


def spoil_shape(state: dict) -> None:
    state["features.18.0.weight"] = torch.zeros(64, 320, 1, 1)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda s: s.pop("features.1.conv.0.0.weight"), ["it lacks features.1.conv.0.0.weight"]),
        (lambda s: s.update({"fc.weight": torch.zeros(2)}), ["it has the unknown fc.weight"]),
        (spoil_shape, ["features.18.0.weight is 64 × 320 × 1 × 1, not 1280 × 320 × 1 × 1"]),
        (lambda s: [s.pop(name) for name in list(s) if name.startswith("features.17.")], ["it lacks", " and 11 more"]),
        (
            lambda s: (s.pop("features.0.0.weight"), s.update({"x": torch.zeros(1)}), spoil_shape(s)),
            ["it lacks features.0.0.weight", "it has the unknown x", "features.18.0.weight is"],
        ),
    ],
    ids=["missing", "unknown", "shape", "many", "all at once"],
)
def test_a_file_that_does_not_fit_is_refused_with_what_does_not(
    state: dict, folder: Path, spoil: Callable[[dict], object], words: list[str]
):
    spoilt = dict(state)
    spoil(spoilt)
    save(spoilt, folder, "safetensors")
    model = build_library_model(BACKBONE)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    for attempt in (lambda: ensure_weights(BACKBONE, folder), lambda: load_weights(BACKBONE, model, folder)):
        with pytest.raises(WeightsMismatch) as refusal:
            attempt()
        assert all(word in str(refusal.value) for word in [BACKBONE.name, *words])
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())


class Malicious:
    def __init__(self, victim: Path) -> None:
        self.victim = victim

    def __reduce__(self):
        return os.mkdir, (str(self.victim),)


@pytest.mark.parametrize("write", [torch.save, lambda o, path: path.write_bytes(pickle.dumps(o))], ids=["zip", "raw"])
def test_a_malicious_pickle_is_refused_and_not_run(folder: Path, tmp_path: Path, write: Callable[..., object]):
    write({"features.0.0.weight": Malicious(tmp_path / "owned")}, folder / f"{BACKBONE.name}.pth")
    with pytest.raises(WeightsMismatch, match="cannot be read as plain tensors"):
        ensure_weights(BACKBONE, folder)
    assert not (tmp_path / "owned").exists()


@pytest.mark.parametrize("suffix", ["safetensors", "pth"])
@pytest.mark.parametrize("spoil", [lambda b: b[: len(b) // 2], lambda _: b"", lambda _: b"<html>404</html>" * 99])
def test_a_damaged_file_is_refused(state: dict, folder: Path, suffix: str, spoil: Callable[[bytes], bytes]):
    save(state, folder, suffix)
    file = folder / f"{BACKBONE.name}.{suffix}"
    file.write_bytes(spoil(file.read_bytes()))
    with pytest.raises(WeightsMismatch, match=rf"{file.name} cannot be read as plain tensors"):
        ensure_weights(BACKBONE, folder)


@pytest.mark.parametrize(
    "content", [{0: torch.zeros(1)}, [torch.zeros(1)], {"a": 1}, torch.zeros(1), {"state_dict": 3}]
)
def test_a_file_that_holds_something_else_is_refused(folder: Path, content: object):
    torch.save(content, folder / f"{BACKBONE.name}.pth")
    with pytest.raises(WeightsMismatch, match="is not a state dict"):
        ensure_weights(BACKBONE, folder)


def saved(legacy: bool) -> bytes:
    buffer = io.BytesIO()
    torch.save({"a": torch.zeros(2), "b": [1, "x"]}, buffer, _use_new_zipfile_serialization=not legacy)
    return buffer.getvalue()


@settings(max_examples=60)
@given(legacy=st.booleans(), changes=st.dictionaries(st.integers(0, 5000), st.integers(0, 255), min_size=1, max_size=8))
def test_whatever_the_bytes_are_the_refusal_is_a_sentence(
    tmp_path_factory: pytest.TempPathFactory, legacy: bool, changes: dict[int, int]
):
    content = bytearray(saved(legacy))
    for place, value in changes.items():
        content[place % len(content)] = value
    folder = tmp_path_factory.mktemp("bytes")
    (folder / f"{BACKBONE.name}.pth").write_bytes(content)
    with pytest.raises(WeightsMismatch):
        ensure_weights(BACKBONE, folder)


def test_the_folder_comes_before_the_hubs_cache(state: dict, folder: Path, empty_hub: Path):
    cached = empty_hub / "checkpoints" / BACKBONE.weights.url.rsplit("/", 1)[-1]
    cached.parent.mkdir(parents=True)
    torch.save(state, cached)
    assert find_weights(BACKBONE, folder) == find_weights(BACKBONE, None) == cached
    save(state, folder, "pth")
    assert find_weights(BACKBONE, folder) == folder / f"{BACKBONE.name}.pth"
    save(state, folder, "safetensors")
    assert find_weights(BACKBONE, folder) == folder / f"{BACKBONE.name}.safetensors"


@pytest.mark.parametrize("suffix", ["safetensors", "pth"])
def test_real_weights_without_a_classifier_load(tmp_path: Path, suffix: str):
    if not (SHARED / f"mobilenet_v2.{suffix}").is_file():
        pytest.skip("there are no real weights in shared/weights beside the repository")
    model = build_library_model(BACKBONE)
    ensure_weights(BACKBONE, SHARED)
    (tmp_path / f"mobilenet_v2.{suffix}").symlink_to(SHARED / f"mobilenet_v2.{suffix}")
    assert load_weights(BACKBONE, model, tmp_path) == f"mobilenet_v2.{suffix}"
    assert model.state_dict()["features.0.1.num_batches_tracked"].ndim == 0
    assert model.state_dict()["features.0.1.running_var"].std() > 0


# The hub


class Hub(BaseHTTPRequestHandler):
    """Serves one file; `cut` of its bytes go missing on the way."""

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
    """(the server's settings, URL of its root, name of the file with the start of its hash)."""
    buffer = io.BytesIO()
    torch.save(state, buffer)
    settings_ = type("TestHub", (Hub,), {"content": buffer.getvalue(), "requests": []})
    with ThreadingHTTPServer(("127.0.0.1", 0), settings_) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        name = f"net-{hashlib.sha256(settings_.content).hexdigest()[:8]}.pth"
        yield settings_, f"http://127.0.0.1:{server.server_port}", name
        server.shutdown()


def test_weights_are_fetched_from_the_hub_once(state: dict, hub: tuple[type[Hub], str, str]):
    served, root, name = hub
    backbone = at(f"{root}/{name}")
    ensure_weights(backbone, None)
    assert served.requests == ["HEAD"]
    for _ in range(2):
        model = build_library_model(backbone)
        load_weights(backbone, model, None)
        assert torch.equal(model.state_dict()["features.0.0.weight"], state["features.0.0.weight"])
    assert served.requests == ["HEAD", "GET"]


@pytest.mark.parametrize("fault", ["other content", "cut off"])
def test_a_download_that_is_not_the_file_asked_for_is_refused(hub: tuple[type[Hub], str, str], fault: str):
    served, root, name = hub
    served.cut = 1000 * (fault == "cut off")
    backbone = at(f"{root}/{name if fault == 'cut off' else 'net-0123abcd.pth'}")
    with pytest.raises(WeightsUnavailable, match=r"Connect to the internet, or put mobilenet_v2\.safetensors"):
        load_weights(backbone, build_library_model(backbone), None)
    assert find_weights(backbone, None) is None


class Rubbish(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        self.request.recv(1000)
        self.request.sendall(b"hello, this is no web server\n")


class Silence(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        time.sleep(5)


@pytest.fixture
def listening(request: pytest.FixtureRequest) -> Iterator[str]:
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), request.param) as server:
        server.daemon_threads, server.block_on_close = True, False
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/net-0123abcd.pth"
        server.shutdown()


@pytest.mark.parametrize("listening", [Rubbish], indirect=True)
def test_something_that_is_no_hub_counts_as_none(listening: str):
    for attempt in (
        lambda: ensure_weights(at(listening), None),
        lambda: load_weights(at(listening), build_library_model(BACKBONE), None),
    ):
        with pytest.raises(WeightsUnavailable):
            attempt()


@pytest.mark.parametrize("listening", [Silence], indirect=True)
def test_a_download_that_hangs_can_be_stopped(listening: str):
    asked_at = time.monotonic() + 0.5
    with pytest.raises(Cancelled):
        load_weights(at(listening), build_library_model(BACKBONE), None, lambda: time.monotonic() > asked_at)
    assert time.monotonic() - asked_at < 2


def test_out_of_reach_says_what_to_do(closed_port: int, folder: Path):
    backbone = at(f"http://127.0.0.1:{closed_port}/net-0123abcd.pth")
    for given_folder, words in ((None, "set TRANSFERLAB_WEIGHTS to it"), (folder, f"weights folder {folder}")):
        for attempt in (ensure_weights, lambda b, f: load_weights(b, build_library_model(b), f)):
            with pytest.raises(WeightsUnavailable) as refusal:
                attempt(backbone, given_folder)
            assert words in str(refusal.value)
            assert "mobilenet_v2.safetensors or mobilenet_v2.pth" in str(refusal.value)
