"""Figures for Prometheus: queue, states, steps, memory, GPUs, disk. They name nobody.

They are for this machine, or for whoever has the token of the settings.
"""

import hmac
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass

import psutil
from anyio import to_thread
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from tl_core.errors import TransferLabError
from tl_core.network import is_local
from tl_core.records import RunState
from tl_core.store.patience import waiting_for_store
from tl_core.workspace import Workspace
from tl_ui.gate.hosts import is_passed_on
from tl_ui.operations.gpus import read_gpus
from tl_ui.operations.health import Health

_REFUSED = (
    "Figures are for this machine, or for whoever sends TRANSFERLAB_METRICS_TOKEN as a bearer "
    "token.\n"
)


class Metrics:
    """Answers `/metrics`."""

    def __init__(self, get_house: Callable[[], Workspace], health: Health) -> None:
        self._get_house = get_house
        self._registry = CollectorRegistry()
        self._registry.register(_Figures(get_house, health))

    async def answer(self, request: Request) -> Response:
        try:
            token = (await to_thread.run_sync(self._get_house)).settings.metrics_token
        except TransferLabError:
            return PlainTextResponse("store-away\n", 503)
        if not _may_ask(request, token):
            return PlainTextResponse(_REFUSED, 403)
        text = await to_thread.run_sync(generate_latest, self._registry)
        return Response(text, media_type=CONTENT_TYPE_LATEST)


def _may_ask(request: Request, token: str | None) -> bool:
    if token is not None:
        sent = request.headers.get("authorization", "")
        return hmac.compare_digest(sent.encode(), f"Bearer {token}".encode())
    if request.client is None or is_passed_on(request.headers):
        return False
    return is_local(request.client.host)


class _Figures(Collector):
    def __init__(self, get_house: Callable[[], Workspace], health: Health) -> None:
        self._get_house = get_house
        self._health = health
        self._steps = _Steps()

    def collect(self) -> Iterator[Metric]:
        reasons = self._health.reasons()
        yield _gauge("ready", "1 if the server can serve, as /readyz tells.", not reasons)
        yield _gauge("worker_alive", "1 if what trains lives.", _lives(self._health))
        with suppress(TransferLabError), waiting_for_store(0):
            yield from [*_of_runs(self._get_house()), *self._steps.collect(self._get_house())]
        yield from _of_memory()
        yield from _of_gpus()
        yield from _of_disk(self._get_house())

    def describe(self) -> list[Metric]:
        # Otherwise registering would collect everything, before there is a store.
        return []


def _lives(health: Health) -> bool:
    return health.worker() in ("alive", "silent", "thread")


def _of_runs(house: Workspace) -> list[Metric]:
    """Return figures of the runs; complete or none, since the store may go away."""
    count = Counter(run.state for run in house.store.summarise_runs())
    states = GaugeMetricFamily("transferlab_runs", "Runs by state.", labels=["state"])
    for state in RunState:
        states.add_metric([state.value], count[state])
    waiting = len(house.store.list_queue())
    return [states, _gauge("queue_length", "Runs that wait in the queue.", waiting)]


@dataclass(frozen=True, slots=True)
class _Reading:
    run: str
    seq: int
    step: int
    time: float
    """Seconds on the monotonic clock."""


class _Steps:
    """Time of a training step: between two requests, as the store keeps no times of steps."""

    def __init__(self) -> None:
        self._last: _Reading | None = None

    def collect(self, house: Workspace) -> Iterator[Metric]:
        running = house.store.list_running_runs()
        if not running:
            self._last = None
            return
        run = running[0].id
        last = self._last if self._last and self._last.run == run else _Reading(run, -1, 0, 0.0)
        points = house.store.list_metrics(run, last.seq)
        if not points:
            return
        step = max(last.step, *(point.step for point in points))
        self._last = _Reading(run, points[-1].seq, step, time.monotonic())
        if last.step and step > last.step:
            seconds = (self._last.time - last.time) / (step - last.step)
            text = "Seconds for each optimizer step since the request before this one."
            yield _gauge("step_seconds", text, seconds)


def _of_memory() -> Iterator[Metric]:
    own = psutil.Process()
    text = "Bytes of memory of the server, and of its worker and other child processes."
    family = GaugeMetricFamily("transferlab_memory_bytes", text, labels=["process"])
    family.add_metric(["server"], own.memory_info().rss)
    family.add_metric(["children"], sum(map(_memory, own.children(recursive=True))))
    yield family
    available = psutil.virtual_memory().available
    yield _gauge("memory_available_bytes", "Bytes of memory left on the machine.", available)


def _memory(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss)
    except psutil.Error:
        return 0


def _of_gpus() -> Iterator[Metric]:
    gpus = read_gpus()
    for name, text, field in (
        ("gpu_memory_used_bytes", "Bytes of a GPU's memory in use.", "used"),
        ("gpu_memory_bytes", "Bytes of a GPU's memory.", "total"),
        ("gpu_load_ratio", "Share of time in which a GPU computed.", "load"),
    ):
        family = GaugeMetricFamily(f"transferlab_{name}", text, labels=["gpu"])
        for gpu in gpus:
            family.add_metric([gpu.index], getattr(gpu, field))
        yield family


def _of_disk(house: Workspace) -> Iterator[Metric]:
    yield _gauge("disk_free_bytes", "Bytes left on the store's disk.", house.room.free)
    with suppress(OSError):
        disk = shutil.disk_usage(house.settings.home)
        yield _gauge("home_disk_bytes", "Bytes of the home folder's disk.", disk.total)
        yield _gauge("home_disk_free_bytes", "Bytes left on that disk.", disk.free)


def _gauge(name: str, text: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"transferlab_{name}", text, value)
