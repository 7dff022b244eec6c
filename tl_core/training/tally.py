"""Bookkeeping of one epoch: steps and images done, and the events that report them."""

import math
from collections.abc import Iterator

from torch import Tensor

from tl_core.errors import Diverged
from tl_core.evaluation.predict import Outputs
from tl_core.events import BatchEnded, EpochEnded, FactsFound, StageAdvanced
from tl_core.facts import RunFacts
from tl_core.training.figures import EpochFigures
from tl_core.training.learner import Learner

Score = tuple[float, float]
"""Validation accuracy, then negative validation loss to break ties; higher is better."""
# Below every real score, so that the first epoch becomes the best.
NO_SCORE = (-1.0, -math.inf)


class EpochTally:
    """Counts steps and images of an epoch; reports several steps at once, as they may be short."""

    def __init__(self, learner: Learner, epoch: int, total_epochs: int, n_images: int) -> None:
        """
        Args:
            epoch: counted from 1 over the `total_epochs` of the run.
            n_images: training images per epoch.
        """
        steps_per_epoch = math.ceil(n_images / learner.images_per_step)
        self._learner = learner
        self._epoch = epoch
        self._n_images = n_images
        self._images_before = (epoch - 1) * n_images
        self._total_images = total_epochs * n_images
        self._total_steps = total_epochs * steps_per_epoch
        self._figures = EpochFigures(learner.device.torch_device)
        # Notes of earlier epochs have been told already.
        self._notes_told = len(learner.notes)
        self._seen = 0
        self._in_step = 0
        self.step = (epoch - 1) * steps_per_epoch
        """Optimizer steps done so far in the run."""
        self.step_images = min(learner.images_per_step, n_images)
        """Images of the current step; fewer in the last step of an epoch."""

    def add(self, loss: Tensor, logits: Tensor, labels: Tensor) -> None:
        """Count a mini-batch: mean loss (scalar), logits [B, classes] and labels, int [B]."""
        self._figures.add(loss, logits, labels)
        self._in_step += len(labels)

    @property
    def is_step_full(self) -> bool:
        """True once all gradients of the step are accumulated."""
        return self._in_step == self.step_images

    def end_step(self) -> None:
        """Count an optimizer step as done."""
        self.step += 1
        self._figures.end_step(self.step)
        self._seen += self._in_step
        self._in_step = 0
        self.step_images = min(self._learner.images_per_step, self._n_images - self._seen)

    @property
    def has_news(self) -> bool:
        """True when `news` is due: some times a second, after a note and after the last batch."""
        is_over = self._seen == self._n_images
        return self._figures.are_due or is_over or len(self._learner.notes) > self._notes_told

    def news(self) -> Iterator[FactsFound | BatchEnded | StageAdvanced]:
        """Yield events for the progress since the last call.

        Raises:
            Diverged: a training loss is not finite.
        """
        learner = self._learner
        if len(learner.notes) > self._notes_told:
            self._notes_told = len(learner.notes)
            yield FactsFound(RunFacts(micro_batch=learner.pieces.size, notes=tuple(learner.notes)))
        for ended in self._figures.read():
            _refuse_divergence(ended.loss, self._epoch)
            yield BatchEnded(self._epoch, ended.step, self._total_steps, ended.loss, ended.n)
        # A step with many accumulated mini-batches reports its own progress.
        if self._in_step:
            done = self._images_before + self._seen + self._in_step
            yield StageAdvanced("training", done, self._total_images)

    def epoch_ended(self, outputs: Outputs, best: Score) -> EpochEnded:
        """Return the event that sums up the epoch.

        Args:
            outputs: outputs for the validation images.
            best: score of the best earlier epoch.

        Raises:
            Diverged: the validation loss is not finite.
        """
        _refuse_divergence(outputs.loss, self._epoch)
        figures = self._figures
        # Mixed images belong to several classes, so that right answers cannot be counted.
        accuracy = None if self._learner.mix else figures.right / figures.n
        return EpochEnded(
            self._epoch,
            self.step,
            train_loss=figures.loss_sum / figures.n,
            train_accuracy=accuracy,
            train_n=figures.n,
            val_loss=outputs.loss,
            val_accuracy=outputs.accuracy,
            val_predictions=outputs.predictions(),
            is_best=(outputs.accuracy, -outputs.loss) > best,
            learning_rate=self._learner.learning_rate,
        )


def _refuse_divergence(loss: float, epoch: int) -> None:
    if not math.isfinite(loss):
        raise Diverged(
            f"The loss stopped being a number in epoch {epoch}: choose a smaller learning rate."
        )
