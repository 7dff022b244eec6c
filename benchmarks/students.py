"""Students of a simulated class: what they do is drawn from a seeded generator.

These speak Streamlit's protocol; `real_pages` has those who sit in front of a browser.
"""

import asyncio
import random
import re
import ssl
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import httpx

from benchmarks.page_files import PageFiles
from benchmarks.streamlit_client import Session, Unanswered

MENU = ("Data", "Explore", "Train", "Runs", "Try it", "Learn", "Wall")
AUGMENTATION = ("Photos", "None", "Documents and digits (never mirrored)")
PRESETS = ("Feature extraction", "Fine-tune the top")
ENDED = "Right on"
"""Beginning of the headline of a run that has ended well."""
BESIDE = ("arrive", "refresh", "picture or chart")
"""Kinds of what is timed, but is no interaction with a page in view."""
_ENDS_WITHIN = 600.0
"""Seconds in which a run has to end after the lesson."""


@dataclass
class Tally:
    """What all students together have seen."""

    seconds: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    """Latencies by kind of interaction."""
    complaints: list[str] = field(default_factory=list)
    runs: dict[str, str] = field(default_factory=dict)
    """Student that has started each run, by its id."""
    uploads: int = 0
    returns: int = 0

    def tell(self, kind: str, seconds: float) -> None:
        self.seconds[kind].append(seconds)

    def complain_as(self, name: str) -> Callable[[str], None]:
        return lambda words: self.complaints.append(f"{name}: {words}")


@dataclass(frozen=True)
class Lesson:
    """What all students of a class know."""

    url: str
    code: str
    trust: ssl.SSLContext | None
    think: float
    """Seconds between two interactions, on average."""
    most_runs: int
    """Runs that each student starts at most."""
    tally: Tally


class Student:
    """Student with a websocket session."""

    def __init__(self, name: str, lesson: Lesson, seed: str) -> None:
        self.name = name
        self.lesson = lesson
        self.tally = lesson.tally
        self.rng = random.Random(seed)
        self.complain = self.tally.complain_as(name)
        self.runs: list[str] = []
        self._leaves_once = False
        self._files: asyncio.Task[None] | None = None
        self._client = httpx.AsyncClient(base_url=lesson.url, verify=lesson.trust or True)

    async def attend(self, until: float, leaves_once: bool = False) -> None:
        """Join, use the app until the loop's time is `until`, and see the own runs end.

        Args:
            leaves_once: lose the connection during the first own run, and come back.
        """
        self._leaves_once = leaves_once
        try:
            await self._arrive()
            await self._train()
            while asyncio.get_running_loop().time() < until:
                await self._do_something()
            for run in self.runs:
                await self._see_end(run)
        except (Unanswered, KeyError, httpx.HTTPError, OSError) as error:
            self.complain(f"{type(error).__name__}: {error}")
        finally:
            await self.leave()

    async def walk_through(self) -> None:
        """Open every page, train and do everything once, so that nothing is new to the server."""
        await self._arrive()
        await self._open("Train")
        for label, options in (("Data augmentation", AUGMENTATION), ("Preset", PRESETS)):
            for option in reversed(options):
                await self._timed("change a setting", self.session.choose(label, option))
        await self._train()
        await self._see_end(self.runs[0])
        for act in (self._look_at_images, self._explore, self._list_runs, self._look_at_results):
            await act()
        await self._ask_model()
        for label in MENU:
            await self._timed("open a page", self.session.follow(label))
        await self.leave()

    async def leave(self) -> None:
        if self._files:
            self._files.cancel()
        await self.session.leave()
        await self._client.aclose()

    # Arriving

    async def _arrive(self) -> None:
        lesson = self.lesson
        form = {"code": lesson.code, "name": self.name, "next": "/"}
        answer = await self._client.post("/join", data=form)
        answer.raise_for_status()
        cookie = "; ".join(f"{name}={value}" for name, value in self._client.cookies.items())
        self.session = Session(lesson.url, cookie, lesson.trust, self.complain, self.tally.tell)
        files = PageFiles(self.session, self._client, self.complain, self.tally.tell)
        self._files = asyncio.create_task(files.follow())
        self.tally.tell("arrive", await self.session.open())

    # What students do

    async def _do_something(self) -> None:
        may_train = len(self.runs) < self.lesson.most_runs
        acts: dict[Callable[[], Awaitable[None]], float] = {
            self._train: 2 if may_train else 0,
            self._look_at_results: 4,
            self._look_at_images: 2,
            self._list_runs: 2,
            self._explore: 1,
            self._ask_model: 1,
            self._look_around: 1,
        }
        (act,) = self.rng.choices(list(acts), list(acts.values()))
        await act()

    async def _train(self) -> None:
        await self._open("Train")
        for _ in range(self.rng.randint(1, 3)):
            await self._change_setting()
        await self._think()
        await self._timed("press Train", self.session.press("Train", "run"))
        run = re.search(r"run=([^&]+)", self.session.query)
        if run is None:
            self.complain("No run was started")
            return
        self.runs.append(run[1])
        self.tally.runs[run[1]] = self.name
        if self._leaves_once:
            await self._lose_connection()
        # Watched for a while, not always to its end.
        await self._watch(5 * self.lesson.think)

    async def _change_setting(self) -> None:
        await self._think()
        session, rng = self.session, self.rng
        change = rng.choice(
            [
                lambda: session.type("Epochs", str(rng.randint(2, 8))),
                lambda: session.choose("Data augmentation", rng.choice(AUGMENTATION)),
                lambda: session.choose("Preset", rng.choice(PRESETS)),
            ]
        )
        await self._timed("change a setting", change())

    async def _lose_connection(self) -> None:
        self._leaves_once = False
        run = self.session.query
        await self.session.leave()
        await self._think()
        await self._timed("arrive", self.session.come_back())
        if self.session.page != "run" or self.session.query != run:
            self.complain("The run that was watched is not there after coming back")
        self.tally.returns += 1

    async def _watch(self, seconds: float) -> bool:
        """Look at the run's page until the run has ended; return False if it has not by then."""
        give_up = time.monotonic() + seconds
        while not self.session.says(ENDED):
            if time.monotonic() > give_up:
                return False
            await asyncio.sleep(0.2)
        return True

    async def _look_at_results(self) -> None:
        run = self.rng.choice(self.runs)
        await self._think()
        await self._timed("open a run", self.session.go("run", f"run={run}"))
        if not self.session.says(ENDED):
            await self._watch(2 * self.lesson.think)
        for label in ("One class against all others (one-vs-rest)", "Images of a cell"):
            if self.session.has("selectbox", label):
                await self._choose_any(label)

    async def _look_at_images(self) -> None:
        await self._open("Data")
        await self._choose_any("Class")

    async def _explore(self) -> None:
        await self._open("Explore")

    async def _list_runs(self) -> None:
        await self._open("Runs")
        await self._choose_any("Order")

    async def _ask_model(self) -> None:
        await self._open("Try it")
        if self.session.has("button", "Ask the model about these"):
            await self._think()
            await self._timed("ask the model", self.session.press("Ask the model about these"))

    async def _look_around(self) -> None:
        await self._open(self.rng.choice(("Learn", "Wall")))

    async def _see_end(self, run: str) -> None:
        await self._timed("open a run", self.session.go("run", f"run={run}"))
        if not await self._watch(_ENDS_WITHIN):
            self.complain(f"The run {run} has not ended")

    # Parts of it

    async def _open(self, label: str) -> None:
        await self._think()
        await self._timed("open a page", self.session.follow(label))

    async def _choose_any(self, label: str) -> None:
        await self._think()
        options = list(self.session.find("selectbox", label).content.options)
        await self._timed("change a view", self.session.choose(label, self.rng.choice(options)))

    async def _timed(self, kind: str, interaction: Awaitable[float]) -> None:
        self.tally.tell(kind, await interaction)

    async def _think(self) -> None:
        mean = self.lesson.think
        await asyncio.sleep(min(4 * mean, self.rng.expovariate(1 / mean)))
