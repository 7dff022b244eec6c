"""Cost of the parts of one run: measured in earlier runs, modelled, or guessed."""

import math
import statistics
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from tl_core.data.images import image_path
from tl_core.data.pixels import Form
from tl_core.errors import ImageUnusable
from tl_core.machine import count_cores
from tl_core.paces import Cost, PaceBook
from tl_core.runs.parts import PRIOR, Parts, StageModel, model_errors, step_kind
from tl_core.runs.spans import Part
from tl_core.runs.workload import PhaseWork, Reading, Workload
from tl_core.training import Experiment
from tl_core.training.speed_records import recall
from tl_core.training.stage_speed import stage_seconds
from tl_core.workspace import Workspace

_ENOUGH = 3
"""Measurements from which a pace counts as well known."""
_DEFAULT_SECONDS = {
    "start first": 0.3,
    "start": 0.25,
    "setup exported first": 1.6,
    "setup exported": 1.0,
    "setup plain first": 0.8,
    "setup plain": 0.3,
    "setup cached first": 0.05,
    "setup cached": 0.02,
    "opening of a head": 0.03,
    "opening": 0.3,
    "closing of a head": 0.005,
    "closing": 0.03,
    "test": 0.15,
    "varying": 1e-3,
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


class PartCosts:
    """Costs of the parts of one run."""

    def __init__(
        self,
        workspace: Workspace,
        experiment: Experiment,
        work: Workload,
        *,
        is_first: bool,
        measures: bool = True,
    ) -> None:
        """
        Args:
            is_first: the run is its process's first.
            measures: the network's training is measured where it is needed and not known.
        """
        self._experiment = experiment
        self._work = work
        self._is_first = is_first
        self._parts = Parts.of(experiment.config)
        self._book = PaceBook(workspace.settings.home, experiment.device.title)
        self._on_cpu = experiment.device.torch_device.type == "cpu"
        # A GPU's work is measured on the clock, as if it were one core's.
        self._cores = float(count_cores()) if self._on_cpu else 1.0
        self._model = self._make_model(workspace.settings.home, measures)

    def _make_model(self, home: Path, measures: bool) -> StageModel:
        """Model the parts from each stage's pace, which is measured if it never was."""
        model = self._experiment.config.model
        network = model.backbone, model.image_size, home
        forward = stage_seconds(*network)
        training = None
        if any(phase.frozen < len(forward) for phase in self._work.phases):
            side = self._experiment.preprocessing.size
            training = recall(home, model.backbone, side, training=True)
            if training is None and measures:
                training = stage_seconds(*network, training=True)
        batch = self._parts.batch
        return StageModel(forward, batch, self._experiment.device, training)

    def start(self) -> Part:
        return self._constant(self._parts.start(is_first=self._is_first))

    def prepare(self) -> Iterator[Part]:
        work = self._work
        if work.views:
            yield self._setup(work.cut, rows=work.rows, exports=work.exports)
        if work.rows:
            yield self._prefix(work.cut, exported=work.exports).times(work.rows)
        yield from self._read(work.reading)

    def train(self, phase: PhaseWork) -> Iterator[Part]:
        work = self._work
        step = self._step(phase)
        yield step.times(phase.epochs * (work.n_train + work.n_val * self._forward(phase)))
        is_head = self._is_head(phase)
        yield self._constant(self._parts.opening(phase.frozen, is_head=is_head))
        closing = self._constant(self._parts.closing(phase.frozen, is_head=is_head))
        yield closing.times(phase.epochs)
        yield from self._read(phase.reading)

    def test(self) -> Iterator[Part]:
        work = self._work
        last = work.phases[-1]
        yield self._constant(self._parts.test(last.frozen))
        forward = self._step(last).times(self._forward(last))
        if not work.test_cut:
            yield forward.times(work.test_rows)
        else:
            yield forward.times(work.n_checked + work.n_test)
            if work.test_exports:
                yield self._setup(work.test_cut, rows=work.test_rows, exports=True)
            exported = work.exports or work.test_exports
            yield self._prefix(work.test_cut, exported=exported).times(work.test_rows)
        yield from self._read(work.test_reading)

    def _errors(self, kind: str) -> tuple[str, ...]:
        return model_errors(kind, self._parts)

    def _known(self, names: Sequence[str], cores: float = 1.0) -> Part | None:
        """Return the first part that was measured, of `names` from the exact to the similar.

        Args:
            cores: cores that it can use, where they were never measured.
        """
        for place, name in enumerate(names):
            if pace := self._book.find(name):
                exact = _MEASURED if pace.n >= _ENOUGH else _FEW
                factor = max((exact, _SIMILAR, _MODELLED)[place], pace.spread**0.5)
                return Part(pace.processor, pace.cores or cores, factor, pace.waited, pace.n)
        return None

    def _constant(self, names: Sequence[str]) -> Part:
        usual = _DEFAULT_SECONDS[names[-1]]
        known = self._known(names)
        return _with_prior(known, usual) if known else Part(usual, 1.0, _GUESSED)

    def _setup(self, cut: int, *, rows: int, exports: bool) -> Part:
        how = "plain" if rows else "cached"
        how = "exported" if exports else how
        return self._constant(self._parts.setup(cut, how, is_first=self._is_first))

    def _prefix(self, cut: int, *, exported: bool) -> Part:
        if known := self._known([self._parts.prefix(cut, exported=exported)], self._cores):
            return known
        kind = "prefix exported" if exported else "prefix"
        return self._modelled(kind, self._model.prefix(cut), self._cores)

    def _is_head(self, phase: PhaseWork) -> bool:
        return phase.frozen == self._model.n_stages and phase.on_rows

    def _step(self, phase: PhaseWork) -> Part:
        """Return the cost of a training image in one epoch."""
        is_head = self._is_head(phase)
        cores = 1.0 if is_head else self._cores
        if known := self._known(self._parts.step(phase.frozen, on_rows=phase.on_rows), cores):
            return known
        processor = self._model.step(phase.frozen, on_rows=phase.on_rows)
        return self._modelled(step_kind(is_head), processor, cores)

    def _forward(self, phase: PhaseWork) -> float:
        return self._model.forward_share(phase.frozen, on_rows=phase.on_rows)

    def _modelled(self, kind: str, processor: float, cores: float) -> Part:
        """Correct the model by how far it was off, for this network or else for others."""
        error = self._known(self._errors(kind))
        if error:
            error = _with_prior(error, PRIOR[kind])
            factor = max(_SIMILAR, error.factor)
            return Part(error.processor * processor, cores, factor)
        return Part(PRIOR[kind] * processor, cores, _GUESSED)

    def _read(self, reading: Reading) -> Iterator[Part]:
        if not self._on_cpu:
            # Images are read while the GPU computes, and its pace holds what it waited for them.
            return
        for form, n in reading.decoded:
            if n:
                yield self._decoding(form).times(n)
        if reading.varied:
            known = self._constant(self._parts.varying)
            yield Part(known.processor, self._cores, known.factor).times(reading.varied)

    def _decoding(self, form: str) -> Part:
        known = self._known([self._parts.decoding(form)]) or self._sample_decoding(form)
        return Part(known.processor, self._cores, known.factor)

    def _sample_decoding(self, name: str) -> Part:
        """Decode a few images, and store what it took."""
        experiment = self._experiment
        images = experiment.images
        augment = experiment.config.augment if name == "whole" else None
        form = Form.of(experiment.preprocessing, augment)
        some = images[:: max(1, len(images) // _SAMPLED)][:_SAMPLED]
        seconds = []
        for image in some:
            started = time.thread_time()
            # The run itself will name the file.
            with suppress(ImageUnusable):
                form.decode(
                    image_path(experiment.dataset_folder, image), image.width * image.height
                )
            seconds.append(time.thread_time() - started)
        # The median, since the first image also sets up its decoder.
        each = statistics.median(seconds)
        self._book.add({self._parts.decoding(name): Cost(each)})
        return Part(each, 1.0, _SIMILAR)


def _with_prior(known: Part, usual: float) -> Part:
    """Return a part that was measured once halfway between that and what is usual.

    A first measurement may have met cold files or a busy moment.
    """
    if known.n > 1:
        return known
    return replace(known, processor=math.sqrt(known.processor * usual))
