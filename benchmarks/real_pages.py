"""Students of a simulated class who sit in front of a real Chromium, and one who brings images."""

import asyncio
import random
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from benchmarks.serving import CHROMIUM
from benchmarks.students import AUGMENTATION, ENDED, Lesson

_ENDED = re.compile(rf"{ENDED} [\d,]+ of")
_IDLE = "[data-test-script-state=notRunning]"
_FIELD = "Epochs"
_HEADS = {
    "Data": "Data",
    "Explore": "Class separability",
    "Train": "Train",
    "Runs": "Runs",
    "Try it": "Try it",
    "Learn": "Optimizers compared",
    "Wall": "Class wall",
}
"""Heading of each page of the menu."""
_PATIENCE = 60.0
"""Time limit of an interaction, in seconds."""
_ENDS_WITHIN = 600.0
"""Seconds in which a run has to end after the lesson."""


@asynccontextmanager
async def chromium() -> AsyncIterator[Any]:
    """Start the browser in which each student gets a context of their own."""
    from playwright.async_api import async_playwright

    async with async_playwright() as play:
        # As after the warning about a class's own certificate; Playwright's option alone asks anew
        # for every request, and Chromium gives up after some.
        arguments = ["--no-sandbox", "--disable-gpu", "--ignore-certificate-errors"]
        arguments += ["--disable-background-networking"]
        browser = await play.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield browser
        await browser.close()


class PageStudent:
    """Student with a page in Chromium.

    Args:
        images: folder of class folders that the student brings along; None for one who brings none.
    """

    def __init__(
        self, name: str, lesson: Lesson, seed: str, browser: Any, images: Path | None = None
    ) -> None:
        self.name = name
        self.lesson = lesson
        self.tally = lesson.tally
        self.rng = random.Random(seed)
        self.complain = self.tally.complain_as(name)
        self.images = images
        self.runs: list[str] = []
        self._browser = browser
        self._epochs = 5

    async def attend(self, until: float) -> None:
        """Join, use the app until the loop's time is `until`, and see the own runs end."""
        from playwright.async_api import Error

        # Nobody vouches for the server's certificate, which a student confirms once.
        context = await self._browser.new_context(
            base_url=self.lesson.url,
            ignore_https_errors=True,
            viewport={"width": 1440, "height": 900},
        )
        context.set_default_timeout(1000 * _PATIENCE)
        self.page = await context.new_page()
        self._listen()
        try:
            await self._arrive()
            if self.images:
                await self._upload(self.images)
            await self._train()
            while asyncio.get_running_loop().time() < until:
                await self._do_something()
            for run in self.runs:
                await self._see_end(run)
        except Error as error:
            self.complain(f"{type(error).__name__}: {error.message[:300]}")
        finally:
            await context.close()

    def _listen(self) -> None:
        page = self.page
        page.on("pageerror", lambda error: self.complain(f"error in the page: {error}"))
        page.on("console", self._hear)

    def _hear(self, message: Any) -> None:
        address = message.location.get("url", "")
        # Below a deep link, Streamlit's page asks for its endpoints in a wrong place first.
        if message.type == "error" and "/_stcore/" not in address:
            self.complain(f"console: {message.text[:200]} {address.partition('?')[0]}")

    async def _arrive(self) -> None:
        page = self.page
        await page.goto("/")
        await page.get_by_label("Class code").fill(self.lesson.code)
        await page.get_by_label("Your name").fill(self.name)
        await page.get_by_role("button", name="Join").click()
        link = page.get_by_role("link", name="Continue")
        await self._timed("arrive", link.click, self._heading("Data"))

    # What students do

    async def _do_something(self) -> None:
        may_train = len(self.runs) < self.lesson.most_runs
        acts: dict[Callable[[], Awaitable[None]], float] = {
            self._train: 1 if may_train else 0,
            self._look_at_results: 3,
            self._look_around: 4,
        }
        (act,) = self.rng.choices(list(acts), list(acts.values()))
        await act()

    async def _upload(self, images: Path) -> None:
        page = self.page
        await self._think()
        await page.get_by_text("Add images", exact=True).first.click()
        chooser = page.locator("input[webkitdirectory]")

        async def choose() -> None:
            await chooser.set_input_files(images)

        count = sum(1 for _ in images.glob("*/*"))
        seen = page.get_by_text(f"{count} images in").first
        await self._timed("upload and read images", choose, seen)
        self.tally.uploads += 1

    async def _train(self) -> None:
        page = self.page
        await self._open("Train")
        await self._change_epochs()
        if self.rng.random() < 0.5:
            await self._choose_augmentation()
        await self._think()
        button = page.get_by_role("button", name="Train", exact=True)
        head = page.get_by_role("heading", name=re.compile(f"Queued|Running|{ENDED}")).first
        await self._timed("press Train", button.click, head)
        run = re.search(r"run=([^&]+)", page.url)
        if run is None:
            self.complain("No run was started")
            return
        self.runs.append(run[1])
        self.tally.runs[run[1]] = self.name
        await self._watch(5 * self.lesson.think)

    async def _change_epochs(self) -> None:
        await self._think()
        former = self._epochs
        self._epochs = self.rng.choice([n for n in range(2, 9) if n not in (former, 5)])
        field = self.page.get_by_label(_FIELD, exact=True)
        await field.fill(str(self._epochs))
        seen = self.page.get_by_text(re.compile(f"Epochs \\S+ → {self._epochs}"))
        await self._timed("change a setting", lambda: field.press("Enter"), seen)

    async def _choose_augmentation(self) -> None:
        await self._think()
        usual, *others = AUGMENTATION
        kind = self.rng.choice(others)
        await self.page.get_by_role("combobox", name="Data augmentation").click()
        option = self.page.get_by_role("option", name=kind, exact=True)
        seen = self.page.get_by_text(re.compile(f"{usual} → {re.escape(kind)}"))
        await self._timed("change a setting", option.click, seen)

    async def _look_at_results(self) -> None:
        await self._think()
        run = self.rng.choice(self.runs)
        await self._open("Runs")
        await self._think()
        link = self.page.locator(f"a[href*='run?run={run}']").first
        await self._timed("open a run", link.click, self.page.get_by_text(f"run {run}").first)
        await self._watch(2 * self.lesson.think)

    async def _look_around(self) -> None:
        await self._open(self.rng.choice(list(_HEADS)))

    async def _see_end(self, run: str) -> None:
        await self.page.goto(f"/run?run={run}")
        if not await self._watch(_ENDS_WITHIN):
            self.complain(f"The run {run} has not ended")

    # Parts of it

    async def _open(self, label: str) -> None:
        await self._think()
        link = self.page.get_by_role("link", name=label, exact=True).first
        await self._timed("open a page", link.click, self._heading(_HEADS[label]))

    async def _watch(self, seconds: float) -> bool:
        ended = self.page.get_by_role("heading", name=_ENDED)
        give_up = time.monotonic() + seconds
        while not await ended.count():
            if time.monotonic() > give_up:
                return False
            await asyncio.sleep(0.5)
        return True

    def _heading(self, words: str) -> Any:
        return self.page.get_by_role("heading", name=words, exact=True).first

    async def _timed(self, kind: str, act: Callable[[], Awaitable[Any]], seen: Any) -> None:
        """Act, and count the seconds until `seen` is there and the page's script has run."""
        started = time.perf_counter()
        await act()
        await seen.wait_for()
        await self.page.locator(_IDLE).wait_for()
        self.tally.tell(f"{kind} (Chromium)", time.perf_counter() - started)

    async def _think(self) -> None:
        mean = self.lesson.think
        await asyncio.sleep(min(4 * mean, self.rng.expovariate(1 / mean)))
