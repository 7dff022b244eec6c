"""Weights from Hugging Face: its client talks to a local server that imitates the hub."""

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import torch
from huggingface_hub import constants
from safetensors.torch import save
from torch import nn

from tl_core.backbones import weights_hub
from tl_core.backbones.catalog import Backbone, get_backbone
from tl_core.backbones.library import build_library_model
from tl_core.backbones.weights import ensure_weights, find_weights, load_weights
from tl_core.cancellation import Stop
from tl_core.config import ModelConfig
from tl_core.errors import Cancelled, WeightsMismatch, WeightsUnavailable

SQUEEZENET = get_backbone("squeezenet1_1")
TIMM = get_backbone("tf_mobilenetv3_small_minimal_100.in1k")
REPO = "someone/her.net_1"


def from_hub(repo: str = REPO) -> ModelConfig:
    return ModelConfig(backbone=SQUEEZENET.name, weights=f"hf:{repo}")


@pytest.fixture(scope="module")
def state() -> dict[str, torch.Tensor]:
    torch.manual_seed(5)
    return dict(build_library_model(SQUEEZENET).state_dict())


@dataclass
class Hub:
    """Repositories by OWNER/NAME with their files, and the requests so far."""

    repos: dict[str, dict[str, bytes]] = field(default_factory=dict)
    gated: set[str] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)
    sent: int = 0

    def handler(self) -> type[BaseHTTPRequestHandler]:
        hub = self

        class Handler(BaseHTTPRequestHandler):
            def do_HEAD(self) -> None:
                self.answer()

            def do_GET(self) -> None:
                self.answer()

            def answer(self) -> None:
                hub.asked.append(f"{self.command} {self.path}")
                *start, owner, name = self.path.split("/resolve/")[0].split("/")
                repo, file = f"{owner}/{name}", self.path.partition("/resolve/main/")[2]
                if repo not in hub.repos:
                    self.send(404, error="RepoNotFound")
                elif repo in hub.gated and file:
                    self.send(403, error="GatedRepo")
                elif "api" in start:
                    files = [{"rfilename": file} for file in hub.repos[repo]]
                    self.send(
                        200, json.dumps({"id": repo, "modelId": repo, "siblings": files}).encode()
                    )
                elif file not in hub.repos[repo]:
                    self.send(404, error="EntryNotFound")
                else:
                    self.send_part(hub.repos[repo][file])

            def send_part(self, content: bytes) -> None:
                if "range" not in self.headers:
                    return self.send(200, content)
                first, last = map(int, self.headers["range"].removeprefix("bytes=").split("-"))
                return self.send(206, content[first : last + 1])

            def send(self, status: int, content: bytes = b"", error: str = "") -> None:
                self.send_response(status)
                self.send_header("Content-Length", str(len(content)))
                self.send_header("ETag", f'"{len(content)}"')
                self.send_header("X-Repo-Commit", "c0ffee" * 6 + "c0ff")
                if error:
                    self.send_header("X-Error-Code", error)
                self.end_headers()
                if self.command == "GET":
                    self.wfile.write(content)
                    hub.sent += len(content)

            def log_message(self, *_: object) -> None: ...

        return Handler


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Use empty caches, so that nothing on this machine is found."""
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path / "torch"))
    return tmp_path / "cache"


def point_to(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Set the endpoint, like HF_ENDPOINT before the process starts."""
    monkeypatch.setattr(constants, "ENDPOINT", f"http://127.0.0.1:{port}")
    template = f"http://127.0.0.1:{port}/{{repo_id}}/resolve/{{revision}}/{{filename}}"
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    served = Hub()
    with ThreadingHTTPServer(("127.0.0.1", 0), served.handler()) as server:
        threading.Thread(target=server.serve_forever, args=[0.01], daemon=True).start()
        point_to(server.server_port, monkeypatch)
        yield served
        server.shutdown()


@pytest.fixture
def no_hub(monkeypatch: pytest.MonkeyPatch, closed_port: int) -> None:
    point_to(closed_port, monkeypatch)


def fresh(backbone: Backbone = SQUEEZENET) -> nn.Module:
    return build_library_model(backbone)


# Somebody's model


@pytest.mark.parametrize("file", ["model.safetensors", "weights-v2.safetensors"])
def test_somebodys_model_is_checked_by_its_header_then_fetched_once_and_then_works_offline(
    hub: Hub, state: dict, file: str, monkeypatch: pytest.MonkeyPatch, closed_port: int
):
    hub.repos[REPO] = {file: save(state), "README.md": b"hello", "config.json": b"{}"}
    ensure_weights(SQUEEZENET, from_hub(), [])
    assert hub.sent < len(hub.repos[REPO][file]) / 10
    model = fresh()
    report = load_weights(SQUEEZENET, model, from_hub(), [])
    assert report.sentence == f"All 50 tensors of the backbone come from {REPO} on Hugging Face."
    assert torch.equal(model.state_dict()["features.0.weight"], state["features.0.weight"])
    point_to(closed_port, monkeypatch)
    ensure_weights(SQUEEZENET, from_hub(), [])
    again = fresh()
    assert load_weights(SQUEEZENET, again, from_hub(), []) == report
    assert torch.equal(again.state_dict()["features.0.weight"], state["features.0.weight"])


def test_of_several_files_the_one_with_the_usual_name_is_taken(hub: Hub, state: dict):
    hub.repos[REPO] = {
        "open_clip.safetensors": b"",
        "model.safetensors": save(state),
        "onnx/model.safetensors": b"",
    }
    assert load_weights(SQUEEZENET, fresh(), from_hub(), []).fitted == 50


def test_a_model_in_half_precision_does_as_well(hub: Hub, state: dict):
    hub.repos[REPO] = {
        "model.safetensors": save({name: tensor.half() for name, tensor in state.items()})
    }
    model = fresh()
    load_weights(SQUEEZENET, model, from_hub(), [])
    weight = model.state_dict()["features.0.weight"]
    assert weight.dtype == torch.float32
    assert torch.equal(weight, state["features.0.weight"].half().float())


def test_a_model_of_another_architecture_is_refused_before_it_is_fetched(hub: Hub, cache: Path):
    hub.repos[REPO] = {
        "model.safetensors": save({f"bert.layer.{n}": torch.zeros(300, 300) for n in range(9)})
    }
    with pytest.raises(
        WeightsMismatch, match=rf"{REPO} on Hugging Face do not fit squeezenet1_1: .* 0 of its 50"
    ):
        ensure_weights(SQUEEZENET, from_hub(), [])
    assert not list(cache.rglob("*.safetensors"))


@pytest.mark.parametrize(
    ("files", "words"),
    [
        (
            ["pytorch_model.bin", "config.json"],
            "only as pytorch_model.bin, a format that can run code",
        ),
        (["a.safetensors", "b.safetensors"], "several weights files .a.safetensors, b.safetensors"),
        (
            ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"],
            "split into several files",
        ),
        (["README.md"], "holds no weights"),
        ([], "holds no weights"),
    ],
)
def test_a_model_without_one_safetensors_file_is_refused_in_a_sentence(
    hub: Hub, files: list[str], words: str
):
    hub.repos[REPO] = dict.fromkeys(files, b"x")
    for attempt in (ensure, load):
        with pytest.raises(WeightsUnavailable, match=f"{REPO} cannot be used: .*{words}"):
            attempt(from_hub())


def ensure(config: ModelConfig, backbone: Backbone = SQUEEZENET) -> None:
    ensure_weights(backbone, config, [])


def load(config: ModelConfig, backbone: Backbone = SQUEEZENET) -> None:
    load_weights(backbone, fresh(backbone), config, [])


@pytest.mark.parametrize("attempt", [ensure, load])
@pytest.mark.parametrize("repo", [REPO, "../..", "a--b/c", "-a/b", "a/b.git", "a../b"])
def test_a_model_that_does_not_exist_is_named(hub: Hub, attempt, repo: str):
    with pytest.raises(WeightsUnavailable, match=r"There is no public model .* check its name"):
        attempt(from_hub(repo))


def test_a_gated_model_says_what_to_agree_to(hub: Hub, state: dict):
    hub.repos[REPO] = {"model.safetensors": save(state)}
    hub.gated.add(REPO)
    for attempt in (ensure, load):
        with pytest.raises(WeightsUnavailable, match="agree on its page and set HF_TOKEN"):
            attempt(from_hub())


@pytest.mark.parametrize("content", [b"", b"<html>no</html>" * 99, b"\xff" * 4000])
def test_a_file_that_is_no_safetensors_is_refused(hub: Hub, content: bytes):
    hub.repos[REPO] = {"model.safetensors": content}
    for attempt in (ensure, load):
        with pytest.raises((WeightsUnavailable, WeightsMismatch), match="model"):
            attempt(from_hub())


# Out of reach


@pytest.mark.usefixtures("no_hub")
def test_out_of_reach_says_so_at_once():
    for attempt in (ensure, load):
        with pytest.raises(
            WeightsUnavailable, match=f"{REPO} is not on this machine, and Hugging Face cannot be"
        ):
            attempt(from_hub())


def test_forbidden_to_go_online_is_out_of_reach(hub: Hub, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(WeightsUnavailable, match="cannot be reached"):
        ensure(from_hub())
    assert not hub.asked


@pytest.fixture
def silent_hub(monkeypatch: pytest.MonkeyPatch, silent_port: int) -> None:
    point_to(silent_port, monkeypatch)


@pytest.mark.usefixtures("silent_hub")
def test_a_hub_that_says_nothing_is_given_up_after_seconds(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(weights_hub, "_REACH_SECONDS", 0.5)
    with pytest.raises(WeightsUnavailable, match="cannot be reached"):
        ensure(from_hub())


@pytest.mark.usefixtures("silent_hub")
def test_a_fetch_that_hangs_can_be_stopped():
    asked = iter((False, False))
    with pytest.raises(Cancelled):
        load_weights(SQUEEZENET, fresh(), from_hub(), [], Stop(lambda: next(asked, True)))


# timm's own models


def test_a_model_of_timm_is_fetched_from_hugging_face_once(hub: Hub):
    assert TIMM.weights.hub_id is not None
    torch.manual_seed(7)
    given = dict(fresh(TIMM).state_dict())
    hub.repos[TIMM.weights.hub_id] = {"model.safetensors": save(given), "pytorch_model.bin": b""}
    config = ModelConfig(backbone=TIMM.name)
    assert find_weights(TIMM, []) is None
    ensure(config, TIMM)
    assert find_weights(TIMM, []) is None
    model = fresh(TIMM)
    report = load_weights(TIMM, model, config, [])
    assert report.sentence.endswith(
        f"tensors of the backbone come from {TIMM.name} ({TIMM.weights.source})."
    )
    assert torch.equal(model.state_dict()["conv_stem.weight"], given["conv_stem.weight"])
    asked = len(hub.asked)
    assert find_weights(TIMM, []) is not None
    ensure(config, TIMM)
    load(config, TIMM)
    assert len(hub.asked) == asked


@pytest.mark.usefixtures("no_hub")
def test_a_model_of_timm_out_of_reach_says_what_to_do(tmp_path: Path):
    for attempt in (ensure, load):
        with pytest.raises(
            WeightsUnavailable, match=rf"cannot be had .* put {TIMM.name}\.safetensors or"
        ):
            attempt(ModelConfig(backbone=TIMM.name), TIMM)


def test_a_network_that_nobody_published_weights_of_says_so():
    bare = replace(TIMM, weights=replace(TIMM.weights, hub_id=None, url=None))
    for attempt in (ensure, load):
        with pytest.raises(WeightsUnavailable, match="Nobody has published ImageNet weights of"):
            attempt(ModelConfig(backbone=TIMM.name), bare)
