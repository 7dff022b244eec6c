"""Measurement of a run's parts while it runs, for the estimates of later runs."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from tl_core.backbones import anatomy
from tl_core.events import (
    BatchEnded,
    EpochEnded,
    Event,
    FactsFound,
    StageAdvanced,
    StageStarted,
    Tested,
)
from tl_core.facts import CachedRows, RunFacts
from tl_core.machine import Moment, count_cores, read_clocks
from tl_core.paces import Cost, PaceBook
from tl_core.runs.measured_parts import Epochs, MeasuredParts
from tl_core.runs.parts import Parts, StageModel
from tl_core.runs.workload import Workload
from tl_core.training import Experiment

_FEWEST_ROWS = 32
"""Images after the first batch from which the prefix has a pace."""
_STEADY_ROWS = 96
"""Images after the first batch that make it reliable: each new size of a batch is set up first."""
_QUIET = 0.15
"""Share of the machine that others may take before they decide how many cores a part uses."""
_FEWEST_CORES = 0.05
"""Least number of cores that are taken to have been left by others."""


@dataclass(frozen=True, slots=True)
class _Time:
    clocks: Moment
    work: float
    """Processor seconds without the threads that read images; on a GPU, seconds on the clock."""
    read: int
    """Images read so far."""

    def since(self, earlier: "_Time", others: float) -> Cost:
        """Return the work that was done, without reading, and the cores that both used.

        Args:
            others: share of the machine that other processes took.
        """
        wall = self.clocks.wall - earlier.clocks.wall
        own = self.clocks.own - earlier.clocks.own
        work = max(0.0, self.work - earlier.work)
        # At least what others left was there to be had; the rest of the time was spent waiting.
        left = max(_FEWEST_CORES, min(1.0, count_cores() * (1 - others)))
        waited = max(0.0, wall - own / left)
        cores = max(1.0, own / wall) if wall > 0 else 1.0
        return Cost(work, cores if others < _QUIET else None, waited)


class PaceKeeper:
    """Watches the events of one run and stores the pace of its parts at the end."""

    def __init__(
        self,
        experiment: Experiment,
        book: PaceBook,
        model: Callable[[], StageModel | None],
        *,
        began: Moment,
        is_first: bool,
        work: Workload,
    ) -> None:
        """
        Args:
            began: clocks when the run began, before the experiment was made.
            model: returns the model of parts, or None if its stages were never measured.
            is_first: whether this is the process's first run.
            work: what the run has to do.
        """
        self._experiment = experiment
        self._parts = Parts.of(experiment.config)
        n_stages = len(anatomy(experiment.backbone, experiment.config.model.image_size).stages)
        self._measured = MeasuredParts(
            self._parts, book, model, n_stages=n_stages, is_first=is_first
        )
        self._work = work
        self._spent: dict[str, float] = {}
        self._stage_began = began
        self._on_cpu = experiment.device.torch_device.type == "cpu"
        self._facts = RunFacts()
        self._stage = ""
        self._begun = began
        self._mark = self._now(began)
        self._first: tuple[_Time, int] | None = None
        self._last: tuple[_Time, int] | None = None
        self._trained: _Time | None = None
        self._phases: list[Epochs] = []

    def _now(self, clocks: Moment | None = None) -> _Time:
        clocks = clocks or read_clocks()
        reading = self._experiment.reading.read
        work = clocks.own - reading.seconds if self._on_cpu else clocks.wall
        return _Time(clocks, work, reading.n)

    def _cost(self, later: _Time, earlier: _Time) -> Cost:
        # Of the whole run, as the system counts in steps too coarse for a short span.
        return later.since(earlier, later.clocks.others_share(self._begun))

    def see(self, event: Event) -> None:
        """Note the time of an event."""
        match event:
            case StageStarted(stage):
                self._start_stage(stage)
            case StageAdvanced("preparing features", done):
                self._last = (self._now(), done)
                self._first = self._first or self._last
            case FactsFound(facts):
                self._facts = self._facts.merged(facts)
            case BatchEnded(epoch, step, total_steps):
                # Reading the clocks takes longer than a step of a small head.
                if step * self._experiment.config.train.epochs == epoch * total_steps:
                    self._trained = self._now()
            case EpochEnded():
                self._note_epoch()
            case Tested():
                self._store()

    def found(self, earlier: Mapping[str, float]) -> RunFacts:
        """Return what the run cost so far, and under which circumstances.

        Args:
            earlier: processor seconds by stage before the run was resumed.
        """
        now = read_clocks()
        self._end_stage(now)
        spent = {
            stage: earlier.get(stage, 0.0) + self._spent.get(stage, 0.0)
            for stage in {**earlier, **self._spent}
        }
        work = self._work
        found = work.rows_found + work.test_rows_found
        facts = RunFacts(
            processor_seconds=spent,
            others_share=now.others_share(self._begun),
            cached_rows=CachedRows(found=found, needed=found + work.rows + work.test_rows),
        )
        saved = self._saved(found)
        return facts if saved is None else facts.merged(RunFacts(processor_saved=saved))

    def _end_stage(self, now: Moment) -> None:
        if self._stage:
            began = self._stage_began
            seconds = now.own - began.own if self._on_cpu else now.wall - began.wall
            self._spent[self._stage] = self._spent.get(self._stage, 0.0) + seconds
        self._stage_began = now

    def _saved(self, found: int) -> float | None:
        """Return the cost of the activations `found` in the cache; None if it is not known."""
        work = self._work
        if not found:
            return 0.0
        cost_of = self._measured.processor
        cut = max(work.cut, work.test_cut)
        each = self._measured.prefix_of_any_engine(cut)
        if not each:
            return None
        # An image is decoded once for its plain view, and once for all augmented ones.
        views = max(1, work.views)
        decoding = cost_of(self._parts.decoding("centre"))
        if views > 1:
            decoding += cost_of(self._parts.decoding("whole"))
        augmented = work.rows_found * (views - 1) / views
        varying = augmented * cost_of(self._parts.varying)
        return found * each + found / views * decoding + varying

    def _start_stage(self, stage: str) -> None:
        now = self._now()
        self._end_stage(now.clocks)
        if stage == "preparing features" and self._stage == "reading images":
            self._measured.note_start(self._cost(now, self._mark))
        if self._stage == "preparing features":
            self._note_pass(now)
        if stage == "training":
            self._phases.append(self._phase())
        # Reading the images began with the construction of this object.
        if stage != "reading images":
            self._mark = now
        self._stage = stage
        self._first = None
        self._last = None

    def _phase(self) -> Epochs:
        done = sum(len(phase.costs) for phase in self._phases)
        plan = self._facts.plan
        planned = [phase for phase in plan if phase.first_epoch <= done + 1]
        frozen = planned[-1].frozen_stages if planned else 0
        return Epochs(frozen, bool(self._facts.cached_views) and frozen > 0)

    def _note_pass(self, now: _Time) -> None:
        if not self._facts.plan or not self._facts.cached_views:
            return
        cut = max(phase.frozen_stages for phase in self._facts.plan)
        spent = self._cost(now, self._mark)
        if not self._first or not self._last:
            self._measured.note_cached(cut, spent)
            return
        first, first_done = self._first
        last, last_done = self._last
        rows = last_done - first_done
        each = None
        if rows >= _FEWEST_ROWS:
            # While one batch is computed, others are read: nothing waits in sum.
            each = replace(self._cost(last, first), waited=0.0).per(rows)
        exported = "ONNX" in self._facts.features_by
        is_steady = rows >= _STEADY_ROWS
        self._measured.note_pass(
            cut, spent, last_done, each, exported=exported, is_steady=is_steady
        )

    def _note_epoch(self) -> None:
        # A resumed run first repeats its last epoch, before it trains.
        if self._stage != "training" or self._trained is None:
            return
        now = self._now()
        costs = self._cost(self._trained, self._mark), self._cost(now, self._trained)
        self._phases[-1].costs.append(costs)
        self._mark = now
        self._trained = None

    def _store(self) -> None:
        now = self._now()
        splits = self._facts.splits
        if not splits:
            return
        measured = self._measured
        for phase in self._phases:
            if phase.costs:
                measured.note_phase(phase, splits.train, splits.val)
        measured.note_reading(self._experiment.reading)
        # An export in the test is another part, which cannot be told apart here.
        if self._phases and self._phases[-1].costs and not self._work.test_exports:
            cut = self._work.test_cut
            read = now.read - self._mark.read
            measured.note_test(
                self._cost(now, self._mark),
                self._phases[-1],
                forwards=splits.test + self._work.n_checked if cut else read,
                passed=read if cut else 0,
                cut=cut,
                exported=self._work.exports,
            )
        measured.store()
