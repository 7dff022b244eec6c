"""The end of a run: what the model that was kept says to training images as they are, and then, once, to the test."""

import math
from collections.abc import Generator, Iterator, Sequence

from tl_core.backbones import TransferModel
from tl_core.evaluation import Outputs, join, predict_batches, summarise
from tl_core.events import Event, FactsFound, StageAdvanced, StageStarted, Tested
from tl_core.facts import RunFacts, TrainCheck
from tl_core.training.checkpoints import load_checkpoint
from tl_core.training.experiment import Experiment
from tl_core.training.frozen_part import examples_to_judge
from tl_core.training.output_writer import keep_test

_LEAST_CHECKED = 500


def n_checked(n_train: int, n_val: int) -> int:
    """Training images that the kept model is asked about: as many as validation has, but 500 where there are."""
    return min(n_train, max(n_val, _LEAST_CHECKED))


def test_kept_model(experiment: Experiment) -> Iterator[Event]:
    """Ask the very file that was kept, and so the very model that predicts and is taken away later."""
    yield StageStarted("testing")
    model, split = load_checkpoint(experiment.checkpoint).model, experiment.split
    experiment.device.place(model)
    n = n_checked(len(split.train), len(split.val))
    checked = [
        split.train[i * len(split.train) // n] for i in range(n)
    ]  # classes stand together: each has its share
    total = n + len(split.test)
    # What was read while the model learned is a mean over weights that moved, dropout and varied images.
    said = yield from _ask(experiment, model, checked, 0, total, exact=False)
    if math.isfinite(said.loss):
        check = TrainCheck(n=n, accuracy=said.accuracy, loss=said.loss)
        yield FactsFound(RunFacts(train_check=check))
    outputs = yield from _ask(experiment, model, split.test, n, total, exact=True)
    keep_test(experiment.outputs, outputs)
    yield Tested(summarise(outputs, experiment.majority_label), outputs.predictions())


def _ask(
    experiment: Experiment,
    model: TransferModel,
    positions: Sequence[int],
    before: int,
    total: int,
    *,
    exact: bool,
) -> Generator[Event, None, Outputs]:
    """What the model says about images; tells how many of `total` are done, of which so many were `before`."""
    ways = examples_to_judge(experiment, model, positions, exact=exact)
    try:
        while True:
            done, of = next(ways)
            yield StageAdvanced("testing", before + done * len(positions) // of, total)
    except StopIteration as end:
        part, examples = end.value
    parts, done = [], before
    for outputs in predict_batches(part, examples):
        parts.append(outputs)
        done += len(outputs.labels)
        if part is model:  # else the work was done before
            yield StageAdvanced("testing", done, total)
    return join(parts)
