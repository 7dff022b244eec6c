"""Training, pausing and going on, and looking for a learning rate."""

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tl_core.cli.actions.datasets import find_or_ingest
from tl_core.cli.actions.presets import find_preset, parse_settings
from tl_core.cli.actions.workspaces import open_and_tidy
from tl_core.cli.output import out, print_json, print_run, progress_bar, train_json
from tl_core.config import RunConfig, make_run_config
from tl_core.errors import RunNotReady, TransferLabError
from tl_core.files import write_whole
from tl_core.presets import ANY_DATASET
from tl_core.records import DatasetRecord, Progress, Run, RunState
from tl_core.runners import InlineRunner
from tl_core.runs.execute import check, make_experiment, settle
from tl_core.training.lr_finder import find_learning_rate
from tl_core.workspace import Workspace

_PAUSE_SECONDS = 10.0


@dataclass(frozen=True)
class Choices:
    """What a command line asked for: a preset, and settings on top of it."""

    preset: str | None
    settings: Mapping[str, Any]

    def config(self, workspace: Workspace, dataset_id: str = ANY_DATASET) -> RunConfig:
        base = find_preset(workspace.store, self.preset) if self.preset is not None else None
        return make_run_config(dataset_id, self.settings, base)


def choose(preset: str | None, flags: Mapping[str, Any], texts: Sequence[str]) -> Choices:
    """A preset, changed by what options of their own say, changed by what `--set` says."""
    return Choices(preset, {**flags, **parse_settings(texts)})


def train(dataset: str, choices: Choices, as_json: bool) -> None:
    started, workspace = time.monotonic(), open_and_tidy()
    choices.config(workspace)  # complain before the images are read
    record = find_or_ingest(workspace, dataset)
    ingest_seconds = time.monotonic() - started
    with _shown() as show:
        run = InlineRunner(workspace, show).submit(choices.config(workspace, record.id))
    _tell(run, record, ingest_seconds, time.monotonic() - started, as_json)


def resume(run_id: str, epochs: int | None, as_json: bool) -> None:
    started, workspace = time.monotonic(), open_and_tidy()
    with _shown() as show:
        run = InlineRunner(workspace, show).resume(run_id, epochs)
    record = workspace.store.get_dataset(run.config.data.dataset_id)
    _tell(run, record, 0.0, time.monotonic() - started, as_json)


def pause(run_id: str, as_json: bool) -> None:
    store = open_and_tidy().store
    run = store.get_run(run_id)
    if run.state.is_finished:
        raise RunNotReady(f"Run {run.id} is {run.state}, and there is nothing to pause.")
    store.request_pause(run.id)
    give_up = time.monotonic() + _PAUSE_SECONDS
    while (run := store.get_run(run.id)).state is RunState.RUNNING and time.monotonic() < give_up:
        time.sleep(0.1)
    if as_json:
        print_json(
            {
                "run_id": run.id,
                "state": run.state,
                "message": run.message,
                "epochs_done": run.epochs_done,
            }
        )
    else:
        print_run(run)


def lr_find(
    dataset: str, choices: Choices, steps: int, progress_file: Path | None, as_json: bool
) -> None:
    workspace = open_and_tidy()
    choices.config(workspace)
    config = choices.config(workspace, find_or_ingest(workspace, dataset).id)
    config = settle(config, check(workspace, config))
    with measured("trying learning rates", progress_file) as show:
        finding = find_learning_rate(make_experiment(workspace, config), steps, on_progress=show)
    if as_json:
        return print_json(asdict(finding))
    found = (
        f"Learning rate {finding.suggestion:.2g} for the head"
        if finding.suggestion
        else "No learning rate"
    )
    out.print(f"{found}: {finding.reason} (Tried on {finding.n:,} training images.)")


def _tell(
    run: Run, record: DatasetRecord, ingest_seconds: float, seconds: float, as_json: bool
) -> None:
    if as_json:
        print_json(train_json(run, record, ingest_seconds, seconds))
    else:
        print_run(run)
    if run.state is not RunState.COMPLETED:
        raise TransferLabError(run.message)


@contextmanager
def _shown() -> Iterator[Callable[[object, Progress | None], None]]:
    """A progress bar, and what moves it."""
    with progress_bar() as bar:
        task = bar.add_task("starting", total=1.0)

        def show(_event: object, progress: Progress | None) -> None:
            if progress:
                text = f"{progress.stage}: {progress.detail}" if progress.detail else progress.stage
                bar.update(task, description=text, completed=progress.fraction)

        yield show


@contextmanager
def measured(what: str, progress_file: Path | None = None) -> Iterator[Callable[..., None]]:
    """A progress bar, and what moves it, given the share that is done and, if it likes, what is being done.

    Both also stand in `progress_file`, for a process that waits.
    """
    with progress_bar() as bar:
        task = bar.add_task(what, total=1.0)

        def show(share: float, words: str = "") -> None:
            bar.update(task, completed=share, description=words or what)
            if progress_file:
                said = json.dumps({"fraction": share, "words": words})
                write_whole(progress_file, said, durable=False)

        yield show
