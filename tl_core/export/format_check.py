"""Comparison of every exported format with the app's answers, on the same images."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
import torch

from tl_core.errors import ExportRefused
from tl_core.export import checking, formats, receipt
from tl_core.export.checking import Figures, Labels, Logs
from tl_core.export.formats import Ask
from tl_core.export.subject import Subject
from tl_core.stopping import Stop

MOST_ASKED = 2_000
"""Number of test images for a format; evenly chosen where there are more."""
_MOST_BY_PYTORCH = 512
"""Number of them for PyTorch, which is slow and has answered them all in the test."""
_FEW = 64
"""Number of images on which formats are compared where the run was not tested."""
_PYTORCH = "safetensors"


@dataclass
class FormatCheck:
    """Compares the formats with the app's answers, or, without a test, with PyTorch's."""

    subject: Subject
    asks: Mapping[str, Ask]
    """Function from images to logits, by format."""
    bytes_of: Callable[[str], int]
    on_progress: Callable[[float], None]
    stop: Stop
    positions: tuple[int, ...] = ()
    """Test images asked about; empty without a test."""
    wanted: Logs = field(default_factory=lambda: np.empty((0, 0)))
    """Stored answers for `positions`."""

    def run(self) -> tuple[Figures, ...]:
        """Figures of each format.

        Raises:
            ExportRefused: one that should answer as the app did does not; 8 bits need not.
            Cancelled: it was asked to stop.
        """
        answers = [
            self.subject.answers[i] for i in receipt.spread(len(self.subject.answers), MOST_ASKED)
        ]
        if answers and self.subject.images:
            self.positions, self.wanted = (
                tuple(p.position for p in answers),
                checking.as_logs(answers),
            )
            figures = self._on_test(np.array([p.true for p in answers]))
        elif self.subject.split:
            chosen = [
                self.subject.split.val[i] for i in receipt.spread(len(self.subject.split.val), _FEW)
            ]
            figures = self._beside_pytorch("validation", self._ask(self.asks, chosen))
        else:
            size = self.subject.checkpoint.preprocessing.size
            noise = torch.randn(
                _FEW // 8, 3, size, size, generator=torch.Generator().manual_seed(0)
            )
            figures = self._beside_pytorch(
                "random", {n: checking.logs_of(ask(noise)) for n, ask in self.asks.items()}
            )
        for each in figures:
            if each.name != "int8" and not each.difference <= receipt.allowed(self.subject):
                raise ExportRefused(self._refusal(each))
        return tuple(figures)

    def _on_test(self, labels: Labels) -> list[Figures]:
        everywhere, few = range(len(labels)), receipt.spread(len(labels), _MOST_BY_PYTORCH)
        figures = []
        for chosen, names in (
            (few, [_PYTORCH]),
            (everywhere, [name for name in self.asks if name != _PYTORCH]),
        ):
            said = self._ask(names, [self.positions[i] for i in chosen])
            figures += [
                self._figures(n, "test", said[n], self.wanted[chosen], labels[chosen])
                for n in names
            ]
        return figures

    def _beside_pytorch(self, asked: str, said: Mapping[str, Logs]) -> list[Figures]:
        return [self._figures(name, asked, logs, said[_PYTORCH]) for name, logs in said.items()]

    def _ask(self, names: Iterable[str], positions: list[int]) -> dict[str, Logs]:
        asks = {name: self.asks[name] for name in names}
        if not asks:
            return {}
        return checking.ask_all(asks, self.subject.examples(positions), self.on_progress, self.stop)

    def _figures(
        self, name: str, asked: str, said: Logs, wanted: Logs, labels: Labels | None = None
    ) -> Figures:
        return Figures(
            name,
            self.bytes_of(name),
            checking.milliseconds(self.asks[name], self.subject.checkpoint.preprocessing.size),
            len(wanted),
            None
            if labels is None
            else int(((said.argmax(1) == labels) & np.isfinite(said.max(1))).sum()),
            int((said.argmax(1) == wanted.argmax(1)).sum()),
            checking.difference(said, wanted),
            asked,
        )

    def _refusal(self, found: Figures) -> str:
        return (
            f"{formats.FORMATS[found.name].title} does not answer as the app did: on one of {found.n:,} images "
            f"they differ by {found.difference:.2g} (in the logarithm of a probability), and up to "
            f"{receipt.allowed(self.subject):g} is rounding. Nothing was written. The run may "
            "have been trained with other versions of its libraries: train it again here."
        )
