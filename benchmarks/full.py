"""Full fine-tuning: images/s of TransferLab, the tutorials' loop, fastai and the bare step.

A turn is an epoch of training without its validation; the first one of each way warms up and is not
counted. All start from the same random weights of one network, read the same images from disk
without augmentation, and take AdamW steps on batches of the same size. The upper bound is forward,
backward and AdamW's step on tensors in memory, in the precision and memory layout that TransferLab
uses on the device. Each way runs in its own process.
"""

import re
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import torch

from benchmarks.experiments import Trial, find_folder, make_trial
from benchmarks.measuring import Cell, Options, Report, has_modules, median, take_turns, versions_of
from benchmarks.peers import full_tutorial
from benchmarks.peers.answering import answer_turns
from benchmarks.peers.task import Examples, Task
from benchmarks.turns import Apart, Ended, Here
from tl_core.backbones import anatomy, build_library_model, get_backbone
from tl_core.data.images import image_path
from tl_core.events import BatchEnded, EpochEnded
from tl_core.training import Experiment, build_experiment_model, run_experiment

BACKBONE, DATASET, BATCH, RATE, EVER = "mobilenet_v2", "hymenoptera", 32, 1e-3, 1000
OURS, FLOOR = "ours", "the step alone"
PEERS = {
    "tutorial loop": ("full_tutorial", ["torch", "torchvision"]),
    "fastai": ("full_fast", ["fastai"]),
}
PEAKS = {
    "H200": 989e12,
    "H100 PCIe": 756e12,
    "H100": 989e12,
    "A100": 312e12,
    "L40S": 362e12,
    "L40": 181e12,
    "L4": 121e12,
    "T4": 65e12,
}
"""Peak dense 16-bit FLOP/s as stated by NVIDIA, by part of the GPU's name; the first match wins."""


def run(options: Options) -> Report:
    with TemporaryDirectory() as scratch:
        folder = find_folder(options.data, DATASET, Path(scratch), options.tiny)
        settings = {
            "backbone": BACKBONE,
            "pretrained": False,
            "frozen_stages": 0,
            "image_size": 64 if options.tiny else 224,
            "batch_size": 8 if options.tiny else BATCH,
            "learning_rate": RATE,
            "augment": "none",
            "epochs": EVER,
        }
        trial = make_trial(Path(scratch) / "home", folder, None, settings)
        experiment = trial.experiment("looking")
        task = _make_task(experiment, Path(scratch), workers=0 if options.tiny else 2)
        ways = _ways(options, trial, task, Path(scratch))
        take_turns(ways, 1)
        seconds = take_turns(ways, options.rounds)
        ended = {name: way.end() for name, way in ways.items()}
        n = len(experiment.split.train)
        rates = {name: [n / each for each in found] for name, found in seconds.items()}
        notes = [
            f"{BACKBONE} at {settings['image_size']} px, {n} images an epoch, batches of "
            f"{settings['batch_size']}"
        ]
        notes.append(f"versions of the peers: {versions_of(options.peers)}")
        notes += [
            f"{name} was left out: {options.peers} does not have it."
            for name in PEERS
            if name not in ways
        ]
        columns = (
            "way",
            "images/s",
            "of the step alone",
            "MFU",
            "peak memory, MB",
            "peak on the GPU, MB",
        )
        return Report(
            "full",
            "Full fine-tuning",
            columns,
            _rows(rates, ended, experiment),
            notes,
            {"images/s": rates},
        )


def _rows(
    rates: dict[str, list[float]], ended: dict[str, Ended], experiment: Experiment
) -> list[tuple[Cell, ...]]:
    floor = median(rates[FLOOR])
    return [
        (
            name,
            rate,
            rate / floor,
            _utilisation(rate, experiment),
            ended[name].peak_mb,
            ended[name].gpu_mb,
        )
        for name, rate in ((name, median(found)) for name, found in rates.items())
    ]


def _utilisation(rate: float, experiment: Experiment) -> float | None:
    """Return the model FLOPs utilisation, or None on an unknown device.

    A training step costs three forward passes, and a multiply-add counts as two operations.
    """
    peak = peak_of(torch.cuda.get_device_name()) if torch.cuda.is_available() else None
    work = anatomy(experiment.backbone, experiment.config.model.image_size).multiply_adds
    return 6 * rate * work / peak if peak else None


def peak_of(gpu: str) -> float | None:
    """Return the peak FLOP/s of a GPU; None if it is unknown."""
    return next((peak for name, peak in PEAKS.items() if re.search(rf"\b{name}\b", gpu)), None)


def _ways(options: Options, trial: Trial, task: Task, scratch: Path) -> dict[str, Apart | Here]:
    if options.tiny:
        ways: dict[str, Apart | Here] = {name: Here(make(trial)) for name, make in OWN.items()}
        return {**ways, "tutorial loop": Here(full_tutorial.train(task))}
    python, path = Path(sys.executable), str(task.write(scratch / "task.json"))
    ways = {name: Apart(python, "benchmarks.full", [name, trial.written()]) for name in OWN}
    for name, (script, modules) in PEERS.items():
        if has_modules(options.peers, *modules):
            ways[name] = Apart(options.peers, f"benchmarks.peers.{script}", [path])
    return ways


def turns_of_ours(trial: Trial) -> Iterator[float]:
    """Yield the seconds of each epoch, from the end of the previous one to its last step."""
    experiment = trial.experiment(OURS)
    steps = -(-len(experiment.split.train) // experiment.config.train.batch_size)
    events, started = run_experiment(experiment), time.perf_counter()
    for event in events:
        if isinstance(event, EpochEnded):
            started = time.perf_counter()
        if isinstance(event, BatchEnded) and event.step % steps == 0:
            yield time.perf_counter() - started


def turns_of_the_step(trial: Trial) -> Iterator[float]:
    """Yield the seconds of an epoch's number of steps, on a few batches of noise."""
    experiment = trial.experiment(FLOOR)
    device, train = experiment.device.torch_device, experiment.config.train
    model, _ = build_experiment_model(experiment)
    size, n = experiment.preprocessing.size, len(experiment.split.train)
    noise = torch.randn(2 * train.batch_size, 3, size, size, device=device)
    batches = noise.contiguous(memory_format=torch.channels_last).split(train.batch_size)
    labels = torch.randint(len(experiment.classes), (train.batch_size,), device=device)
    optimizer = torch.optim.AdamW(model.parameters(), RATE, fused=device.type in ("cpu", "cuda"))
    model.train()
    with experiment.device.tuned():
        while True:
            started = time.perf_counter()
            for step, first in enumerate(range(0, n, train.batch_size)):
                here = min(train.batch_size, n - first)
                with experiment.device.autocast():
                    logits = model(batches[step % 2][:here])
                    loss = torch.nn.functional.cross_entropy(logits, labels[:here])
                loss.backward()
                optimizer.step()
                optimizer.zero_grad()
            if device.type == "cuda":
                torch.cuda.synchronize()
            yield time.perf_counter() - started


OWN = {OURS: turns_of_ours, FLOOR: turns_of_the_step}


def _make_task(experiment: Experiment, scratch: Path, workers: int) -> Task:
    """Describe the same task for the peers, which do not use tl_core."""
    backbone, pre, train = get_backbone(BACKBONE), experiment.preprocessing, experiment.config.train
    torch.manual_seed(train.seed)
    weights = scratch / "weights.pth"
    torch.save(build_library_model(backbone).state_dict(), weights)

    def examples(positions: Sequence[int]) -> Examples:
        chosen = [experiment.images[i] for i in positions]
        folder, classes = experiment.dataset_folder, experiment.classes
        return tuple(
            (str(image_path(folder, image)), classes.index(image.class_name)) for image in chosen
        )

    split = experiment.split
    return Task(
        backbone=backbone.name,
        library=backbone.library,
        weights=str(weights),
        size=pre.size,
        resize=pre.resize,
        mean=pre.mean,
        std=pre.std,
        interpolation=pre.interpolation,
        classes=tuple(experiment.classes),
        train=examples(split.train),
        val=examples(split.val),
        test=examples(split.test),
        epochs=1,
        batch_size=train.batch_size,
        learning_rate=RATE,
        workers=workers,
        model="",
    )


if __name__ == "__main__":
    answer_turns(OWN[sys.argv[1]](Trial.read(sys.argv[2])))
