"""Preview of learning: a classifier fitted again and again while features are still computed.

With a frozen backbone, nearly all of a run's time is the pass through the frozen stages, and the
epochs after it take a moment. The preview shows meanwhile what can already be learned from the
images that have passed. It is not the run's model: it draws no random numbers, is forgotten at the
end of the pass, and neither the training nor the test depends on it.
"""

import time
from collections.abc import Callable, Iterator, Sequence

from torch import Tensor

from tl_core.evaluation.predict import Outputs
from tl_core.events import PreviewFitted
from tl_core.features import CachedActivations, Passed, Side
from tl_core.training.device import one_thread
from tl_core.training.passed_features import PassedFeatures
from tl_core.training.softmax_regression import SoftmaxRegression, fit_softmax_regression

_BUDGET = 0.025
"""Largest share of the time of the pass that the preview takes."""
_GROWTH = 1.08
"""Factor by which the images must have become more for the next fit."""
_PAUSE_SECONDS = 0.4
"""Shortest time between two fits; the page is not drawn more often."""
_FEWEST = 8
"""Training images of the first fit."""
_OPERATIONS_PER_SECOND = 1e10
"""Speed of one core, from which the time of a fit on more images is guessed."""
_OPERATIONS = 50
"""Operations of a fit per image, feature and class: some 12 gradients of 4 operations."""


class Preview:
    """Features of the images that have passed so far, and the last classifier fitted on them."""

    def __init__(
        self,
        train: Side,
        val: Side,
        n_classes: int,
        samples: Sequence[int] = (),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """
        Args:
            samples: positions of the validation images whose predictions are told.
            clock: returns the time in seconds.
        """
        self._train = PassedFeatures(train)
        self._val = PassedFeatures(val)
        self._n_classes = n_classes
        self._samples = frozenset(samples)
        self._clock = clock
        self._started = clock()
        self._fitted: SoftmaxRegression | None = None
        self._fitted_on = (0, 0)
        """Images of training and validation at the last fit."""
        self._fitted_at = self._started
        self._seconds = 0.0
        """Seconds that the last fit took, until its event had been handled."""
        self._spent = 0.0
        """Seconds that all fits took."""

    def begin(self, kept: CachedActivations, cut: int) -> None:
        """Look up which images have activations behind `cut` in the cache already.

        They count as passed when the pass comes to their place in the order.
        """
        for seen in (self._train, self._val):
            seen.begin(kept, cut)

    def see(self, passed: Passed) -> Iterator[PreviewFitted]:
        """Take in images that have passed, and yield a new fit if it is time for one."""
        (here,) = (seen for seen in (self._train, self._val) if seen.side is passed.side)
        chunk = here.chunk_of[passed.indices[0]]
        for seen in (self._train, self._val):
            seen.reach(chunk)
        if passed.view == 0:
            here.add(passed.indices, passed.activations)
        has_grown = len(self._train) >= _GROWTH * self._fitted_on[0]
        is_soon = self._clock() - self._fitted_at < _PAUSE_SECONDS
        if has_grown and not is_soon:
            yield from self._fit()

    def finish(self) -> Iterator[PreviewFitted]:
        """Yield a last fit, on all images, if any came since the one before."""
        yield from self._fit()

    def _fit(self) -> Iterator[PreviewFitted]:
        counts = (len(self._train), len(self._val))
        if counts == self._fitted_on or not self._can_fit() or not self._has_time():
            return
        began = self._clock()
        with one_thread():
            event = self._fitted_event(*self._train.table(), *self._val.table())
        if event is not None:
            yield event
        self._fitted_on = counts
        self._fitted_at = self._clock()
        self._seconds = self._fitted_at - began
        self._spent += self._seconds

    def _can_fit(self) -> bool:
        has_enough = len(self._train) >= min(_FEWEST, len(self._train.side.images))
        return has_enough and len(self._val) > 0 and len(self._train.classes) > 1

    def _has_time(self) -> bool:
        n_new = len(self._train) - self._fitted_on[0]
        operations = _OPERATIONS * n_new * self._train.width * self._n_classes
        # Few images take as long as fewer; only what came since the last fit takes more.
        expected = self._seconds + operations / _OPERATIONS_PER_SECOND
        return self._spent + expected <= _BUDGET * (self._clock() - self._started)

    def _fitted_event(
        self, features: Tensor, labels: Tensor, val_features: Tensor, val_labels: Tensor
    ) -> PreviewFitted | None:
        """Fit the classifier, and return what it reaches; None if a feature is not finite."""
        if not (features.isfinite().all() and val_features.isfinite().all()):
            return None
        self._fitted = fit_softmax_regression(features, labels, self._n_classes, self._fitted)
        outputs = Outputs(
            self._fitted.logits(val_features).double(), val_labels, self._val.positions()
        )
        told = tuple(p for p in outputs.predictions() if p.position in self._samples)
        return PreviewFitted(len(labels), len(val_labels), outputs.accuracy, told)
