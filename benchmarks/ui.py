"""Response times of the app during training: thread or worker process, with and without watchers.

Real Chromium pages watch a run while another one clicks through the app. Each runner has its turn
in every round. On the same run, images learned from per second are counted without watchers and
with ten; interactions are timed in both cases. The server with its training and the browsers have
half of the cores each, as if users had their own machines, and the watchers' browser has a lower
priority than the one that is timed. There are two trainings: a whole network, which is nearly all
computation, and a head on cached activations, which is nearly all Python. Linux only.
"""

import json
import os
import re
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.measuring import CannotMeasure, Cell, Options, Report, median
from benchmarks.serving import Server, chromium, cpu_seconds, has_playwright
from tl_core.config import RunConfig, make_run_config
from tl_core.data.samples import sample_source
from tl_core.datasets.importing import import_dataset
from tl_core.records import Run, RunState
from tl_core.runners import enqueue
from tl_core.settings import Settings
from tl_core.workspace import Workspace, open_workspace

RUNNERS, WATCHERS, SECONDS = ("process", "thread"), 10, 20.0
PATIENCE = 180.0
"""Time limit for opening a page, in seconds."""
TINY_RUNNERS, TINY_WATCHERS, TINY_SECONDS = ("process",), 1, 0.5
TRAININGS: dict[str, tuple[str, dict[str, Any]]] = {
    "a whole network": ("shapes", {"frozen_stages": 0, "image_size": 96, "epochs": 1000}),
    "a head": ("digits", {"image_size": 64, "epochs": 1000, "batch_size": 1, "augment": "none"}),
}
TINY_TRAININGS = {
    "a head": ("shapes", {"image_size": 64, "epochs": 1000, "batch_size": 1, "augment": "none"})
}
_FROZEN = (
    "(document.body.textContent.match(/Keeps (all stages|nothing|the first \\S+)/) || [''])[0]"
)
"""Text of the Train page that says how much is frozen."""
COLUMNS = (
    "training",
    "runner",
    "watchers",
    "interaction, median ms",
    "95th percentile ms",
    "opening a run's page, median ms",
    "training, images/s",
    "of unwatched",
    "cores, server",
    "cores, browsers",
    "peak MiB, server",
    "peak MiB, worker",
)


@dataclass
class Seen:
    """Measurements of one setting, over all rounds."""

    interactions: list[float] = field(default_factory=list)
    """Milliseconds."""
    openings: list[float] = field(default_factory=list)
    """Milliseconds."""
    rates: list[float] = field(default_factory=list)
    """Training images per second."""
    server: list[float] = field(default_factory=list)
    """Processor cores in use by the server, with training if a thread trains."""
    browsers: list[float] = field(default_factory=list)
    peaks: tuple[float, float] = (0.0, 0.0)


def run(options: Options) -> Report:
    if not has_playwright():
        raise CannotMeasure(
            "Pages are opened by Playwright, which is not installed here: pip install -r "
            "benchmarks/requirements.txt."
        )
    cores = os.sched_getaffinity(0)
    half = max(1, len(cores) // 2)
    servers, browsers = set(sorted(cores)[:half]), set(sorted(cores)[-half:])
    trainings = TINY_TRAININGS if options.tiny else TRAININGS
    seen: dict[tuple[str, ...], Seen] = {}
    unopened: list[str] = []
    for _ in range(options.rounds):
        for training, (sample, settings) in trainings.items():
            for runner in TINY_RUNNERS if options.tiny else RUNNERS:
                alone, watched = (
                    seen.setdefault((training, runner, who), Seen()) for who in ("alone", "watched")
                )
                with _under_way(runner, sample, settings, servers) as at:
                    if not _measure(at, browsers, alone, watched, options.tiny):
                        unopened.append(f"{training}, {runner}")
                # A later failure must not lose these figures.
                print(training, runner, vars(alone), vars(watched), file=sys.stderr)
    rows = [row for key in seen if key[-1] == "alone" for row in _rows(key, seen, options.tiny)]
    notes = [
        *(
            f"{setting}: the watchers' pages had not opened after {PATIENCE:.0f} s."
            for setting in unopened
        ),
        "Interactions are clicks and key presses in an open page, timed until the page shows the "
        "result; the target for the 95th percentile is 500 ms. Training should keep 0.9 of its "
        "unwatched speed.",
        "Cores are processor seconds per second; with the runner thread, those of the server "
        "include training.",
    ]
    return Report(
        "ui",
        "The app during training",
        COLUMNS,
        rows,
        notes,
        {str(key): vars(s) for key, s in seen.items()},
    )


@dataclass
class _UnderWay:
    workspace: Workspace
    server: Server
    run: Run
    images: int = 0
    last: int = -1

    def learned(self) -> tuple[float, int]:
        """Return (seconds, images learned from since the first call) when that number grows."""
        self._count()
        while not self._count():
            state = self.workspace.store.get_run(self.run.id).state
            if state is not RunState.RUNNING:
                raise RuntimeError(
                    f"The run was {state} before the measurement ended; it needs more epochs."
                )
            time.sleep(0.02)
        return time.perf_counter(), self.images

    def _count(self) -> bool:
        """Read new metrics; False if there are none."""
        points = self.workspace.store.list_metrics(self.run.id, after=self.last)
        self.images += sum(point.n for point in points if point.name == "batch_loss")
        self.last = points[-1].seq if points else self.last
        return bool(points)


@contextmanager
def _under_way(
    runner: str, sample: str, settings: dict[str, Any], cores: set[int]
) -> Iterator[_UnderWay]:
    """Start a server in a new workspace and a run that has finished its first epoch."""
    with ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="transferlab-ui-")))
        workspace = open_workspace(Settings.from_environment({"TRANSFERLAB_HOME": str(home)}))
        stack.callback(workspace.store.close)
        server = Server(home, cores, TRANSFERLAB_RUNNER=runner)
        stack.callback(server.stop)
        run = enqueue(workspace, _config(workspace, sample, settings))
        stack.callback(workspace.store.request_cancel, run.id)
        _wait(lambda: workspace.store.get_run(run.id).epochs_done, server)
        yield _UnderWay(workspace, server, run)


def _config(workspace: Workspace, sample: str, settings: dict[str, Any]) -> RunConfig:
    limits = workspace.settings.limits
    imported = import_dataset(
        workspace.store, workspace.artifacts, sample_source(sample), name=sample, limits=limits
    )
    return make_run_config(imported.record.id, settings)


def _wait(holds: Callable[[], object], server: Server) -> None:
    give_up = time.monotonic() + 600
    while not holds():
        if time.monotonic() > give_up:
            raise RuntimeError(f"The run did not begin:\n{server.log.read_text()[-4000:]}")
        time.sleep(0.1)


def _measure(at: _UnderWay, cores: set[int], alone: Seen, watched: Seen, tiny: bool) -> bool:
    """Measure both settings; False if the watchers' pages did not open."""
    from playwright.sync_api import TimeoutError as TooLong

    seconds, watchers = (TINY_SECONDS, TINY_WATCHERS) if tiny else (SECONDS, WATCHERS)
    _watch_training(at, alone, lambda: time.sleep(seconds))
    with chromium(cores, at.workspace.settings.home / "chromium") as (asking, watching):
        _interact(asking, at, alone, seconds)
        try:
            pages = [_visit_run(watching, at) for _ in range(watchers)]
            for page in pages:
                _wait_for_chart(page)
        except TooLong:
            alone.peaks = at.server.peaks_mb()
            return False
        _watch_training(at, watched, lambda: pages[0].wait_for_timeout(1000 * seconds))
        _interact(asking, at, watched, seconds)
    alone.peaks = watched.peaks = at.server.peaks_mb()
    return True


def _watch_training(at: _UnderWay, seen: Seen, pass_time: Callable[[], None]) -> None:
    me, server = os.getpid(), at.server.process_id
    started, before = at.learned()
    cpu = at.server.cpu_seconds(), cpu_seconds(me, but=server)
    pass_time()
    ended, after = at.learned()
    took = ended - started
    seen.rates.append((after - before) / took)
    seen.server.append((at.server.cpu_seconds() - cpu[0]) / took)
    seen.browsers.append((cpu_seconds(me, but=server) - cpu[1]) / took)


def _visit_run(browser: Any, at: _UnderWay) -> Any:
    """Start to load the run's page in a new context, so that nothing is cached."""
    context = browser.new_context(viewport={"width": 1440, "height": 900}, base_url=at.server.url)
    page = context.new_page()
    page.set_default_timeout(1000 * PATIENCE)
    page.goto(f"/run?run={at.run.id}", wait_until="commit")
    return page


def _wait_for_chart(page: Any) -> None:
    page.locator(".js-plotly-plot .trace").first.wait_for()


def _interact(browser: Any, at: _UnderWay, seen: Seen, seconds: float) -> None:
    """Click through the app until `seconds` are over, at least once."""
    started = time.perf_counter()
    page = _visit_run(browser, at)
    _wait_for_chart(page)
    seen.openings.append(1000 * (time.perf_counter() - started))
    if seconds > TINY_SECONDS:
        # The first visit to a page after the start of the server takes longer.
        _go_round(page, at)
    give_up = time.monotonic() + seconds
    while True:
        seen.interactions += _go_round(page, at)
        if time.monotonic() > give_up:
            break
    page.context.close()


def _go_round(page: Any, at: _UnderWay) -> list[float]:
    """Return the milliseconds of each step."""
    took = []
    for act, shows in _steps(page, at.run.dataset_name):
        started = time.perf_counter()
        act()
        # `wait_for_function` would evaluate text in the page, which the app's policy forbids.
        page.evaluate(
            f"async () => {{ while (!({shows})) await new Promise(requestAnimationFrame) }}"
        )
        took.append(1000 * (time.perf_counter() - started))
        # A hasty user needs about as long for the next click.
        page.wait_for_timeout(300)
    return took


def _steps(page: Any, dataset: str) -> Iterator[tuple[Callable[[], None], str]]:
    """Yield actions, each with a JavaScript condition that its result is visible."""

    def click(name: str) -> Callable[[], None]:
        return page.get_by_role("link", name=name, exact=True).first.click

    def has(selector: str, text: str) -> str:
        elements = f"[...document.querySelectorAll('{selector}')]"
        return f"{elements}.some(element => element.textContent.trim() === '{text}')"

    yield (
        click("Runs"),
        has("h1", "Runs") + " && document.querySelector('[data-testid=stDataFrame]')",
    )
    yield (
        click("Data"),
        has("h2", dataset) + " && document.querySelector('.js-plotly-plot .trace, img')",
    )
    yield click("Train"), has("button p", "Train")
    slider = page.get_by_role("slider", name=re.compile("Frozen stages"))
    slider.focus()
    for key in ("ArrowLeft", "ArrowRight"):
        before = page.evaluate(_FROZEN)
        yield partial(slider.press, key), f"{_FROZEN} !== {json.dumps(before)}"


def _rows(
    key: tuple[str, ...], seen: dict[tuple[str, ...], Seen], tiny: bool
) -> Iterator[tuple[Cell, ...]]:
    """Yield the row without watchers and the row with them."""
    alone, watched = seen[key], seen[*key[:-1], "watched"]
    for who, n in ((alone, 0), (watched, TINY_WATCHERS if tiny else WATCHERS)):
        if not who.rates:
            continue
        yield (
            *key[:-1],
            n,
            median(who.interactions),
            sorted(who.interactions)[int(0.95 * len(who.interactions))],
            median(who.openings),
            median(who.rates),
            median(who.rates) / median(alone.rates),
            median(who.server),
            median(who.browsers),
            *who.peaks,
        )
