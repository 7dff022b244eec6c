"""Measurement of a run's parts while it runs, for the estimates of later runs."""

import statistics
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

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
from tl_core.runs.parts import Parts, StageModel, model_error, step_kind
from tl_core.runs.workload import Workload
from tl_core.training import Experiment
from tl_core.training.testing import n_checked

_FEWEST_ROWS = 32
"""Images after the first batch that make the prefix's pace reliable."""
_QUIET = 0.15
"""Share of the machine that others may take before they decide how many cores a part uses."""
_FEWEST_CORES = 0.05
"""Least number of cores that are taken to have been left by others."""
_SMALLEST_CONSTANT = 0.01
"""Processor seconds below which the rest of a part is not told apart from rounding."""


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


@dataclass
class _Epochs:
    """Epochs of one phase, measured apart: (training, everything after it)."""

    frozen: int
    on_rows: bool
    costs: list[tuple[Cost, Cost]] = field(default_factory=list)


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
            model: returns the model of parts, or None if its stages were never measured; called at
                the end of the run.
            is_first: whether this is the process's first run.
            work: what the run has to do.
        """
        self._experiment = experiment
        self._book = book
        self._model = model
        self._parts = Parts.of(experiment.config)
        self._is_first = is_first
        self._work = work
        self._spent: dict[str, float] = {}
        self._stage_began = began
        self._on_cpu = experiment.device.torch_device.type == "cpu"
        self._costs: dict[str, Cost] = {}
        self._facts = RunFacts()
        self._stage = ""
        self._begun = began
        self._mark = self._now(began)
        self._first: tuple[_Time, int] | None = None
        self._last: tuple[_Time, int] | None = None
        self._trained: _Time | None = None
        self._phases: list[_Epochs] = []

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
                self._note_test()
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
        cut = max(work.cut, work.test_cut)
        each = self._processor(self._parts.prefix(cut, exported=True))
        each = each or self._processor(self._parts.prefix(cut, exported=False))
        if not each:
            return None
        # An image is decoded once for its plain view, and once for all augmented ones.
        views = max(1, work.views)
        decoding = self._processor(self._parts.decoding("centre"))
        if views > 1:
            decoding += self._processor(self._parts.decoding("whole"))
        augmented = work.rows_found * (views - 1) / views
        varying = augmented * self._processor(self._parts.varying)
        return found * each + found / views * decoding + varying

    def _start_stage(self, stage: str) -> None:
        now = self._now()
        self._end_stage(now.clocks)
        if stage == "preparing features" and self._stage == "reading images":
            start = self._parts.start(is_first=self._is_first)
            self._costs[start] = self._cost(now, self._mark)
        if self._stage == "preparing features":
            self._note_prefix()
        if stage == "training":
            self._phases.append(self._phase())
        # Reading the images began with the construction of this object.
        if stage != "reading images":
            self._mark = now
        self._stage = stage
        self._first = None
        self._last = None

    def _phase(self) -> _Epochs:
        done = sum(len(phase.costs) for phase in self._phases)
        plan = self._facts.plan
        planned = [phase for phase in plan if phase.first_epoch <= done + 1]
        frozen = planned[-1].frozen_stages if planned else 0
        return _Epochs(frozen, bool(self._facts.cached_views) and frozen > 0)

    def _note_prefix(self) -> None:
        if not self._first or not self._last:
            return
        first, first_done = self._first
        last, last_done = self._last
        rows = last_done - first_done
        if rows < _FEWEST_ROWS:
            return
        cut = max(phase.frozen_stages for phase in self._facts.plan)
        exported = "ONNX" in self._facts.features_by
        spent = self._cost(last, first)
        # While one batch is computed, others are read: nothing waits in sum.
        pace = replace(spent, waited=0.0).per(rows)
        self._costs[self._parts.prefix(cut, exported=exported)] = pace
        if exported:
            before = self._cost(first, self._mark)
            export = max(_SMALLEST_CONSTANT, before.processor - first_done * pace.processor)
            self._costs[self._parts.export(cut)] = Cost(export, waited=before.waited)

    def _note_epoch(self) -> None:
        # A resumed run first repeats its last epoch, before it trains.
        if self._stage != "training" or self._trained is None:
            return
        now = self._now()
        costs = self._cost(self._trained, self._mark), self._cost(now, self._trained)
        self._phases[-1].costs.append(costs)
        self._mark = now
        self._trained = None

    def _note_test(self) -> None:
        now = self._now()
        splits = self._facts.splits
        plan = self._facts.plan
        if not splits or not plan or not self._phases or not self._phases[-1].costs:
            return
        spent = self._cost(now, self._mark)
        last = self._phases[-1]
        read = now.read - self._mark.read
        per_image = self._forward(last)
        cut = last.frozen if self._experiment.cache else 0
        if cut:
            exported = self._parts.prefix(cut, exported=True)
            plain = self._parts.prefix(cut, exported=False)
            rest = per_image * (splits.test + n_checked(splits.train, splits.val))
            rest += read * (self._processor(exported) or self._processor(plain))
        else:
            rest = read * per_image
        constant = max(_SMALLEST_CONSTANT, spent.processor - rest)
        self._costs[self._parts.test(last.frozen)] = Cost(constant, waited=spent.waited)

    def _processor(self, part: str) -> float:
        if part in self._costs:
            return self._costs[part].processor
        pace = self._book.find(part)
        return pace.processor if pace else 0.0

    def _forward(self, phase: _Epochs) -> float:
        """Return the cost of an image's forward pass, from that of training: a third of it."""
        n = self._facts.splits.train if self._facts.splits else 1
        return statistics.median(train.processor for train, _ in phase.costs) / n / 3

    def _store(self) -> None:
        splits = self._facts.splits
        if not splits:
            return
        for phase in self._phases:
            if phase.costs:
                self._note_phase(phase, splits.train, splits.val)
        self._note_reading()
        self._note_errors()
        self._book.add(self._costs)

    def _note_phase(self, phase: _Epochs, n_train: int, n_val: int) -> None:
        # The first epoch also sets up; it counts where there is no other.
        measured = phase.costs[1:] or phase.costs
        step = replace(_median([train for train, _ in measured]), waited=0.0).per(n_train)
        self._costs[self._parts.step(phase.frozen, on_rows=phase.on_rows)] = step
        after = _median([rest for _, rest in measured])
        validation = n_val * step.processor / 3
        closing = max(_SMALLEST_CONSTANT / 10, after.processor - validation)
        self._costs[self._parts.closing(phase.frozen)] = Cost(closing, waited=after.waited)

    def _note_reading(self) -> None:
        reading = self._experiment.reading
        for form, decoded in reading.decoded.items():
            if decoded.n >= _FEWEST_ROWS:
                each = decoded.seconds / decoded.n
                self._costs[self._parts.decoding(form)] = Cost(each)
        if reading.varied.n >= _FEWEST_ROWS:
            each = reading.varied.seconds / reading.varied.n
            self._costs[self._parts.varying] = Cost(each)

    def _note_errors(self) -> None:
        """Note how far the model of parts is off, for networks that were never trained."""
        model = self._model()
        if model is None:
            return
        backbone = self._parts.backbone
        pairs: list[tuple[str, float, float]] = []
        if self._facts.plan:
            cut = max(phase.frozen_stages for phase in self._facts.plan)
            for exported in (False, True):
                part = self._parts.prefix(cut, exported=exported)
                if part in self._costs:
                    kind = "prefix exported" if exported else "prefix"
                    pairs.append((kind, self._costs[part].processor, model.prefix(cut)))
        for phase in self._phases:
            part = self._parts.step(phase.frozen, on_rows=phase.on_rows)
            if part in self._costs:
                modelled = model.step(phase.frozen, on_rows=phase.on_rows)
                is_head = phase.on_rows and phase.frozen == model.n_stages
                pairs.append((step_kind(is_head), self._costs[part].processor, modelled))
        for kind, measured, modelled in pairs:
            if modelled > 0:
                times = Cost(measured / modelled)
                self._costs[model_error(kind, backbone)] = times
                self._costs[model_error(kind)] = times


def _median(costs: list[Cost]) -> Cost:
    """Return the cost with the median processor time; of an even number, the lower one."""
    ordered = sorted(costs, key=lambda cost: cost.processor)
    return ordered[(len(ordered) - 1) // 2]
