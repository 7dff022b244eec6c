"""A class of thirty on one server: latency, errors, lost runs and memory over a lesson.

Thirty students join by code and name what `transferlab app --classroom` serves, look at a shared
dataset, change settings, train, watch and look at results for ten minutes. Most are sessions that
speak Streamlit's protocol, five sit in front of a real Chromium, one of these brings images, and
one student loses the connection during a run. What they do and when is drawn from a seeded
generator. They all, the server and its training share the same cores. Linux only.
"""

import asyncio
import os
import random
import shutil
import tempfile
import time
from collections.abc import Awaitable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import psutil

from benchmarks.measuring import CannotMeasure, Cell, Options, Report
from benchmarks.pictures import make_folder
from benchmarks.real_pages import PageStudent, chromium
from benchmarks.serving import (
    ClassServer,
    children_of,
    cpu_seconds,
    has_playwright,
    pss_mb,
    tree_seconds,
)
from benchmarks.students import BESIDE, Lesson, Student, Tally
from tl_core.access import Directory, bind
from tl_core.data.paths import source_from_path
from tl_core.data.samples import sample_source
from tl_core.datasets.importing import import_dataset
from tl_core.records import Role, RunState
from tl_core.settings import Settings
from tl_core.workspace import Workspace, open_workspace

ROUNDS = 1
SEED = 1
TARGET = 1.0
"""Target of the 95th percentile of an interaction, in seconds."""
_MEMORY_SECONDS = 5.0
"""Time between two looks at the memory."""
_MOST_COMPLAINTS = 20
"""Number of complaints that are told in the table; all are among the values."""
COLUMNS = ("interaction", "n", "median s", "95th percentile s", "longest s")


@dataclass(frozen=True)
class Size:
    """How large the class is, and how long its lesson."""

    sessions: int
    pages: int
    seconds: float
    think: float
    """Seconds between two interactions of a student, on average."""
    arrive: float
    """Seconds within which all have arrived."""
    rest: float
    """Seconds until sessions that were left are given up; Streamlit keeps them for two minutes."""
    most_runs: int


LESSON = Size(25, 5, 600, 6.0, 30, 140, 2)
TINY = Size(2, 1, 1, 0.1, 0, 0, 1)


@dataclass
class Memory:
    """Proportional share of memory of the server, in MiB."""

    server: float
    children: float
    own: float
    """The part of the web process that is not files, whose share depends on who else reads them."""

    @property
    def whole(self) -> float:
        return self.server + self.children


@dataclass
class Use:
    """Processor seconds since a process began, and the time at which they were looked at."""

    at: float
    web: float
    """The server's web process."""
    training: float
    """Its children: training, and jobs in the background."""
    students: float
    """Sessions and browsers."""
    machine: float
    """All of it, with other programs."""

    @classmethod
    def now(cls, server: int) -> "Use":
        web = cpu_seconds(server)
        times = psutil.cpu_times()
        return cls(
            time.monotonic(),
            web,
            tree_seconds(server) - web,
            tree_seconds(os.getpid(), but=server),
            sum(times[:3]),
        )

    def cores_since(self, before: "Use") -> dict[str, float]:
        """Return the cores in use on average since an earlier look."""
        took = self.at - before.at
        now, then = asdict(self), asdict(before)
        cores = {name: (now[name] - then[name]) / took for name in now if name != "at"}
        ours = cores["web"] + cores["training"] + cores["students"]
        return {**cores, "others": max(0.0, cores.pop("machine") - ours)}


@dataclass
class Lived:
    """What is known of the server at the end of a lesson."""

    before: Memory
    after: Memory
    over_time: list[Memory] = field(default_factory=list)
    load: float = 0.0
    """Load average of the machine at the end of the lesson."""
    cores: dict[str, float] = field(default_factory=dict)
    """Cores in use during the lesson, on average."""


def run(options: Options) -> Report:
    size = TINY if options.tiny else LESSON
    if not has_playwright():
        raise CannotMeasure(
            "Pages are opened by Playwright, which is not installed here: pip install -r "
            "benchmarks/requirements.txt."
        )
    load = os.getloadavg()[0]
    tally = Tally()
    with tempfile.TemporaryDirectory(prefix="transferlab-class-") as folder:
        home = Path(folder)
        with _opened(home) as workspace:
            code = _prepare(workspace, None if options.tiny else options.data)
            server = ClassServer(home, os.sched_getaffinity(0))
            try:
                lesson = Lesson(server.url, code, server.trust, size.think, size.most_runs, tally)
                lived = asyncio.run(_hold(size, lesson, server, home))
            finally:
                server.stop()
            finished = _finished(workspace, tally)
            if tally.complaints:
                # It has the tracebacks of what pages only call an error.
                options.out.mkdir(parents=True, exist_ok=True)
                shutil.copy(server.log, options.out / "classroom.log")
    return _report(tally, lived, finished, (load, lived.load), size)


# The class


@contextmanager
def _opened(home: Path) -> Iterator[Workspace]:
    workspace = open_workspace(Settings.from_environment({"TRANSFERLAB_HOME": str(home)}))
    yield workspace
    workspace.store.close()


def _prepare(workspace: Workspace, data: Path | None) -> str:
    """Let a teacher share a dataset with the class; return the code to join with."""
    teacher = Directory(workspace).enter("teacher", "Teacher", Role.ADMIN)
    own = bind(workspace, teacher)
    source = source_from_path(data / "hymenoptera") if data else sample_source("shapes")
    limits = own.settings.limits
    imported = import_dataset(own.store, own.artifacts, source, name="For the class", limits=limits)
    own.store.share_dataset(imported.record.id, True)
    return Directory(workspace).classroom().code


async def _hold(size: Size, lesson: Lesson, server: ClassServer, home: Path) -> Lived:
    """Hold the lesson; return the memory of the server before, meanwhile and afterwards."""
    if size.rest:
        # Modules are imported by the first who needs them, which is no leak.
        warm = replace(lesson, tally=Tally(complaints=lesson.tally.complaints))
        await Student("First of all", warm, "warm").walk_through()
        await asyncio.sleep(size.rest)
    lived = Lived(memory_of(server.process_id), Memory(0, 0, 0))
    watching = asyncio.create_task(_watch_memory(server.process_id, lived.over_time))
    began = Use.now(server.process_id)
    images = make_folder(home / "brought along", 2, 12)
    async with chromium() as browser:
        until = asyncio.get_running_loop().time() + size.seconds
        when = random.Random(SEED)
        attending = []
        for number in range(size.sessions + size.pages):
            name = f"Student {number + 1}"
            seed = f"{SEED} {number}"
            place = number - size.sessions
            if place < 0:
                attend = Student(name, lesson, seed).attend(until, leaves_once=number == 0)
            else:
                brought = images if place == 0 else None
                attend = PageStudent(name, lesson, seed, browser, brought).attend(until)
            attending.append(_later(when.uniform(0, size.arrive), attend))
        await asyncio.gather(*attending)
    watching.cancel()
    lived.load = os.getloadavg()[0]
    lived.cores = Use.now(server.process_id).cores_since(began)
    await asyncio.sleep(size.rest)
    lived.after = memory_of(server.process_id)
    return lived


async def _later(seconds: float, attend: Awaitable[None]) -> None:
    await asyncio.sleep(seconds)
    await attend


def _finished(workspace: Workspace, tally: Tally) -> int:
    """Count the started runs that have ended well; complain of the others, and of lost images."""
    states = {run.id: run.state for run in workspace.store.list_runs()}
    for run, student in tally.runs.items():
        if states.get(run) is not RunState.COMPLETED:
            tally.complaints.append(f"{student}: the run {run} is {states.get(run, 'lost')}")
    brought = len(workspace.store.list_datasets()) - 1
    if brought != tally.uploads:
        tally.complaints.append(f"{tally.uploads} datasets were uploaded, and {brought} are there")
    return sum(states.get(run) is RunState.COMPLETED for run in tally.runs)


async def _watch_memory(process_id: int, over_time: list[Memory]) -> None:
    while True:
        over_time.append(memory_of(process_id))
        await asyncio.sleep(_MEMORY_SECONDS)


def memory_of(process_id: int) -> Memory:
    """Return the memory of a server and of all processes below it."""
    below = [process_id]
    for parent in below:
        below += children_of(parent)
    children = sum(map(pss_mb, below[1:]))
    return Memory(pss_mb(process_id), children, pss_mb(process_id, "Pss_Anon"))


# What is told of it


def _report(
    tally: Tally, lived: Lived, finished: int, load: tuple[float, float], size: Size
) -> Report:
    kinds = sorted(tally.seconds, key=lambda kind: (_is_beside(kind), kind))
    rows = [_row(kind, tally.seconds[kind]) for kind in kinds]
    every = [seconds for kind in kinds if not _is_beside(kind) for seconds in tally.seconds[kind]]
    rows.insert(0, _row("all interactions", every))
    cores = lived.cores
    peak = max(lived.over_time, key=lambda memory: memory.whole)
    notes = [
        f"{size.sessions} sessions and {size.pages} pages in Chromium, {size.seconds:.0f} s, "
        f"{size.think:g} s between two interactions on average. The target for the 95th percentile "
        f"of all interactions is {TARGET:g} s. What is not counted there: "
        f"{', '.join(BESIDE)}.",
        f"{finished} of {len(tally.runs)} started runs have ended well, {tally.uploads} datasets "
        f"were brought along, {tally.returns} students came back during a run.",
        f"Complaints: {len(tally.complaints)}.",
        *tally.complaints[:_MOST_COMPLAINTS],
        _memory_words("before the class", lived.before),
        _memory_words("at its peak", peak),
        _memory_words(
            f"{size.rest:.0f} s after everyone has left, "
            f"{lived.after.whole / lived.before.whole:.2f} of before (the web process without "
            f"files {lived.after.own / lived.before.own:.2f})",
            lived.after,
        ),
        f"Cores in use, on average: {cores['web']:.2f} by the web process, "
        f"{cores['training']:.2f} by training and other work of the server, "
        f"{cores['students']:.2f} by the students, {cores['others']:.2f} by other programs.",
        f"Load average of the machine before: {load[0]:.1f}; at the end of the class, which is "
        f"part of it: {load[1]:.1f}.",
    ]
    raw = {
        "seconds": dict(tally.seconds),
        "complaints": tally.complaints,
        "runs": tally.runs,
        "finished": finished,
        "uploads": tally.uploads,
        "returns": tally.returns,
        "memory": asdict(lived),
    }
    return Report("classroom", "A class of thirty", COLUMNS, rows, notes, raw)


def _is_beside(kind: str) -> bool:
    return kind.partition(" (")[0] in BESIDE


def _row(kind: str, seconds: Sequence[float]) -> tuple[Cell, ...]:
    ordered = sorted(seconds)
    n = len(ordered)
    return kind, n, ordered[n // 2], ordered[int(0.95 * n)], ordered[-1]


def _memory_words(when: str, memory: Memory) -> str:
    return (
        f"Memory of the server {when}: {memory.whole:,.0f} MiB, of which its web process has "
        f"{memory.server:,.0f}, {memory.own:,.0f} of them without libraries and other files."
    )
