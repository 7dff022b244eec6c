"""The learning-rate range test (Smith 2017): train for a moment at a rising rate, and see where the loss falls best."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
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
from tl_core.training.mixing import mix
from tl_core.training.optimizers import make_optimizer
from tl_core.training.plan import make_plan
from tl_core.training.run import build_experiment_model
from tl_core.training.schedules import Schedule

LOWEST, HIGHEST = 1e-6, 10.0
_MOST_IMAGES = 512
_MOST_IMAGES_PER_STEP = 128
"""Enough to know a direction by, even where training adds up the gradients of more."""
_PREPARING = 0.5
"""Share of the time that keeping features takes, roughly."""
_RUN_AWAY = 4.0
"""Times the least loss so far."""
_FALL = 0.95
"""Times the first loss: what is above it may only have wavered."""

Progress = Callable[[float], None]
"""Told the share that is done, from 0 to 1."""


@dataclass(frozen=True, slots=True)
class RateFinding:
    """What was seen, and what follows from it."""

    rates: tuple[float, ...]
    """Of the head, one a step, rising."""
    losses: tuple[float, ...]
    """Of the same steps, smoothed."""
    suggestion: float | None
    """For the head; None when the loss never fell."""
    reason: str
    """One sentence on the suggestion, or on why there is none."""
    n: int
    """Training images used."""


def find_learning_rate(
    experiment: Experiment, steps: int = 100, on_progress: Progress = lambda share: None
) -> RateFinding:
    """Try learning rates from `LOWEST` to `HIGHEST` on a model of its own, frozen as in the run's last phase.

    The rates of the stages keep their proportion to the head's. Of frozen stages features are kept, of images as they
    are; where there are none to keep, images are varied and mixed as in training. Nothing is written, and torch's
    generators are left as they were found.

    Args:
        steps: at most, and at least 20; it ends earlier once the loss runs away.

    Raises:
        Cancelled: the experiment was asked to stop.
        TransferLabError: what keeps the run itself from starting.
    """
    device = experiment.device.torch_device
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        model, _ = build_experiment_model(experiment)
        rates = np.geomspace(LOWEST, HIGHEST, steps).tolist()
        learner = _make_learner(experiment, model, rates)
        part, examples = _prepare(experiment, model, steps * learner.images_per_step, on_progress)
        model.train()
        losses = []
        tried = _try_rates(learner, part, examples, experiment.config.train.seed)
        for loss in _follow(tried, steps):
            losses.append(loss)
            prepared = 0.0 if part is model else _PREPARING
            on_progress(prepared + (1 - prepared) * len(losses) / steps)
    on_progress(1.0)
    suggestion, reason = _conclude(rates, losses)
    return RateFinding(
        tuple(rates[: len(losses)]), tuple(losses), suggestion, reason, len(examples)
    )


def _make_learner(experiment: Experiment, model: TransferModel, rates: Sequence[float]) -> Learner:
    """One that takes `rates` one after another, for the head."""
    train, phase = experiment.config.train, make_plan(experiment.config)[-1]
    freeze(model, phase.frozen, experiment.config.model.batch_norm)
    n_train = len(experiment.split.train)
    wanted = n_train if train.optimizer == "gd" else train.images_per_batch * train.accumulate
    return Learner(
        model=model,
        optimizer=make_optimizer(train, model, phase.rates),
        schedule=Schedule(lambda step: rates[step] / phase.rates[-1]),
        loss=make_loss(train, experiment.class_counts, experiment.device.torch_device),
        device=experiment.device,
        images_per_step=min(wanted, n_train, max(train.images_per_batch, _MOST_IMAGES_PER_STEP)),
        mix=partial(mix, n_classes=len(experiment.classes), train=train)
        if train.mixup or train.cutmix
        else None,
        clip_norm=train.clip_norm,
    )


def _prepare(
    experiment: Experiment, model: TransferModel, most: int, on_progress: Progress
) -> tuple[nn.Module, Examples]:
    """What to train, and on what: as in the run, but on few images, at `most` as many, each kept in one view."""
    train, positions = experiment.config.train, experiment.split.train
    n = min(len(positions), _MOST_IMAGES, most)
    images = experiment.examples(
        [positions[i] for i in shuffled(len(positions), train.seed, 0)[:n]], augment=True
    )
    kept, cut, side = keep_activations(experiment, model), model.frozen.stages, Side(images, 1)
    if kept and phases_that_keep(
        experiment.config, make_plan(experiment.config)[-1:], kept.row_bytes
    ):
        try:
            for passed, total in kept.fill([side], [cut]):
                on_progress(_PREPARING * passed / total)
            return model.split()[1], kept.examples(side, cut)
        except NoRoom:
            pass
    return model, images


def _try_rates(learner: Learner, part: nn.Module, examples: Examples, seed: int) -> Iterator[float]:
    """Train without end; the loss before each step."""
    generator = torch.Generator().manual_seed(seed)
    for step, batches in enumerate(_batches_of_steps(examples, learner.images_per_step)):
        n, loss = sum(len(batch.labels) for batch in batches), 0.0
        for batch in batches:
            inputs, targets = batch.inputs, batch.labels
            if learner.mix:
                inputs, targets = learner.mix(inputs, targets, generator=generator)
            loss += float(learner.add_gradients(part, inputs, targets, n)[0]) * len(targets) / n
        yield loss
        learner.step(step)


def _batches_of_steps(examples: Examples, images_per_step: int) -> Iterator[list[Batch]]:
    """The batches of one step after another, without end."""
    step: list[Batch] = []
    for epoch in count(1):
        for batch in examples.epoch(epoch):
            step.append(batch)
            if sum(len(batch.labels) for batch in step) >= images_per_step:
                yield step
                step = []


def _follow(losses: Iterator[float], steps: int) -> Iterator[float]:
    """At most `steps` losses, each averaged with those before it, to where they run away.

    An exponential moving average, whose bias towards its start is corrected; it looks back over a tenth of the steps.
    """
    keep, average, least = 1 - 10 / steps, 0.0, math.inf
    for number, loss in zip(range(1, steps + 1), losses, strict=False):
        average = keep * average + (1 - keep) * loss
        smoothed = average / (1 - keep**number)
        if not math.isfinite(smoothed):
            return
        yield smoothed
        least = min(least, smoothed)
        if smoothed > _RUN_AWAY * least:
            return


def _conclude(rates: Sequence[float], losses: Sequence[float]) -> tuple[float | None, str]:
    """(suggestion, reason) from the smoothed losses of the first rates; they are fewer when they ran away."""
    ran_away_at = rates[len(losses) - 1] if 0 < len(losses) < len(rates) else math.inf
    first = len(rates) // 20  # before it hardly anything was averaged
    lowest = min(range(len(losses)), key=losses.__getitem__, default=0)
    if lowest <= first + 1 or losses[lowest] > _FALL * losses[first]:
        return None, _say_it_never_fell(ran_away_at)
    slopes = np.gradient(losses, np.log(rates[: len(losses)]))
    steepest = _round_down(rates[first + int(np.argmin(slopes[first:lowest]))])
    where = f"The loss fell fastest at a rate of {steepest:g}"
    if math.isinf(ran_away_at):
        return steepest, f"{where} and did not run away up to {HIGHEST:g}."
    if steepest <= ran_away_at / 10:
        return steepest, f"{where}, well below {ran_away_at:.2g}, at which it ran away."
    return _round_down(
        ran_away_at / 10
    ), f"{where} but ran away at {ran_away_at:.2g}: a tenth of that is safer."


def _round_down(rate: float) -> float:
    """To two digits that count."""
    digit = 10.0 ** (math.floor(math.log10(rate)) - 1)
    return float(f"{math.floor(rate / digit + 1e-9) * digit:.2g}")


def _say_it_never_fell(ran_away_at: float) -> str:
    tried = (
        f"before it ran away at {ran_away_at:.2g}"
        if math.isfinite(ran_away_at)
        else f"up to a rate of {HIGHEST:g}"
    )
    return f"The loss never fell {tried}: choose a larger batch, another optimizer, or a backbone that starts pretrained."
