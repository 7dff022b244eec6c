"""fastai's `vision_learner` with nothing frozen, an epoch of training per turn."""

import time
from collections.abc import Iterator

from fastai.callback.core import Callback
from torch import cuda

from benchmarks.peers.answering import answer_turns
from benchmarks.peers.fast_learner import make_learner
from benchmarks.peers.task import Task, read_task


class Stopwatch(Callback):
    """Timer of the training part of an epoch."""

    seconds = 0.0

    def before_train(self) -> None:
        self.started = time.perf_counter()

    def after_train(self) -> None:
        if cuda.is_available():
            cuda.synchronize()
        self.seconds = time.perf_counter() - self.started


def train(task: Task) -> Iterator[float]:
    """Yield the seconds of each epoch, without its validation."""
    watch = Stopwatch()
    learner = make_learner(task, cbs=watch)
    learner.unfreeze()
    while True:
        with learner.no_logging():
            learner.fit(1, task.learning_rate)
        yield watch.seconds


if __name__ == "__main__":
    answer_turns(train(read_task()))
