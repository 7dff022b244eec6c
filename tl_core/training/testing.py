"""Final evaluation of a run: the saved model on training images, then once on the test set."""

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

_MIN_CHECKED = 500


def n_checked(n_train: int, n_val: int) -> int:
    """Return the size of the training check: that of validation, but at least 500 if available."""
    return min(n_train, max(n_val, _MIN_CHECKED))


def test_kept_model(experiment: Experiment) -> Iterator[Event]:
    """Evaluate the saved checkpoint: the model tested is then the one used and exported later."""
    yield StageStarted("testing")
    model = load_checkpoint(experiment.checkpoint).model
    experiment.device.place(model)
    split = experiment.split
    n = n_checked(len(split.train), len(split.val))
    # Images are ordered by class, so that an even stride gives each class its share.
    checked = [split.train[i * len(split.train) // n] for i in range(n)]
    total = n + len(split.test)
    # Figures from during training average over changing weights, dropout and augmented images,
    # and so cannot be compared with those of validation.
    outputs = yield from _predict(experiment, model, checked, 0, total, exact=False)
    if math.isfinite(outputs.loss):
        check = TrainCheck(n=n, accuracy=outputs.accuracy, loss=outputs.loss)
        yield FactsFound(RunFacts(train_check=check))
    outputs = yield from _predict(experiment, model, split.test, n, total, exact=True)
    keep_test(experiment.outputs, outputs)
    yield Tested(summarise(outputs, experiment.majority_label), outputs.predictions())


def _predict(
    experiment: Experiment,
    model: TransferModel,
    positions: Sequence[int],
    before: int,
    total: int,
    *,
    exact: bool,
) -> Generator[Event, None, Outputs]:
    """Return the outputs for the images at `positions`, yielding progress.

    Args:
        before: images of this stage that are already done, of its `total`.
        exact: see `examples_to_judge`.
    """
    preparation = examples_to_judge(experiment, model, positions, exact=exact)
    # Driven by hand, since a `for` loop would drop the generator's result.
    try:
        while True:
            computed, to_compute = next(preparation)
            done = before + computed * len(positions) // to_compute
            yield StageAdvanced("testing", done, total)
    except StopIteration as end:
        part, examples = end.value
    parts = []
    done = before
    for outputs in predict_batches(part, examples):
        parts.append(outputs)
        done += len(outputs.labels)
        # On cached activations nearly all the work is done and reported during preparation.
        if part is model:
            yield StageAdvanced("testing", done, total)
    return join(parts)
