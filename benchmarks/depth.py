"""Epochs at each freeze depth: with the cache, without it, and the trainable part alone.

At every depth, a run with the cache and a run without it train the same head and unfrozen stages on
the same images, an epoch per turn. The lower bound is the work that an epoch cannot avoid: forward
and backward of the trainable part for all training images, and forward for the validation images,
on tensors in memory; no optimizer, no reading, no saving. The first epoch includes everything
before it, and with the cache it alone passes through the frozen prefix. Each way runs in its own
process.
"""

import sys
import time
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from torch import nn

from benchmarks.experiments import Trial, find_folder, make_trial
from benchmarks.frozen import PACKAGED, PREFERRED, weights_folder
from benchmarks.measuring import Cell, Options, Report, median, take_turns
from benchmarks.peers.answering import answer_turns
from benchmarks.turns import Apart, Ended, Here
from tl_core.backbones import anatomy, find_weights, get_backbone
from tl_core.events import EpochEnded
from tl_core.training import build_experiment_model, run_experiment

DATASET, BATCH, EPOCHS, EVER = "hymenoptera", 32, 10, 1000
CACHED, UNCACHED, FLOOR = "with the cache", "without", "the unfrozen part alone"
MOST_BATCHES = 4
"""Number of batches that the lower bound holds in memory."""


def run(options: Options) -> Report:
    rows: list[tuple[Cell, ...]] = []
    raw: dict[str, Any] = {}
    weights = weights_folder(options)
    known = find_weights(get_backbone(PREFERRED), [weights]) if weights else None
    backbone = get_backbone(PREFERRED if known and not options.tiny else PACKAGED)
    depths = len(anatomy(backbone, None).stages)
    with TemporaryDirectory() as scratch:
        folder = find_folder(options.data, DATASET, Path(scratch), options.tiny)
        settings = {
            "backbone": backbone.name,
            "image_size": 64 if options.tiny else backbone.preprocessing.size,
            "batch_size": 8 if options.tiny else BATCH,
            "augment": "none",
            "epochs": EVER,
        }
        trial = make_trial(Path(scratch) / "home", folder, weights, settings)
        for stages in [depths - 1, depths] if options.tiny else range(depths + 1):
            ways = _ways(options, trial.with_settings(frozen_stages=stages), stages)
            first = {name: found[0] for name, found in take_turns(ways, 1).items()}
            later = take_turns(ways, options.rounds)
            rows += _rows(stages, first, later, {name: way.end() for name, way in ways.items()})
            raw[str(stages)] = {"first": first, "later": later}
        split = trial.experiment("looking").split
    note = (
        f"{backbone.name} at {settings['image_size']} px, {depths} stages; {len(split.train)} "
        f"images to train and {len(split.val)} to validate, batches of {settings['batch_size']}"
    )
    columns = (
        "frozen stages",
        "epochs",
        "first epoch, s",
        "each further one, s",
        f"{EPOCHS} epochs, s",
        "times the unfrozen part alone",
        "peak memory, MB",
    )
    return Report("depth", "Epochs at each freeze depth", columns, rows, [note], raw)


def _rows(
    stages: int, first: dict[str, float], later: dict[str, list[float]], ended: dict[str, Ended]
) -> Iterator[tuple[Cell, ...]]:
    seconds = {name: median(found) for name, found in later.items()}
    for name, each in seconds.items():
        total = first[name] + (EPOCHS - 1) * each
        yield (stages, name, first[name], each, total, each / seconds[FLOOR], ended[name].peak_mb)


def _ways(options: Options, trial: Trial, stages: int) -> dict[str, Apart | Here]:
    if options.tiny:
        return {name: Here(make(trial)) for name, make in OWN.items()}
    python = Path(sys.executable)
    return {name: Apart(python, "benchmarks.depth", [name, trial.written()]) for name in OWN}


def turns_with_cache(trial: Trial) -> Iterator[float]:
    return _turns_of_ours(trial, CACHED)


def turns_without(trial: Trial) -> Iterator[float]:
    return _turns_of_ours(trial, UNCACHED)


def _turns_of_ours(trial: Trial, way: str) -> Iterator[float]:
    """Yield the seconds of each epoch: training, validation and saving."""
    started = time.perf_counter()
    experiment = trial.experiment(f"{way} {trial.settings['frozen_stages']}", cached=way == CACHED)
    for event in run_experiment(experiment):
        if isinstance(event, EpochEnded):
            yield time.perf_counter() - started
            started = time.perf_counter()


def turns_of_the_rest(trial: Trial) -> Iterator[float]:
    """Yield the seconds of an epoch of the trainable part, on a few batches of noise."""
    experiment = trial.experiment(FLOOR)
    model, _ = build_experiment_model(experiment)
    size = experiment.preprocessing.size
    batch_size = experiment.config.train.batch_size
    device = experiment.device
    prefix, rest = model.split()
    noise = torch.randn(MOST_BATCHES, batch_size, 3, size, size, device=device.torch_device)
    with torch.no_grad():
        batches = [prefix(each.contiguous(memory_format=torch.channels_last)) for each in noise]
    labels = torch.randint(len(experiment.classes), (batch_size,), device=device.torch_device)
    trainable = [parameter for parameter in rest.parameters() if parameter.requires_grad]
    sizes = [
        _sizes(len(side), batch_size) for side in (experiment.split.train, experiment.split.val)
    ]
    while True:
        started = time.perf_counter()
        rest.train()
        for n, batch in zip(sizes[0], cycle(batches), strict=False):
            with device.autocast():
                loss = nn.functional.cross_entropy(rest(batch[:n]), labels[:n])
            torch.autograd.grad(loss, trainable)
        rest.eval()
        with torch.inference_mode(), device.autocast():
            for n, batch in zip(sizes[1], cycle(batches), strict=False):
                rest(batch[:n])
        if device.torch_device.type == "cuda":
            torch.cuda.synchronize()
        yield time.perf_counter() - started


def _sizes(n: int, batch_size: int) -> list[int]:
    return [min(batch_size, n - first) for first in range(0, n, batch_size)]


OWN = {CACHED: turns_with_cache, UNCACHED: turns_without, FLOOR: turns_of_the_rest}


if __name__ == "__main__":
    answer_turns(OWN[sys.argv[1]](Trial.read(sys.argv[2])))
