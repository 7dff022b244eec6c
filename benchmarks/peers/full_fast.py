"""fastai's `vision_learner` with nothing frozen, an epoch of training a turn."""

import time
from collections.abc import Iterator
from pathlib import Path

from fastai.callback.core import Callback
from fastai.callback.progress import ProgressCallback
from fastai.data.transforms import IndexSplitter, Normalize
from fastai.vision.all import CategoryBlock, DataBlock, ImageBlock, Resize, vision_learner
from fastai.vision.learner import default_split, model_meta
from torch import cuda, nn

from benchmarks.peers.answering import answer_turns
from benchmarks.peers.task import Task, load_body, read_task


class Stopwatch(Callback):
    """Times the training part of an epoch."""

    seconds = 0.0

    def before_train(self) -> None:
        self.started = time.perf_counter()

    def after_train(self) -> None:
        if cuda.is_available():
            cuda.synchronize()
        self.seconds = time.perf_counter() - self.started


def train(task: Task) -> Iterator[float]:
    """Seconds of each epoch, without its validation."""
    labelled = [*task.train, *task.val]
    block = DataBlock(
        blocks=(ImageBlock, CategoryBlock(vocab=list(task.classes), sort=False)),
        get_x=lambda item: Path(item[0]),
        get_y=lambda item: task.classes[item[1]],
        splitter=IndexSplitter(range(len(task.train), len(labelled))),
        item_tfms=Resize(task.size),
        batch_tfms=Normalize.from_stats(task.mean, task.std),
    )
    loaders = block.dataloaders(labelled, bs=task.batch_size, num_workers=task.workers)
    body, _ = load_body(task)

    def network(pretrained: bool) -> nn.Module:
        return body

    model_meta[network] = {"cut": nn.Sequential, "split": default_split}  # all of it is body
    watch = Stopwatch()
    learner = vision_learner(loaders, network, cbs=watch)
    learner.remove_cb(ProgressCallback)
    learner.unfreeze()
    while True:
        with learner.no_logging():
            learner.fit(1, task.learning_rate)
        yield watch.seconds


if __name__ == "__main__":
    answer_turns(train(read_task()))
