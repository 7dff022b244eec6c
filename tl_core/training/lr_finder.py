"""Learning-rate range test (Smith 2017): train briefly at a rising rate and observe the loss."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count

import numpy as np
import torch
from torch import nn

from tl_core.backbones import TransferModel, freeze
from tl_core.data.loaders import shuffled
from tl_core.features import Batch, Examples, NoRoom, Side
from tl_core.training.experiment import Experiment
from tl_core.training.frozen_part import keep_activations, phases_that_keep
from tl_core.training.learner import Learner
from tl_core.training.losses import make_loss
from tl_core.training.mixing import make_mix
from tl_core.training.optimizers import images_per_step, make_optimizer
from tl_core.training.plan import make_plan
from tl_core.training.run import build_experiment_model
from tl_core.training.schedules import Schedule

LOWEST = 1e-6
HIGHEST = 10.0
_MAX_IMAGES = 512
_MAX_IMAGES_PER_STEP = 128
"""Enough for a usable gradient, even where training accumulates the gradients of more."""
_PREPARING = 0.5
"""Approximate share of the time that computing features takes."""
_DIVERGED = 4.0
"""Multiple of the lowest loss so far above which the loss counts as diverged."""
_MIN_FALL = 0.95
"""Multiple of the first loss that the lowest must stay below; less may be noise."""

Progress = Callable[[float], None]
"""Receives the share done, from 0 to 1."""


@dataclass(frozen=True, slots=True)
class RateFinding:
    """Measured losses, and the learning rate that they suggest."""

    rates: tuple[float, ...]
    """Learning rate of the head in each step, rising."""
    losses: tuple[float, ...]
    """Smoothed loss of each step."""
    suggestion: float | None
    """Suggested learning rate of the head; None when the loss never fell."""
    reason: str
    """Sentence on the suggestion, or on why there is none."""
    n: int
    """Number of training images used."""


def find_learning_rate(
    experiment: Experiment, steps: int = 100, on_progress: Progress = lambda share: None
) -> RateFinding:
    """Try learning rates from `LOWEST` to `HIGHEST` on a new model, frozen as in the last phase.

    The rates of the stages keep their ratio to the head's. Where the run caches activations, this
    test trains on one view of each image; otherwise it augments and mixes images as in training.
    No run is written, and the state of torch's random generators is restored.

    Args:
        steps: maximum number of steps, at least 20; ends earlier once the loss diverges.
        on_progress: called with the share done, from 0 to 1.

    Raises:
        Cancelled: the experiment was asked to stop.
        TransferLabError: the run itself could not start either.
    """
    device = experiment.device.torch_device
    # A run in the same process must draw the same random numbers as without this test.
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        model, _ = build_experiment_model(experiment)
        # Geometrically, because usable rates differ by orders of magnitude.
        rates = np.geomspace(LOWEST, HIGHEST, steps).tolist()
        learner = _make_learner(experiment, model, rates)
        part, examples = _prepare(experiment, model, steps * learner.images_per_step, on_progress)
        model.train()
        losses = []
        prepared = 0.0 if part is model else _PREPARING
        raw_losses = _try_rates(learner, part, examples, experiment.config.train.seed)
        for loss in _follow(raw_losses, steps):
            losses.append(loss)
            on_progress(prepared + (1 - prepared) * len(losses) / steps)
    on_progress(1.0)
    suggestion, reason = _conclude(rates, losses)
    tried = tuple(rates[: len(losses)])
    return RateFinding(tried, tuple(losses), suggestion, reason, len(examples))


def _make_learner(experiment: Experiment, model: TransferModel, rates: Sequence[float]) -> Learner:
    """Return a learner whose head takes `rates` one after another."""
    train = experiment.config.train
    phase = make_plan(experiment.config)[-1]
    freeze(model, phase.frozen, experiment.config.model.batch_norm)
    n_train = len(experiment.split.train)
    wanted = images_per_step(train, n_train)
    affordable = max(train.images_per_batch, _MAX_IMAGES_PER_STEP)
    return Learner(
        model=model,
        optimizer=make_optimizer(train, model, phase.rates),
        # A schedule multiplies each group's base rate, so that stages keep their ratio to the head.
        schedule=Schedule(lambda step: rates[step] / phase.rates[-1]),
        loss=make_loss(train, experiment.class_counts, experiment.device.torch_device),
        device=experiment.device,
        images_per_step=min(wanted, n_train, affordable),
        mix=make_mix(train, len(experiment.classes)),
        clip_norm=train.clip_norm,
    )


def _prepare(
    experiment: Experiment, model: TransferModel, max_images: int, on_progress: Progress
) -> tuple[nn.Module, Examples]:
    """Return the network to train and its examples, at most `max_images` training images.

    As in the run, the network is the part behind the frozen prefix, or the whole model.
    """
    config = experiment.config
    positions = experiment.split.train
    n = min(len(positions), _MAX_IMAGES, max_images)
    # Drawn at random, as images are ordered by class.
    chosen = [positions[i] for i in shuffled(len(positions), config.train.seed, 0)[:n]]
    images = experiment.examples(chosen, augment=True)
    kept = keep_activations(experiment, model)
    if kept and phases_that_keep(config, make_plan(config)[-1:], kept.row_bytes):
        side = Side(images, 1)
        cut = model.frozen.stages
        try:
            for passed, total in kept.fill([side], [cut]):
                on_progress(_PREPARING * passed / total)
            return model.split()[1], kept.examples(side, cut)
        # As a run would, train on images if activations do not fit into the cache.
        except NoRoom:
            pass
    return model, images


def _try_rates(learner: Learner, part: nn.Module, examples: Examples, seed: int) -> Iterator[float]:
    """Train without end, yielding the loss before each step."""
    generator = torch.Generator().manual_seed(seed)
    for step, batches in enumerate(_batches_of_steps(examples, learner.images_per_step)):
        n = sum(len(batch.labels) for batch in batches)
        loss = 0.0
        for batch in batches:
            inputs = batch.inputs
            targets = batch.labels
            if learner.mix:
                inputs, targets = learner.mix(inputs, targets, generator=generator)
            mean_loss, _ = learner.add_gradients(part, inputs, targets, n)
            loss += float(mean_loss) * len(targets) / n
        # Before the step, so that a loss that has diverged ends the test without another one.
        yield loss
        learner.step(step)


def _batches_of_steps(examples: Examples, images_per_step: int) -> Iterator[list[Batch]]:
    """Yield the mini-batches of one step after another, without end."""
    step: list[Batch] = []
    for epoch in count(1):
        for batch in examples.epoch(epoch):
            step.append(batch)
            if sum(len(batch.labels) for batch in step) >= images_per_step:
                yield step
                step = []


def _follow(losses: Iterator[float], steps: int) -> Iterator[float]:
    """Smooth at most `steps` losses and end where they diverge.

    Smoothing is an exponential moving average over about a tenth of the steps, corrected for its
    bias towards the initial 0.
    """
    decay = 1 - 10 / steps
    average = 0.0
    lowest = math.inf
    for number, loss in zip(range(1, steps + 1), losses, strict=False):
        average = decay * average + (1 - decay) * loss
        smoothed = average / (1 - decay**number)
        if not math.isfinite(smoothed):
            return
        yield smoothed
        lowest = min(lowest, smoothed)
        if smoothed > _DIVERGED * lowest:
            return


def _conclude(rates: Sequence[float], losses: Sequence[float]) -> tuple[float | None, str]:
    """Return (suggestion, reason) from smoothed losses, fewer than `rates` if they diverged."""
    diverged_at = rates[len(losses) - 1] if 0 < len(losses) < len(rates) else math.inf
    # Losses before this are averages over too few steps.
    first = len(rates) // 20
    lowest = min(range(len(losses)), key=losses.__getitem__, default=0)
    if lowest <= first + 1 or losses[lowest] > _MIN_FALL * losses[first]:
        return None, _say_it_never_fell(diverged_at)
    # The gradient over the logarithm of the rate, as the rates rise geometrically.
    slopes = np.gradient(losses, np.log(rates[: len(losses)]))
    steepest = _round_down(rates[first + int(np.argmin(slopes[first:lowest]))])
    where = f"The loss fell fastest at a rate of {steepest:g}"
    if math.isinf(diverged_at):
        return steepest, f"{where} and did not diverge up to {HIGHEST:g}."
    if steepest <= diverged_at / 10:
        return steepest, f"{where}, well below {diverged_at:.2g}, at which it diverged."
    reason = f"{where} but diverged at {diverged_at:.2g}: a tenth of that is safer."
    return _round_down(diverged_at / 10), reason


def _round_down(rate: float) -> float:
    """Round `rate` down to two significant digits."""
    digit = 10.0 ** (math.floor(math.log10(rate)) - 1)
    # The small summand keeps a quotient such as 2.9999999999 from falling to 2.
    return float(f"{math.floor(rate / digit + 1e-9) * digit:.2g}")


def _say_it_never_fell(diverged_at: float) -> str:
    tried = f"up to a rate of {HIGHEST:g}"
    if math.isfinite(diverged_at):
        tried = f"before it diverged at {diverged_at:.2g}"
    return (
        f"The loss never fell {tried}: choose a larger batch, another optimizer, or a backbone "
        "that starts pretrained."
    )
