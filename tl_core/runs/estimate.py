"""Estimated duration of a run: what it has to compute, at the pace of this machine."""

import math
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass

from tl_core.data.images import image_path
from tl_core.data.pixels import Form
from tl_core.errors import ImageUnusable
from tl_core.events import STAGES
from tl_core.machine import Available, count_cores, probe_available
from tl_core.paces import Cost, PaceBook
from tl_core.runs.parts import Parts, StageModel, model_error, step_kind
from tl_core.runs.workload import PhaseWork, Reading, Workload, count_work
from tl_core.text import about, between
from tl_core.training import Experiment
from tl_core.training.speed_records import recall
from tl_core.training.stage_speed import stage_seconds
from tl_core.workspace import Workspace

_READING, _PREPARING, _TRAINING, _TESTING = STAGES
_FORWARD = 1 / 3
"""Cost of a forward pass in training steps, of which two thirds are the backward pass."""
_ENOUGH = 3
"""Measurements from which a pace counts as well known."""
_PRIOR = {"prefix": 1.0, "prefix exported": 0.5, "step": 1.5, "step of a head": 1.0}
"""Times that the model of parts is off before any run was measured; ONNX Runtime takes from a
quarter to three quarters of PyTorch's time."""
_DEFAULT_SECONDS = {
    "start": 0.6,
    "start again": 0.3,
    "export": 1.5,
    "closing": 0.03,
    "test": 0.4,
    "varying": 4e-3,
}
"""Processor seconds of parts that were never measured."""
_SAMPLED = 6
"""Images that are decoded to measure a dataset that was never trained on."""
_MEASURED = 1.15
"""Ratio between what a part may take and what is expected, if it was measured several times."""
_FEW = 1.25
"""Same ratio for a part that was measured once or twice."""
_SIMILAR = 1.4
"""Same ratio for a part that is derived from others of this network."""
_MODELLED = 1.7
"""Same ratio for a part that is derived from other networks."""
_GUESSED = 2.2
"""Same ratio for a part of which nothing is known here."""
_SURE = 1.7
"""Largest ratio of the ends of a range that is told as one figure."""
_LOAD_CHANGES = 1.6
"""Ratio by which the cores that others leave may change while a run lasts."""


@dataclass(frozen=True, slots=True)
class Span:
    """Expected seconds, and the range in which they should lie."""

    low: float
    expected: float
    high: float

    def __add__(self, other: "Span") -> "Span":
        return Span(self.low + other.low, self.expected + other.expected, self.high + other.high)

    def times(self, factor: float) -> "Span":
        return Span(factor * self.low, factor * self.expected, factor * self.high)

    @property
    def is_sure(self) -> bool:
        """True if one figure says enough."""
        return self.high <= _SURE * self.low

    def say(self) -> str:
        """Say one figure where it is sure, else a range: `30 seconds to 2 minutes`."""
        return about(self.expected) if self.is_sure else between(self.low, self.high)


NOTHING = Span(0.0, 0.0, 0.0)


@dataclass(frozen=True, slots=True)
class Estimate:
    """Expected duration of a run from its start, without its time in the queue."""

    stages: Mapping[str, Span]
    """Duration of each of `events.STAGES`."""
    work: Workload
    available: Available
    """Cores that the run was taken to get."""

    @property
    def span(self) -> Span:
        return sum(self.stages.values(), NOTHING)


@dataclass(frozen=True, slots=True)
class _Part:
    """Processor seconds of a part, the cores that it can use, and how sure this is."""

    processor: float
    cores: float
    factor: float
    waited: float = 0.0
    """Seconds without work."""

    def times(self, n: float) -> "_Part":
        return _Part(n * self.processor, self.cores, self.factor, n * self.waited)

    def span(self, available: Available) -> Span:
        """Return the seconds that the part takes with the cores that are available."""
        expected = self.waited + self.processor / available.cores_for(self.cores)
        # What nobody else uses is not expected to be taken.
        change = 1.0 if available.is_all else _LOAD_CHANGES
        # The two causes are independent, so that both hardly go to the same extreme.
        factor = math.exp(math.hypot(math.log(change), math.log(self.factor)))
        return Span(expected / factor, expected, expected * factor)


def estimate_run(
    workspace: Workspace, experiment: Experiment, available: Available, *, is_first: bool
) -> Estimate:
    """Estimate the duration of a run without its time in the queue.

    Early stopping is not taken into account. A network that was never measured here is measured
    first, which takes up to a second or two.

    Args:
        experiment: the run's, which is not carried out.
        available: cores that the run will get.
        is_first: whether it will be the first run of its process, which has to import more.
    """
    work = count_work(experiment, workspace.settings.cache_bytes)
    estimator = _Estimator(workspace, experiment, work)
    stages = {
        _READING: [estimator.start(is_first=is_first)],
        _PREPARING: list(estimator.prepare()),
        _TRAINING: [part for phase in work.phases for part in estimator.train(phase)],
        _TESTING: list(estimator.test()),
    }
    spans = {
        stage: sum((part.span(available) for part in parts), NOTHING)
        for stage, parts in stages.items()
    }
    return Estimate(spans, work, available)


def quick_estimate(workspace: Workspace, experiment: Experiment) -> dict[str, float]:
    """Return the expected seconds of each stage of a run that begins now.

    It takes a tenth of a second and is empty for a network whose stages were never measured here.
    """
    config = experiment.config
    home = workspace.settings.home
    if recall(home, config.model.backbone, experiment.preprocessing.size) is None:
        return {}
    found = estimate_run(workspace, experiment, probe_available(0.0), is_first=False)
    return {stage: span.expected for stage, span in found.stages.items()}


class _Estimator:
    """Parts of one run with their paces: measured in earlier runs, modelled, or guessed."""

    def __init__(self, workspace: Workspace, experiment: Experiment, work: Workload) -> None:
        self._experiment = experiment
        self._work = work
        self._parts = Parts.of(experiment.config)
        self._book = PaceBook(workspace.settings.home, experiment.device.title)
        config = experiment.config
        seconds = stage_seconds(
            config.model.backbone, config.model.image_size, workspace.settings.home
        )
        self._n_stages = len(seconds)
        self._model = StageModel(seconds, config.train.images_per_batch, experiment.device)
        self._on_cpu = experiment.device.torch_device.type == "cpu"
        # A GPU's work is measured on the clock, as if it were one core's.
        self._cores = float(count_cores()) if self._on_cpu else 1.0

    def start(self, *, is_first: bool) -> _Part:
        part = self._known(self._parts.start(is_first=is_first))
        # A process whose first run had another network has imported most of what is needed.
        return part or self._guessed("start" if is_first else "start again")

    def prepare(self) -> Iterator[_Part]:
        work = self._work
        if work.exports:
            yield self._known(self._parts.export(work.cut)) or self._guessed("export")
        if work.rows:
            yield self._prefix(work.cut, exported=work.exports).times(work.rows)
        yield from self._read(work.reading)

    def train(self, phase: PhaseWork) -> Iterator[_Part]:
        work = self._work
        step = self._step(phase)
        yield step.times(phase.epochs * (work.n_train + work.n_val * _FORWARD))
        closing = self._known(self._parts.closing(phase.frozen)) or self._guessed("closing")
        yield closing.times(phase.epochs)
        yield from self._read(phase.reading)

    def test(self) -> Iterator[_Part]:
        work = self._work
        last = work.phases[-1]
        yield self._known(self._parts.test(last.frozen)) or self._guessed("test")
        forward = self._step(last).times(_FORWARD)
        if not work.test_cut:
            yield forward.times(work.test_rows)
        else:
            yield forward.times(work.n_checked + work.n_test)
            if work.test_exports:
                yield self._known(self._parts.export(work.test_cut)) or self._guessed("export")
            exported = work.exports or work.test_exports
            yield self._prefix(work.test_cut, exported=exported).times(work.test_rows)
        yield from self._read(work.test_reading)

    def _known(self, part: str, cores: float = 1.0) -> _Part | None:
        """Return a measured part.

        Args:
            cores: cores that it can use, where they were never measured.
        """
        pace = self._book.find(part)
        if pace is None:
            return None
        factor = _MEASURED if pace.n >= _ENOUGH else _FEW
        factor = max(factor, pace.spread**0.5)
        return _Part(pace.processor, pace.cores or cores, factor, pace.waited)

    def _guessed(self, kind: str) -> _Part:
        return _Part(_DEFAULT_SECONDS[kind], 1.0, _GUESSED)

    def _prefix(self, cut: int, *, exported: bool) -> _Part:
        if known := self._known(self._parts.prefix(cut, exported=exported), self._cores):
            return known
        kind = "prefix exported" if exported else "prefix"
        return self._modelled(kind, self._model.prefix(cut), self._cores)

    def _step(self, phase: PhaseWork) -> _Part:
        """Return the cost of a training image in one epoch."""
        is_head = phase.frozen == self._n_stages and phase.on_rows
        cores = 1.0 if is_head else self._cores
        if known := self._known(self._parts.step(phase.frozen, on_rows=phase.on_rows), cores):
            return known
        processor = self._model.step(phase.frozen, on_rows=phase.on_rows)
        return self._modelled(step_kind(is_head), processor, cores)

    def _modelled(self, kind: str, processor: float, cores: float) -> _Part:
        """Correct the model by how far it was off, for this network or else for others."""
        own = self._book.find(model_error(kind, self._parts.backbone))
        others = self._book.find(model_error(kind))
        if own:
            return _Part(own.processor * processor, cores, max(_SIMILAR, own.spread**0.5))
        if others:
            return _Part(others.processor * processor, cores, max(_MODELLED, others.spread**0.5))
        return _Part(_PRIOR[kind] * processor, cores, _GUESSED)

    def _read(self, reading: Reading) -> Iterator[_Part]:
        if not self._on_cpu:
            # Images are read while the GPU computes, and its pace holds what it waited for them.
            return
        for form, n in reading.decoded:
            if n:
                yield self._decoding(form).times(n)
        if reading.varied:
            known = self._known(self._parts.varying) or self._guessed("varying")
            yield _Part(known.processor, self._cores, known.factor).times(reading.varied)

    def _decoding(self, form: str) -> _Part:
        known = self._known(self._parts.decoding(form)) or self._sample_decoding(form)
        return _Part(known.processor, self._cores, known.factor)

    def _sample_decoding(self, name: str) -> _Part:
        """Decode a few images, and store what it took."""
        experiment = self._experiment
        images = experiment.images
        augment = experiment.config.augment if name == "whole" else None
        form = Form.of(experiment.preprocessing, augment)
        some = images[:: max(1, len(images) // _SAMPLED)][:_SAMPLED]
        started = time.thread_time()
        for image in some:
            # The run itself will name the file.
            with suppress(ImageUnusable):
                form.decode(
                    image_path(experiment.dataset_folder, image), image.width * image.height
                )
        each = (time.thread_time() - started) / max(1, len(some))
        self._book.add({self._parts.decoding(name): Cost(each)})
        return _Part(each, 1.0, _SIMILAR)
