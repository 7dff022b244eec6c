"""fastai's `vision_learner` as it comes, with its own head; the backbone stays frozen under `fit_one_cycle`."""

from pathlib import Path

import numpy as np
from fastai.callback.progress import ProgressCallback
from fastai.data.transforms import IndexSplitter, Normalize
from fastai.vision.all import CategoryBlock, DataBlock, ImageBlock, Resize, accuracy, vision_learner
from fastai.vision.learner import default_split, model_meta
from torch import nn

from benchmarks.peers.task import load_body, read_task, tell


def main() -> None:
    task = read_task()
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
    learner = vision_learner(loaders, network, metrics=accuracy)
    learner.remove_cb(ProgressCallback)
    with learner.no_logging():
        learner.fit_one_cycle(task.epochs)
    learner.save(Path(task.model).absolute())
    probabilities, _ = learner.get_preds(dl=loaders.test_dl(list(task.test)))
    tell(
        float(np.mean([row.argmax().item() == label for row, (_, label) in zip(probabilities, task.test, strict=True)]))
    )


if __name__ == "__main__":
    main()
