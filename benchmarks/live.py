"""Preview of learning: a whole run with the preview of learning, and without.

A turn is a run with the defaults in a workspace with an empty cache: weights are loaded, every
image passes through the frozen stages in all its augmented views, and the head is trained and
tested. With the preview, images pass in mixed order and in chunks, and classifiers are fitted on
those that have passed; without it, they pass side by side of the split and view by view. Seconds
are counted until the features are prepared and until the test; beside them stand the processor's
seconds, which other work on the machine disturbs less. What the store does with the events is not
counted. Each turn is a process of its own. Both ways have to give the same losses and
probabilities, to the last bit.
"""

import hashlib
import json
import shutil
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.experiments import Trial, find_folder, make_trial
from benchmarks.frozen import PACKAGED
from benchmarks.measuring import Cell, Options, Report, median, take_turns
from benchmarks.peers.answering import answer_turns
from benchmarks.turns import Apart, Here
from tl_core.events import EpochEnded, PreviewFitted, StageStarted, Tested
from tl_core.training import run_experiment

DATASETS = ["trashnet", "hymenoptera"]
WITH, WITHOUT = "with the preview", "without"
Turn = dict[str, Any]


def run(options: Options) -> Report:
    rows: list[tuple[Cell, ...]] = []
    raw: dict[str, Any] = {}
    notes: list[str] = []
    for name in DATASETS[:1] if options.tiny else DATASETS:
        with TemporaryDirectory() as scratch:
            folder = find_folder(options.data, name, Path(scratch), options.tiny)
            settings = {"backbone": PACKAGED, "image_size": 64 if options.tiny else None}
            given = {key: value for key, value in settings.items() if value}
            trial = make_trial(Path(scratch) / "home", folder, None, given)
            found = take_turns({way: _Way(way, trial, options) for way in OWN}, options.rounds)
            experiment = trial.experiment("looking")
        rows += _rows(folder.name, found)
        raw[folder.name] = found
        notes.append(
            f"{folder.name}: {len(experiment.split.train)} images to train and "
            f"{len(experiment.split.val)} to validate"
        )
    columns = (
        "images",
        "way",
        "prepared after, s",
        "tested after, s",
        "processor, s",
        "times without",
        "processor, times without",
        "previews",
        "first after, s",
        "same results",
    )
    return Report("live", "Preview of learning", columns, rows, notes, raw)


def _rows(images: str, found: Mapping[str, list[Turn]]) -> Iterator[tuple[Cell, ...]]:
    for way, turns in found.items():
        # Of each pair of turns, which stand beside each other and so see about the same load.
        pairs = list(zip(turns, found[WITHOUT], strict=True))
        first = [turn["first"] for turn in turns if turn["first"] is not None]
        yield (
            images,
            way,
            median(turn["prepared"] for turn in turns),
            median(turn["tested"] for turn in turns),
            median(turn["processor"] for turn in turns),
            median(one["tested"] / other["tested"] for one, other in pairs),
            median(one["processor"] / other["processor"] for one, other in pairs),
            int(median(turn["previews"] for turn in turns)),
            median(first) if first else None,
            "yes" if all(one["digest"] == other["digest"] for one, other in pairs) else "NO",
        )


class _Way:
    """One way, whose every turn has an empty cache."""

    def __init__(self, way: str, trial: Trial, options: Options) -> None:
        self._way = way
        self._trial = trial
        self._is_tiny = options.tiny

    def __call__(self) -> Turn:
        home = Path(self._trial.home)
        for folder in (home / "cache", home / "runs"):
            shutil.rmtree(folder, ignore_errors=True)
        if self._is_tiny:
            return dict(Here(turns_of(self._way, self._trial))())
        apart = Apart(Path(sys.executable), "benchmarks.live", [self._way, self._trial.written()])
        turn: Turn = apart()
        apart.end()
        return turn


def turns_of(way: str, trial: Trial) -> Iterator[Turn]:
    """Yield the times of a run, its number of previews, and a digest of its figures."""
    experiment = replace(trial.experiment(way), preview=way == WITH)
    began = time.perf_counter()
    worked = time.process_time()
    times: dict[str, float] = {}
    previews: list[float] = []
    figures: list[Any] = []
    for event in run_experiment(experiment):
        seconds = time.perf_counter() - began
        match event:
            case StageStarted("training"):
                times["prepared"] = seconds
            case PreviewFitted():
                previews.append(seconds)
            case EpochEnded():
                figures.append([event.train_loss, event.val_loss, event.val_accuracy])
            case Tested(_, predictions):
                times["tested"] = seconds
                figures += [list(prediction.probabilities) for prediction in predictions]
    yield {
        **times,
        "processor": time.process_time() - worked,
        "previews": len(previews),
        "first": previews[0] if previews else None,
        "digest": hashlib.sha256(json.dumps(figures).encode()).hexdigest(),
    }


OWN = (WITH, WITHOUT)


if __name__ == "__main__":
    answer_turns(turns_of(sys.argv[1], Trial.read(sys.argv[2])))
