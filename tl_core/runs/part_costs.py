"""Cost of the parts of one run: measured in earlier runs, modelled, or guessed."""

import time
from collections.abc import Iterator, Sequence
from contextlib import suppress

from tl_core.data.images import image_path
from tl_core.data.pixels import Form
from tl_core.errors import ImageUnusable
from tl_core.machine import count_cores
from tl_core.paces import Cost, PaceBook
from tl_core.runs.parts import Parts, StageModel, model_errors, step_kind
from tl_core.runs.spans import Part
from tl_core.runs.workload import PhaseWork, Reading, Workload
from tl_core.training import Experiment
from tl_core.training.stage_speed import stage_seconds
from tl_core.training.step_speed import measure_step
from tl_core.workspace import Workspace

_ENOUGH = 3
"""Measurements from which a pace counts as well known."""
_PRIOR = {"prefix": 1.0, "prefix exported": 0.5, "step": 1.5, "step of a head": 1.0}
"""Times that the model of parts is off before any run was measured; ONNX Runtime takes from a
quarter to three quarters of PyTorch's time."""
_DEFAULT_SECONDS = {
    "start first": 0.6,
    "start": 0.3,
    "setup exported": 1.5,
    "setup plain": 0.3,
    "setup cached": 0.1,
    "opening": 0.1,
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


class PartCosts:
    """Costs of the parts of one run."""

    def __init__(self, workspace: Workspace, experiment: Experiment, work: Workload) -> None:
        self._experiment = experiment
        self._work = work
        config = experiment.config
        self._parts = Parts.of(config)
        self._book = PaceBook(workspace.settings.home, experiment.device.title)
        seconds = stage_seconds(
            config.model.backbone, config.model.image_size, workspace.settings.home
        )
        self._n_stages = len(seconds)
        self._model = StageModel(seconds, config.train.images_per_batch, experiment.device)
        self._on_cpu = experiment.device.torch_device.type == "cpu"
        # A GPU's work is measured on the clock, as if it were one core's.
        self._cores = float(count_cores()) if self._on_cpu else 1.0

    def start(self, *, is_first: bool) -> Part:
        return self._constant(self._parts.start(is_first=is_first))

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
        yield self._constant(self._parts.opening(phase.frozen))
        yield self._constant(self._parts.closing(phase.frozen)).times(phase.epochs)
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

    def try_steps(self) -> bool:
        """Try out training steps of which nothing is known for this network, and note their pace.

        Returns:
            True if there were any.
        """
        config = self._experiment.config
        tried = False
        for phase in self._work.phases:
            if self._is_head(phase) or self._knows_steps(phase):
                continue
            seconds = measure_step(
                config.model,
                phase.frozen,
                on_rows=phase.on_rows,
                batch=config.train.images_per_batch,
                expected=self._model.step(phase.frozen, on_rows=phase.on_rows),
                device=self._experiment.device,
            )
            part = self._parts.tried_step(phase.frozen, on_rows=phase.on_rows)
            self._book.add({part: Cost(seconds)})
            tried = True
        return tried

    def _knows_steps(self, phase: PhaseWork) -> bool:
        names = (
            *self._parts.step(phase.frozen, on_rows=phase.on_rows),
            self._parts.tried_step(phase.frozen, on_rows=phase.on_rows),
            self._errors("step")[0],
        )
        return any(self._book.find(name) for name in names)

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
                return Part(pace.processor, pace.cores or cores, factor, pace.waited)
        return None

    def _constant(self, names: Sequence[str]) -> Part:
        return self._known(names) or Part(_DEFAULT_SECONDS[names[-1]], 1.0, _GUESSED)

    def _setup(self, cut: int, *, rows: int, exports: bool) -> Part:
        how = "plain" if rows else "cached"
        return self._constant(self._parts.setup(cut, "exported" if exports else how))

    def _prefix(self, cut: int, *, exported: bool) -> Part:
        if known := self._known([self._parts.prefix(cut, exported=exported)], self._cores):
            return known
        kind = "prefix exported" if exported else "prefix"
        return self._modelled(kind, self._model.prefix(cut), self._cores)

    def _is_head(self, phase: PhaseWork) -> bool:
        return phase.frozen == self._n_stages and phase.on_rows

    def _step(self, phase: PhaseWork) -> Part:
        """Return the cost of a training image in one epoch."""
        is_head = self._is_head(phase)
        cores = 1.0 if is_head else self._cores
        if known := self._known(self._parts.step(phase.frozen, on_rows=phase.on_rows), cores):
            return known
        tried = self._book.find(self._parts.tried_step(phase.frozen, on_rows=phase.on_rows))
        if tried:
            return Part(tried.processor, cores, _SIMILAR)
        processor = self._model.step(phase.frozen, on_rows=phase.on_rows)
        return self._modelled(step_kind(is_head), processor, cores)

    def _forward(self, phase: PhaseWork) -> float:
        return self._model.forward_share(phase.frozen, on_rows=phase.on_rows)

    def _modelled(self, kind: str, processor: float, cores: float) -> Part:
        """Correct the model by how far it was off, for this network or else for others."""
        error = self._known(self._errors(kind))
        if error:
            factor = max(_SIMILAR, error.factor)
            return Part(error.processor * processor, cores, factor)
        return Part(_PRIOR[kind] * processor, cores, _GUESSED)

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
        started = time.thread_time()
        for image in some:
            # The run itself will name the file.
            with suppress(ImageUnusable):
                form.decode(
                    image_path(experiment.dataset_folder, image), image.width * image.height
                )
        each = (time.thread_time() - started) / max(1, len(some))
        self._book.add({self._parts.decoding(name): Cost(each)})
        return Part(each, 1.0, _SIMILAR)
