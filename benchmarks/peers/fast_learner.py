"""fastai's `vision_learner` with its default head, shared by the two fastai scripts."""

from pathlib import Path
from typing import Any

from fastai.callback.progress import ProgressCallback
from fastai.data.transforms import IndexSplitter, Normalize
from fastai.vision.all import CategoryBlock, DataBlock, ImageBlock, Resize, vision_learner
from fastai.vision.learner import default_split, model_meta
from torch import nn

from benchmarks.peers.task import Task, load_body


def make_learner(task: Task, **options: Any) -> Any:
    """Make a learner without progress bars; `options` are those of `vision_learner`."""
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
    learner = vision_learner(loaders, network, **options)
    learner.remove_cb(ProgressCallback)
    return learner
