import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from tl_core.config import RunConfig
from tl_core.errors import StoreAway
from tl_core.records import MetricPoint
from tl_core.runners import ProcessRunner
from tl_core.settings import Settings
from tl_core.workspace import open_workspace
from tl_ui.operations import make_operations_routes
from tl_ui.operations.gpus import Gpu, parse_gpus

TOKEN = "t" * 24


class Runner(ProcessRunner):
    """Runner whose worker was last heard of as long ago as the test says."""

    silent: float | None = 0.0

    @property
    def seconds_silent(self):
        return self.silent


@pytest.fixture
def house(tmp_path):
    return open_workspace(Settings(home=tmp_path / "home"))


@pytest.fixture
def runner(house):
    return Runner(house)


def client_of(house, runner, address="127.0.0.1"):
    routes = make_operations_routes(lambda: house, lambda: runner)
    return TestClient(Starlette(routes=routes), client=(address, 50000))


@pytest.mark.parametrize(
    ("silent", "status", "worker"),
    [
        (0.5, 200, "alive"),
        (70.0, 200, "silent"),
        (700.0, 503, "hung"),
        (None, 200, "absent"),
    ],
)
def test_the_workers_heartbeat_is_told(house, runner, silent, status, worker):
    runner.silent = silent
    client = client_of(house, runner)
    health = client.get("/healthz")
    assert (health.status_code, health.json()["worker"]) == (status, worker)
    ready = client.get("/readyz")
    is_ready = worker == "alive"
    assert ready.status_code == (200 if is_ready else 503)
    assert ready.json()["reasons"] == ([] if is_ready else [f"worker-{worker}"])


def test_a_store_that_is_away_is_a_code_and_nothing_more(house, runner, monkeypatch):
    def away(self):
        raise StoreAway("postgresql://user:secret@host is away")

    monkeypatch.setattr(type(house.store), "is_queue_held", away)
    answer = client_of(house, runner).get("/readyz")
    assert answer.status_code == 503
    assert answer.json() == {"status": "unready", "reasons": ["store-away"]}


def test_a_full_disk_makes_the_server_unready(house, runner, monkeypatch):
    monkeypatch.setattr(type(house.room), "free", property(lambda self: 0))
    assert client_of(house, runner).get("/readyz").json()["reasons"] == ["disk-full"]


def test_metrics_tell_the_queue_the_states_and_the_steps(house, runner):
    config = RunConfig.model_validate({"data": {"dataset_id": "d1"}})
    for _ in range(3):
        house.store.add_run(config, "<script>flowers")
    run = house.store.claim_next_run()
    client = client_of(house, runner)
    house.store.append_metrics(run.id, [MetricPoint(0, 1, 10, "train", "batch_loss", 1.0, 8)])
    assert "transferlab_step_seconds" not in client.get("/metrics").text
    house.store.append_metrics(run.id, [MetricPoint(1, 1, 20, "train", "batch_loss", 1.0, 8)])
    text = client.get("/metrics").text
    assert 'transferlab_runs{state="queued"} 2.0' in text
    assert 'transferlab_runs{state="running"} 1.0' in text
    assert "transferlab_queue_length 2.0" in text
    assert "transferlab_step_seconds " in text
    assert 'transferlab_memory_bytes{process="server"}' in text
    assert "transferlab_disk_free_bytes" in text
    assert "flowers" not in text


@pytest.mark.parametrize(
    ("address", "headers", "status"),
    [
        ("127.0.0.1", {}, 200),
        ("192.168.1.7", {}, 403),
        ("127.0.0.1", {"X-Forwarded-For": "192.168.1.7"}, 403),
    ],
)
def test_metrics_are_for_this_machine(house, runner, address, headers, status):
    client = client_of(house, runner, address)
    assert client.get("/metrics", headers=headers).status_code == status


@pytest.mark.parametrize(
    ("sent", "status"),
    [(f"Bearer {TOKEN}", 200), ("Bearer wrong", 403), (TOKEN, 403), (None, 403)],
)
def test_a_token_opens_the_metrics_from_anywhere(tmp_path, sent, status):
    house = open_workspace(Settings(home=tmp_path / "home", metrics_token=TOKEN))
    client = client_of(house, Runner(house), "192.168.1.7")
    headers = {"Authorization": sent} if sent else {}
    assert client.get("/metrics", headers=headers).status_code == status


def test_gpus_that_cannot_tell_are_left_out():
    table = "0, 1024, 2048, 50\n1, [N/A], 2048, [N/A]\n\n"
    assert parse_gpus(table) == [Gpu("0", 2**30, 2**31, 0.5)]
    assert parse_gpus("No devices were found\n") == []
