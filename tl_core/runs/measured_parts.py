"""Costs of the parts of one run, made from the times that `pace_keeper` took."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from tl_core.data.reading_clock import ReadingClock
from tl_core.paces import Cost, PaceBook
from tl_core.runs.parts import FORWARD, PRIOR, Names, Parts, StageModel, model_errors, step_kind

_ENOUGH_STEPS = 8
"""Steps of a single epoch from which their set-up no longer matters."""
_FEWEST_IMAGES = 16
"""Images that make the measurement of an image's part reliable."""
_SMALLEST_CONSTANT = 0.001
"""Processor seconds below which the rest of a part is not told apart from rounding."""


@dataclass
class Epochs:
    """Epochs of one phase, measured apart: (training, everything after it)."""

    frozen: int
    on_rows: bool
    costs: list[tuple[Cost, Cost]] = field(default_factory=list)

    def typical(self) -> tuple[Cost, Cost]:
        """Return the costs of an epoch behind the first, which also sets up."""
        measured = self.costs[1:] or self.costs
        return _median([train for train, _ in measured]), _median([rest for _, rest in measured])


class MeasuredParts:
    """Parts of one run, collected until they are stored."""

    def __init__(
        self,
        parts: Parts,
        book: PaceBook,
        find_model: Callable[[], StageModel | None],
        *,
        n_stages: int,
        is_first: bool,
    ) -> None:
        """
        Args:
            n_stages: stages of the backbone.
            is_first: the run is its process's first.
            find_model: returns the model of parts, or None if its stages were never measured.
        """
        self._parts = parts
        self._book = book
        self._find_model = find_model
        self._n_stages = n_stages
        self._is_first = is_first
        self._costs: dict[str, Cost] = {}
        self._errors: dict[str, Cost] = {}

    def store(self) -> None:
        self._book.add({**self._costs, **self._errors})

    def processor(self, names: Names | str) -> float:
        """Return the processor seconds of a part in this run, or else in earlier ones, or 0."""
        name = names if isinstance(names, str) else names[0]
        if name in self._costs:
            return self._costs[name].processor
        pace = self._book.find(name)
        return pace.processor if pace else 0.0

    def note_start(self, spent: Cost) -> None:
        self._note(self._parts.start(is_first=self._is_first), spent)

    def note_cached(self, cut: int, spent: Cost) -> None:
        """Note the preparation of features that were all cached."""
        self._note(self._parts.setup(cut, "cached", is_first=self._is_first), spent)

    def note_pass(
        self,
        cut: int,
        spent: Cost,
        rows: int,
        each: Cost | None,
        *,
        exported: bool,
        is_steady: bool,
    ) -> None:
        """Note how `rows` images went through the first `cut` stages.

        Args:
            spent: everything from the set-up to the last image.
            each: cost of an image behind the first batch, None where there were too few to tell.
            is_steady: there were enough images for that to hold for many more.
        """
        if each and not is_steady:
            self._costs[self._parts.prefix_of_few(cut)] = each
        elif each:
            self._costs[self._parts.prefix(cut, exported=exported)] = each
            if model := self._find_model():
                self._note_error(_prefix_kind(exported), each.processor, model.prefix(cut))
        one = self._prefix(cut, exported=exported)
        if one:
            how = "exported" if exported else "plain"
            names = self._parts.setup(cut, how, is_first=self._is_first)
            self._note(names, _without(spent, rows * one))

    def _prefix(self, cut: int, *, exported: bool) -> float:
        """Return an image's cost in the first `cut` stages, measured or modelled; 0 if neither."""
        known = self.processor(self._parts.prefix(cut, exported=exported))
        model = self._find_model()
        if known or not model:
            return known
        return self._modelled(_prefix_kind(exported), model.prefix(cut))

    def prefix_of_any_engine(self, cut: int) -> float:
        """Return what an image costs in the first `cut` stages, even if not well known, or 0."""
        names = (
            self._parts.prefix(cut, exported=True),
            self._parts.prefix(cut, exported=False),
            self._parts.prefix_of_few(cut),
        )
        return next(filter(None, map(self.processor, names)), 0.0)

    def note_phase(self, phase: Epochs, n_train: int, n_val: int) -> None:
        """Note the steps of a phase, and what its first epoch and the ends of epochs take."""
        model = self._find_model()
        is_head = phase.on_rows and phase.frozen == self._n_stages
        names = self._parts.step(phase.frozen, on_rows=phase.on_rows)
        train, after = phase.typical()
        kind = step_kind(is_head)
        modelled = model.step(phase.frozen, on_rows=phase.on_rows) if model else 0.0
        if len(phase.costs) > 1 or n_train >= _ENOUGH_STEPS * self._parts.batch or not model:
            step = replace(train, waited=0.0).per(n_train)
            self._costs.update(dict.fromkeys(names, step))
            self._note_error(kind, step.processor, modelled)
        each = self.processor(names) or self._modelled(kind, modelled)
        closing = _without(after, n_val * each * self._forward_share(phase))
        self._note(self._parts.closing(phase.frozen, is_head=is_head), closing)
        first = phase.costs[0][0].plus(phase.costs[0][1])
        usual = n_train * each + after.processor
        opening = replace(_without(first, usual), waited=max(0.0, first.waited - after.waited))
        self._note(self._parts.opening(phase.frozen, is_head=is_head), opening)

    def _modelled(self, kind: str, modelled: float) -> float:
        """Return the cost of a part that was never measured, as estimates derive it."""
        for name in model_errors(kind, self._parts):
            if pace := self._book.find(name):
                return pace.processor * modelled
        return PRIOR[kind] * modelled

    def note_test(
        self, spent: Cost, last: Epochs, *, forwards: int, passed: int, cut: int, exported: bool
    ) -> None:
        """Note what the test takes beside its images.

        Args:
            last: last phase, which was noted before.
            forwards: images that went through the network, or the part of it that was trained.
            passed: images that went through the first `cut` stages in addition.
        """
        step = self.processor(self._parts.step(last.frozen, on_rows=last.on_rows))
        each = self._prefix(cut, exported=exported) if passed else 0.0
        if not step or (passed and not each):
            return
        images = forwards * step * self._forward_share(last) + passed * each
        self._note(self._parts.test(last.frozen), _without(spent, images))

    def note_reading(self, reading: ReadingClock) -> None:
        for form, decoded in reading.decoded.items():
            if decoded.n >= _FEWEST_IMAGES:
                each = Cost(decoded.seconds / decoded.n)
                self._costs[self._parts.decoding(form)] = each
        if reading.varied.n >= _FEWEST_IMAGES:
            self._note(self._parts.varying, Cost(reading.varied.seconds / reading.varied.n))

    def _forward_share(self, phase: Epochs) -> float:
        model = self._find_model()
        return model.forward_share(phase.frozen, on_rows=phase.on_rows) if model else FORWARD

    def _note(self, names: Names, cost: Cost) -> None:
        self._costs.update(dict.fromkeys(names, cost))

    def _note_error(self, kind: str, measured: float, modelled: float) -> None:
        """Note how far the model of parts is off, for what was never measured."""
        if modelled > 0:
            times = Cost(measured / modelled)
            self._errors.update(dict.fromkeys(model_errors(kind, self._parts), times))


def _prefix_kind(exported: bool) -> str:
    return "prefix exported" if exported else "prefix"


def _without(spent: Cost, processor: float) -> Cost:
    """Return the rest of a cost, of which `processor` seconds belong to other parts."""
    return replace(spent, processor=max(_SMALLEST_CONSTANT, spent.processor - processor))


def _median(costs: Sequence[Cost]) -> Cost:
    """Return the cost with the median processor time; of an even number, the lower one."""
    ordered = sorted(costs, key=lambda cost: cost.processor)
    return ordered[(len(ordered) - 1) // 2]
