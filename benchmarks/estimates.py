"""Estimates of a run's duration, made before it starts, beside how long it then takes.

Varied trainings in one workspace: the first ever, the same again, with another seed, with
augmentation, with stages that learn, other networks, a small and a larger dataset, and two at the
same time. Each group runs in a process of its own, one run after the other. The ratio is the
expected duration over the true one. A range counts with its nearest end, and as right if the truth
lies inside; so that wide ranges cannot hide, their width is a column, and the median error is also
told for the expected value alone.
"""

import json
import math
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from benchmarks.estimated_runs import GROUPS, SETS, TINY, Group
from benchmarks.experiments import make_trial
from benchmarks.frozen import weights_folder
from benchmarks.measuring import ROOT, CannotMeasure, Cell, Options, Report
from benchmarks.pictures import make_folder
from tl_core.memory import importing, keep_freed_memory
from tl_core.openmp import wait_without_spinning

if TYPE_CHECKING:
    from tl_core.facts import RunFacts
    from tl_core.runs.estimate import Estimate

TARGET_MEDIAN = 0.3
TARGET_WORST = 3.0


@dataclass(frozen=True)
class Measured:
    name: str
    low: float
    expected: float
    high: float
    truth: float
    cores: float
    """Cores that others left, when the estimate was made."""
    work: float
    """Processor seconds that were expected."""
    worked: float
    """Processor seconds that it then took."""
    others: float
    """Share of the machine that other programs took while it ran."""
    stages: dict[str, list[float]]
    """Expected and true processor seconds, then expected and true seconds, of each stage."""

    @property
    def ratio(self) -> float:
        """Expected over true duration, of a range its nearest end; 1 inside it."""
        nearest = min(max(self.truth, self.low), self.high)
        said = nearest if self.high > _SURE * self.low else self.expected
        return said / self.truth

    @property
    def width(self) -> float:
        return self.high / self.low


_SURE = 1.7


def run(options: Options) -> Report:
    with TemporaryDirectory() as scratch:
        measured = list(_measure(options, Path(scratch)))
    errors = sorted(abs(each.ratio - 1) for each in measured)
    middles = sorted(abs(each.expected / each.truth - 1) for each in measured)
    worst = max(max(each.ratio, 1 / each.ratio) for each in measured)
    widths = [each.width for each in measured]
    notes = [
        f"median error {statistics.median(errors):.0%} (target below {TARGET_MEDIAN:.0%}); "
        f"of the expected value alone {statistics.median(middles):.0%}",
        f"worst ratio ×{worst:.2f} (target at most ×{TARGET_WORST:g}); of the expected value alone "
        f"×{max(math.exp(abs(math.log(each.expected / each.truth))) for each in measured):.2f}",
        f"{sum(each.low <= each.truth <= each.high for each in measured)} of {len(measured)} "
        f"ranges hold the truth; median width ×{statistics.median(widths):.1f}",
    ]
    columns = (
        *("run", "low, s", "expected, s", "high, s", "truth, s", "ratio", "expected over truth"),
        *("work, expected over truth", "cores left by others before", "taken by others meanwhile"),
    )
    raw = {"runs": [vars(each) for each in measured]}
    return Report("estimates", "Estimated durations", columns, _rows(measured), notes, raw)


def _rows(measured: Sequence[Measured]) -> list[tuple[Cell, ...]]:
    return [
        (
            *(each.name, each.low, each.expected, each.high, each.truth),
            *(each.ratio, each.expected / each.truth, each.work / each.worked),
            *(each.cores, each.others),
        )
        for each in measured
    ]


def _measure(options: Options, scratch: Path) -> Iterator[Measured]:
    home = scratch / "home"
    weights = weights_folder(options)
    for group in TINY if options.tiny else GROUPS:
        folder = _some_images(options, group.dataset, scratch)
        trial = make_trial(home, folder, weights, {})
        if options.tiny:
            yield from _do_runs(home, weights, trial.dataset, group.runs)
            continue
        yield from _in_processes(home, weights, trial.dataset, group)


def _some_images(options: Options, name: str, scratch: Path) -> Path:
    """Copy a few images of each class into a folder, or make synthetic ones."""
    folder = scratch / name
    if folder.is_dir():
        return folder
    if options.tiny or options.data is None:
        return make_folder(folder, classes=2, per_class=20 if options.tiny else 80)
    source, n = SETS[name]
    classes = [path for path in sorted((options.data / source).iterdir()) if path.is_dir()]
    if not classes:
        raise CannotMeasure(f"{options.data / source} has no folders of classes.")
    for kind in classes:
        (folder / kind.name).mkdir(parents=True)
        for file in sorted(kind.iterdir())[:n]:
            shutil.copy(file, folder / kind.name)
    return folder


def _in_processes(
    home: Path, weights: Path | None, dataset: str, group: Group
) -> Iterator[Measured]:
    # For the processes, which import torch before they could set it, as the app does in time.
    wait_without_spinning()
    processes = []
    for place in range(group.at_once):
        runs = [
            (name, {**settings, "seed": place} if group.at_once > 1 else settings)
            for name, settings in group.runs
        ]
        arguments = [str(home), str(weights or ""), dataset, json.dumps(runs)]
        command = [sys.executable, "-m", "benchmarks.estimates", *arguments]
        processes.append(subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True))
        # The second estimates while the first one runs, as a second person's would.
        if place + 1 < group.at_once:
            time.sleep(3)
    for process in processes:
        output, _ = process.communicate()
        if process.returncode:
            raise CannotMeasure(f"a process of runs ended with {process.returncode}.")
        yield from (Measured(**json.loads(line)) for line in output.splitlines())


def _do_runs(
    home: Path, weights: Path | None, dataset: str, runs: Sequence[tuple[str, dict[str, Any]]]
) -> Iterator[Measured]:
    """Estimate each run, carry it out, and yield both."""
    with importing():
        from benchmarks.experiments import _open
        from tl_core.config import make_run_config
        from tl_core.machine import probe_available
        from tl_core.runners import InlineRunner
        from tl_core.runs.estimate import estimate_run
        from tl_core.runs.execute import make_experiment, settle
        from tl_core.runs.summary import seconds_taken

    workspace = _open(home, str(weights) if weights else None)
    record = workspace.store.get_dataset(dataset)
    for place, (name, settings) in enumerate(runs):
        config = settle(make_run_config(dataset, settings), record)
        available = probe_available()
        experiment = make_experiment(workspace, config)
        estimate = estimate_run(workspace, experiment, available, is_first=place == 0)
        done = InlineRunner(workspace).submit(config)
        truth = seconds_taken(done)
        if done.result is None or not truth:
            raise CannotMeasure(f"the run {name!r} did not end: {done.message}")
        found = _compare(name, estimate, done.facts, truth)
        # Told at once, since all together take minutes.
        sys.stderr.write(f"{json.dumps(vars(found))}\n")
        yield found
    workspace.store.close()


def _compare(name: str, estimate: "Estimate", facts: "RunFacts", truth: float) -> Measured:
    span = estimate.span
    expected = estimate.processor
    taken = facts.processor_seconds
    return Measured(
        name,
        span.low,
        span.expected,
        span.high,
        truth,
        cores=estimate.available.every,
        work=sum(expected.values()),
        worked=sum(taken.values()),
        others=facts.others_share or 0.0,
        stages={
            stage: [
                *(expected[stage], taken.get(stage, 0.0)),
                *(each.expected, facts.seconds_by_stage.get(stage, 0.0)),
            ]
            for stage, each in estimate.stages.items()
        },
    )


def _main(home: str, weights: str, dataset: str, runs: str) -> None:
    keep_freed_memory()
    for each in _do_runs(Path(home), Path(weights) if weights else None, dataset, json.loads(runs)):
        sys.stdout.write(json.dumps(vars(each)) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    _main(*sys.argv[1:])
