"""Parity check: every exported format must reproduce the app's predictions on the same images."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch

from tl_core.cancellation import Stop
from tl_core.errors import ExportRefused
from tl_core.export import checking, formats, receipt
from tl_core.export.checking import Figures, Labels, Logs
from tl_core.export.formats import Ask
from tl_core.export.subject import Subject

MOST_ASKED = 2_000
"""Number of test images for each format; chosen evenly if there are more."""
_MOST_BY_PYTORCH = 512
"""Number of test images for PyTorch, which is slow and computed the stored predictions anyway."""
_FEW = 64
"""Number of images on which formats are compared if the run was not tested."""
_PYTORCH = "safetensors"


@dataclass
class FormatCheck:
    """Comparison of the formats with the app's test predictions or, without a test, PyTorch's."""

    subject: Subject
    asks: Mapping[str, Ask]
    """Function from images to logits, by format."""
    bytes_of: Callable[[str], int]
    on_progress: Callable[[float], None]
    stop: Stop
    positions: tuple[int, ...] = ()
    """Positions of the test images used; empty without a test."""
    wanted: Logs = field(default_factory=lambda: np.empty((0, 0)))
    """Stored log-probabilities of `positions`."""

    def run(self) -> tuple[Figures, ...]:
        """Return the figures of each format.

        Raises:
            ExportRefused: a format other than 8-bit ONNX differs by more than rounding.
            Cancelled: the work was asked to stop.
        """
        figures = self._measure()
        for each in figures:
            # Written with `not` so that NaN is refused, too.
            if each.name != "int8" and not each.difference <= receipt.allowed(self.subject):
                raise ExportRefused(self._refusal(each))
        return tuple(figures)

    def _measure(self) -> list[Figures]:
        if self.subject.answers and self.subject.images:
            return self._compare_with_test()
        if self.subject.split:
            validation = self.subject.split.val
            chosen = [validation[i] for i in receipt.spread(len(validation), _FEW)]
            return self._compare_with_pytorch("validation", self._ask(self.asks, chosen))
        size = self.subject.checkpoint.preprocessing.size
        # Torch's own generator belongs to a run that may be training in another thread.
        generator = torch.Generator().manual_seed(0)
        noise = torch.randn(_FEW // 8, 3, size, size, generator=generator)
        logs = {name: checking.logs_of(ask(noise)) for name, ask in self.asks.items()}
        return self._compare_with_pytorch("random", logs)

    def _compare_with_test(self) -> list[Figures]:
        stored = self.subject.answers
        predictions = [stored[i] for i in receipt.spread(len(stored), MOST_ASKED)]
        self.positions = tuple(each.position for each in predictions)
        self.wanted = checking.as_logs(predictions)
        labels = np.array([each.true for each in predictions])
        others = [name for name in self.asks if name != _PYTORCH]
        few = receipt.spread(len(labels), _MOST_BY_PYTORCH)
        return [
            *self._on_test([_PYTORCH], few, labels),
            *self._on_test(others, range(len(labels)), labels),
        ]

    def _on_test(
        self, names: Sequence[str], chosen: Sequence[int], labels: Labels
    ) -> list[Figures]:
        """Return the figures of the named formats on the chosen ones of `positions`."""
        logs = self._ask(names, [self.positions[i] for i in chosen])
        wanted = self.wanted[chosen]
        return [self._figures(name, "test", logs[name], wanted, labels[chosen]) for name in names]

    def _compare_with_pytorch(self, asked: str, logs: Mapping[str, Logs]) -> list[Figures]:
        wanted = logs[_PYTORCH]
        return [self._figures(name, asked, each, wanted) for name, each in logs.items()]

    def _ask(self, names: Iterable[str], positions: list[int]) -> dict[str, Logs]:
        asks = {name: self.asks[name] for name in names}
        if not asks:
            return {}
        return checking.ask_all(asks, self.subject.examples(positions), self.on_progress, self.stop)

    def _figures(
        self, name: str, asked: str, logs: Logs, wanted: Logs, labels: Labels | None = None
    ) -> Figures:
        predicted = logs.argmax(1)
        right = None
        if labels is not None:
            # `argmax` returns a label for NaN as well, which must not count as correct.
            right = int(((predicted == labels) & np.isfinite(logs.max(1))).sum())
        size = self.subject.checkpoint.preprocessing.size
        milliseconds, others_share = checking.milliseconds(self.asks[name], size)
        return Figures(
            name=name,
            n_bytes=self.bytes_of(name),
            milliseconds=milliseconds,
            others_share=others_share,
            n=len(wanted),
            right=right,
            same=int((predicted == wanted.argmax(1)).sum()),
            difference=checking.difference(logs, wanted),
            asked=asked,
        )

    def _refusal(self, figures: Figures) -> str:
        return (
            f"{formats.FORMATS[figures.name].title} does not reproduce the app's predictions: on "
            f"{figures.n:,} images the logarithms of the probabilities differ by up to "
            f"{figures.difference:.2g}, and only {receipt.allowed(self.subject):g} is explained "
            "by rounding. Nothing was written. The run may have been trained with other versions "
            "of its libraries: train it again here."
        )
