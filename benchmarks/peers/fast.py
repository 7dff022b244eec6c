"""fastai's `vision_learner` with its default head and a frozen backbone, by `fit_one_cycle`."""

from pathlib import Path

import numpy as np
from fastai.vision.all import accuracy

from benchmarks.peers.fast_learner import make_learner
from benchmarks.peers.task import read_task, tell


def main() -> None:
    task = read_task()
    learner = make_learner(task, metrics=accuracy)
    with learner.no_logging():
        learner.fit_one_cycle(task.epochs)
    learner.save(Path(task.model).absolute())
    probabilities, _ = learner.get_preds(dl=learner.dls.test_dl(list(task.test)))
    tell(
        float(
            np.mean(
                [
                    row.argmax().item() == label
                    for row, (_, label) in zip(probabilities, task.test, strict=True)
                ]
            )
        )
    )


if __name__ == "__main__":
    main()
