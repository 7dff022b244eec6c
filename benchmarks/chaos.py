"""Random SIGKILLs of server and worker, after each of which all is as if there had been none.

After every restart the doctor finds nothing, what was finished is intact, and the run that was cut
off has the curve, the test and the model of one that never was.
"""

import os
import random
import signal
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

from benchmarks.chaos_checks import Finished, complaints, is_whole_zip, take_down
from benchmarks.chaos_house import serve, settings_of
from benchmarks.forking import FORKS, fork_address
from benchmarks.measuring import Options, Report
from benchmarks.pictures import make_folder
from tl_core.config import make_run_config
from tl_core.records import Run, RunState
from tl_core.workspace import open_workspace

ROUNDS = 200
PLAN = (
    ("ingesting", "server"),
    ("caching", "server"),
    ("training", "worker"),
    ("checkpointing", "server"),
    ("exporting", "server"),
    ("deleting a run", "server"),
    ("caching", "worker"),
    ("training", "both"),
    ("checkpointing", "worker"),
    ("deleting a dataset", "server"),
    ("testing", "worker"),
    ("training", "server"),
)
"""What goes on, and who is killed; repeated until there are enough kills."""
EPOCHS = 3
CLASSES = 2
SETTINGS = {
    **{"image_size": 64, "epochs": EPOCHS, "batch_size": 8, "augment": "photos"},
    "dropout": 0.3,
}
_PATIENCE = 300.0
_LOOK_SECONDS = 0.002


class Stuck(Exception):
    """Something did not happen in time."""


@dataclass(frozen=True)
class Kill:
    going_on: str
    killed: str
    complaints: tuple[str, ...]
    seconds: float
    """Time from the kill until everything was at rest again."""


def run(options: Options) -> Report:
    with tempfile.TemporaryDirectory() as folder:
        kills = list(chaos(Path(folder), options.rounds))
    counts = Counter((kill.going_on, kill.killed) for kill in kills)
    wrong = [
        f"{kill.going_on}, {kill.killed}: {each}" for kill in kills for each in kill.complaints
    ]
    return Report(
        "chaos",
        "SIGKILLs of server and worker",
        ("going on", "killed", "kills"),
        [(*what, n) for what, n in sorted(counts.items())],
        [f"{len(kills)} kills, {len(wrong)} complaints", *wrong],
        {"seconds": [kill.seconds for kill in kills]},
    )


def chaos(folder: Path, kills: int, seed: int = 0) -> Iterator[Kill]:
    """Kill so many times, and yield what each kill led to.

    Args:
        folder: empty; for the home folder and for images.
        seed: seeds the moments of the kills.
    """
    house = _House(folder)
    try:
        house.start()
        kept = house.train_to_the_end()
        for number in range(kills):
            going_on, killed = PLAN[number % len(PLAN)]
            # A generator for each, so that a kill does not depend on those before it.
            yield house.survive(going_on, killed, kept, random.Random(f"{seed} {number}"))
    finally:
        house.close()


class _House:
    """An installation whose server and worker are killed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._home = folder / "home"
        self._workspace = open_workspace(settings_of(self._home))
        self._images = make_folder(folder / "images", CLASSES, per_class=8, size=(80, 60))
        self._more = make_folder(folder / "more", classes=2, per_class=12, size=(80, 60))
        self._dataset = ""

    def start(self) -> None:
        """Start the server, and wait until it can be told what to do."""
        self._tasks: Connection
        self._tasks, theirs = FORKS.Pipe()
        self._server = FORKS.Process(target=serve, args=(str(self._home), theirs, fork_address()))
        self._server.start()
        theirs.close()
        if self._tasks.recv() != "started":
            raise Stuck("the server")

    def close(self) -> None:
        self._kill("server")
        self._workspace.store.close()

    def train_to_the_end(self) -> Finished:
        """Import the images and train a run that nothing disturbs."""
        self._dataset = self._do("ingest", str(self._images))
        run_id = self._train()
        self._wait_for(lambda: self._run(run_id).state.is_finished)
        return take_down(self._workspace, run_id)

    def survive(self, going_on: str, killed: str, kept: Finished, rng: random.Random) -> Kill:
        """Kill while something goes on, start again, and check everything."""
        if going_on == "caching":
            self._lose_the_cache()
        act = {
            "ingesting": self._ingest,
            "exporting": lambda chance: self._export(kept.run.id, chance),
            "deleting a run": self._delete_run,
            "deleting a dataset": self._delete_dataset,
        }.get(going_on)
        resumed = None if act else self._train()
        if act:
            again = act(rng)
        else:
            self._await(going_on, resumed or "", rng)
            again = _nothing
        began = time.monotonic()
        self._kill(killed)
        if killed != "worker":
            self._tasks.close()
            self.start()
        self._wait_for(self._is_at_rest)
        seconds = time.monotonic() - began
        found = list(complaints(self._workspace, kept, resumed))
        found += again()
        if resumed:
            self._do("delete", resumed)
        return Kill(going_on, killed, tuple(found), seconds)

    # Tasks of the server, which are cut short

    def _ingest(self, rng: random.Random) -> Callable[[], list[str]]:
        self._tell("ingest", str(self._more))
        time.sleep(rng.uniform(0, 0.25))

        def again() -> list[str]:
            dataset_id = self._do("ingest", str(self._more))
            images = len(self._workspace.store.list_images(dataset_id))
            self._do("delete", dataset_id)
            return [] if images == 24 else [f"The dataset has {images} images instead of 24."]

        return again

    def _export(self, run_id: str, rng: random.Random) -> Callable[[], list[str]]:
        self._tell("export", run_id)
        time.sleep(rng.uniform(0, 0.6))
        target = self._folder / f"{run_id}.zip"

        def again() -> list[str]:
            found = []
            if target.exists() and not is_whole_zip(target):
                found.append("The export is there in part.")
            if not is_whole_zip(Path(self._do("export", run_id))):
                found.append("The second export is damaged.")
            return found

        return again

    def _delete_run(self, rng: random.Random) -> Callable[[], list[str]]:
        run_id = self._train()
        self._wait_for(lambda: self._run(run_id).state.is_finished)
        return self._delete(run_id, rng)

    def _delete_dataset(self, rng: random.Random) -> Callable[[], list[str]]:
        return self._delete(self._do("ingest", str(self._more)), rng)

    def _delete(self, record_id: str, rng: random.Random) -> Callable[[], list[str]]:
        self._tell("delete", record_id)
        time.sleep(rng.uniform(0, 0.05))

        def again() -> list[str]:
            self._do("delete", record_id)
            # The lock of a dataset stays, since the same images may come again.
            left = [p for p in self._home.rglob(f"*{record_id}*") if p.parent.name != "locks"]
            return [f"Deleting leaves {path.name}." for path in left]

        return again

    # A run, which is cut off

    def _await(self, going_on: str, run_id: str, rng: random.Random) -> None:
        """Wait until it goes on in the run, and for a while more."""
        epoch = rng.randrange(EPOCHS)
        draft = self._workspace.artifacts.run_folder(run_id)

        def is_going_on() -> bool:
            run = self._run(run_id)
            stage = run.progress.stage if run.progress else ""
            if run.state.is_finished:
                return True
            if going_on == "caching":
                return stage == "preparing features"
            if going_on == "testing":
                return run.epochs_done == EPOCHS
            if going_on == "checkpointing":
                return run.epochs_done >= epoch and any(draft.rglob("*.unfinished"))
            return stage == "training" and run.epochs_done >= epoch

        self._wait_for(is_going_on)
        if going_on != "checkpointing":
            time.sleep(rng.uniform(0, 0.2))

    def _train(self) -> str:
        return self._do("train", make_run_config(self._dataset, SETTINGS))

    def _lose_the_cache(self) -> None:
        """Have the features prepared anew, by a process that has none in memory either."""
        cache = self._workspace.cache
        if cache:
            for path in cache.folder.rglob("*"):
                if path.is_file() and path.suffix != ".lock":
                    path.unlink(missing_ok=True)

    # Server and worker

    def _tell(self, task: str, about: object) -> None:
        self._tasks.send((task, about))

    def _do(self, task: str, about: object) -> str:
        self._tell(task, about)
        if not self._tasks.poll(_PATIENCE):
            raise Stuck(task)
        return str(self._tasks.recv())

    def _kill(self, who: str) -> None:
        if who in ("worker", "both"):
            for run in self._workspace.store.list_running_runs():
                process = self._workspace.artifacts.process_of(run.id)
                if process:
                    os.kill(process, signal.SIGKILL)
        if who in ("server", "both"):
            self._server.kill()
            self._server.join()

    def _run(self, run_id: str) -> Run:
        return self._workspace.store.get_run(run_id)

    def _is_at_rest(self) -> bool:
        states = {run.state for run in self._workspace.store.list_runs()}
        return not states & {RunState.QUEUED, RunState.RUNNING}

    def _wait_for(self, check: Callable[[], bool]) -> None:
        give_up = time.monotonic() + _PATIENCE
        while not check():
            if time.monotonic() > give_up:
                raise Stuck(f"{[run.state for run in self._workspace.store.list_runs()]}")
            time.sleep(_LOOK_SECONDS)


def _nothing() -> list[str]:
    return []
