"""Costs of the parts of one run, made from the times that `pace_keeper` took."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from tl_core.data.reading_clock import ReadingClock
from tl_core.paces import Cost, PaceBook
from tl_core.runs.parts import FORWARD, Names, Parts, StageModel, model_errors, step_kind

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
        self, parts: Parts, book: PaceBook, find_model: Callable[[], StageModel | None]
    ) -> None:
        """
        Args:
            find_model: returns the model of parts, or None if its stages were never measured.
        """
        self._parts = parts
        self._book = book
        self._find_model = find_model
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

    def note_start(self, spent: Cost, *, is_first: bool) -> None:
        self._note(self._parts.start(is_first=is_first), spent)

    def note_prefix(self, cut: int, each: Cost, *, exported: bool) -> None:
        """Note what an image's way through the first `cut` stages takes."""
        self._costs[self._parts.prefix(cut, exported=exported)] = each
        if model := self._find_model():
            kind = "prefix exported" if exported else "prefix"
            self._note_error(kind, each.processor, model.prefix(cut))

    def note_setup(self, cut: int, how: str, spent: Cost, passed: int = 0) -> None:
        """Note what is done around the images' way through the first `cut` stages.

        Args:
            how: see `Parts.setup`.
            passed: images that passed meanwhile.
        """
        each = self.processor(self._parts.prefix(cut, exported=how == "exported"))
        if each or not passed:
            self._note(self._parts.setup(cut, how), _without(spent, passed * each))

    def note_phase(self, phase: Epochs, n_train: int, n_val: int) -> None:
        """Note the steps of a phase, and what its first epoch and the ends of epochs take."""
        train, after = phase.typical()
        step = replace(train, waited=0.0).per(n_train)
        for name in self._parts.step(phase.frozen, on_rows=phase.on_rows):
            self._costs[name] = step
        validation = n_val * self._forward(phase, step)
        closing = _without(after, validation)
        self._note(self._parts.closing(phase.frozen), closing)
        if len(phase.costs) > 1:
            first = phase.costs[0][0].plus(phase.costs[0][1])
            usual = train.plus(after)
            waited = max(0.0, first.waited - usual.waited)
            opening = replace(_without(first, usual.processor), waited=waited)
            self._note(self._parts.opening(phase.frozen), opening)
        if model := self._find_model():
            modelled = model.step(phase.frozen, on_rows=phase.on_rows)
            is_head = phase.on_rows and phase.frozen == model.n_stages
            self._note_error(step_kind(is_head), step.processor, modelled)

    def note_test(self, spent: Cost, last: Epochs, *, forwards: int, passed: int, cut: int) -> None:
        """Note what the test takes beside its images.

        Args:
            last: last phase, which was noted before.
            forwards: images that went through the network, or the part of it that was trained.
            passed: images that went through the first `cut` stages in addition.
        """
        step = self._costs[self._parts.step(last.frozen, on_rows=last.on_rows)[0]]
        images = forwards * self._forward(last, step)
        exported, plain = (self._parts.prefix(cut, exported=each) for each in (True, False))
        images += passed * (self.processor(exported) or self.processor(plain))
        self._note(self._parts.test(last.frozen), _without(spent, images))

    def note_reading(self, reading: ReadingClock) -> None:
        for form, decoded in reading.decoded.items():
            if decoded.n >= _FEWEST_IMAGES:
                each = Cost(decoded.seconds / decoded.n)
                self._costs[self._parts.decoding(form)] = each
        if reading.varied.n >= _FEWEST_IMAGES:
            self._note(self._parts.varying, Cost(reading.varied.seconds / reading.varied.n))

    def _forward(self, phase: Epochs, step: Cost) -> float:
        """Return the cost of an image's forward pass, derived from that of a training step."""
        model = self._find_model()
        share = model.forward_share(phase.frozen, on_rows=phase.on_rows) if model else FORWARD
        return share * step.processor

    def _note(self, names: Names, cost: Cost) -> None:
        self._costs.update(dict.fromkeys(names, cost))

    def _note_error(self, kind: str, measured: float, modelled: float) -> None:
        """Note how far the model of parts is off, for what was never measured."""
        if modelled > 0:
            times = Cost(measured / modelled)
            self._errors.update(dict.fromkeys(model_errors(kind, self._parts), times))


def _without(spent: Cost, processor: float) -> Cost:
    """Return the rest of a cost, of which `processor` seconds belong to other parts."""
    return replace(spent, processor=max(_SMALLEST_CONSTANT, spent.processor - processor))


def _median(costs: Sequence[Cost]) -> Cost:
    """Return the cost with the median processor time; of an even number, the lower one."""
    ordered = sorted(costs, key=lambda cost: cost.processor)
    return ordered[(len(ordered) - 1) // 2]
