"""Feature extraction, from a folder of JPEGs to a test accuracy: TransferLab and the usual ways.

Whole commands are timed, with start-up, reading and saving: `transferlab train` in a new workspace,
again in the same one, and in a new one followed by `transferlab export` (ONNX, predict.py and a
receipt; training alone leaves only weights, like the peers); the loop of the tutorials; fastai's
`vision_learner`; and features in one pass with scikit-learn's logistic regression. All use the same
images, split, weights and number of epochs; TransferLab and the loop also use the same head and
optimizer. Slow peers run in every third round.
"""

import io
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import redirect_stdout
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch

from benchmarks.measuring import (
    ROOT,
    Cell,
    Finished,
    Options,
    Report,
    has_modules,
    median,
    peak_mb,
    run_command,
    take_turns,
    versions_of,
)
from benchmarks.peers.task import Examples, Task
from benchmarks.pictures import make_folder
from tl_core.backbones import (
    build_library_model,
    find_weights,
    get_backbone,
    load_weights,
    preprocessing_for,
)
from tl_core.config import DataConfig, ModelConfig
from tl_core.data.paths import source_from_path
from tl_core.data.splits import make_split
from tl_core.datasets.importing import import_dataset
from tl_core.settings import Settings
from tl_core.workspace import open_workspace

DATASETS = ["trashnet", "hymenoptera"]
PREFERRED, PACKAGED = "mobilenet_v2", "tf_efficientnet_lite0"
LEARNING_RATE, BATCH, WORKERS = 0.01, 32, 2
OURS, AGAIN, EXPORTED = "ours", "ours, second run", "ours, with an export"
VARIED, VARIED_AGAIN = "ours, augmented", "ours, augmented, second run"
PEERS = {
    "tutorial loop": ("tutorial", ["torch", "torchvision"]),
    "fastai": ("fast", ["fastai"]),
    "features + logistic regression": ("logistic", ["torch", "sklearn"]),
}
SLOW = ["tutorial loop", "fastai"]


def run(options: Options) -> Report:
    rows: list[tuple[Cell, ...]] = []
    notes: list[str] = []
    raw: dict[str, Any] = {}
    left_out = missing_peers(options.peers)
    with tempfile.TemporaryDirectory() as scratch:
        for folder in _folders(options, Path(scratch)):
            contest = _Contest(folder, Path(scratch) / "of" / folder.name, options, left_out)
            found = contest.run()
            rows += [(folder.name, *row) for row in _rows(found)]
            raw[folder.name] = {
                name: [vars(each) for each in ended] for name, ended in found.items()
            }
            notes.append(contest.described())
    notes.append(f"versions of the peers: {versions_of(options.peers)}")
    notes += [f"{name} was left out: {options.peers} does not have it." for name in left_out]
    columns = (
        "images",
        "way",
        "seconds",
        "times ours",
        "times our second run",
        "test accuracy",
        "peak memory, MB",
    )
    return Report(
        "frozen",
        "A frozen backbone: from a folder of JPEGs to test accuracy",
        columns,
        rows,
        notes,
        raw,
    )


def missing_peers(python: Path) -> list[str]:
    """Return the peers whose modules the interpreter does not have."""
    return [name for name, (_, modules) in PEERS.items() if not has_modules(python, *modules)]


@dataclass(frozen=True)
class _Told(Finished):
    accuracy: float


def _rows(found: Mapping[str, list[_Told]]) -> list[tuple[Cell, ...]]:
    seconds = {name: median(each.seconds for each in ended) for name, ended in found.items()}
    return [
        (
            name,
            seconds[name],
            seconds[name] / seconds[OURS],
            seconds[name] / seconds[AGAIN],
            median(each.accuracy for each in ended),
            max(each.peak_mb for each in ended),
        )
        for name, ended in found.items()
    ]


def _folders(options: Options, scratch: Path) -> list[Path]:
    """Return the folders of real images, or make a synthetic one."""
    if options.tiny:
        return [make_folder(scratch / "tiny", classes=2, per_class=12, size=(80, 60))]
    real = [options.data / name for name in DATASETS] if options.data else []
    return [folder for folder in real if folder.is_dir()] or [
        make_folder(scratch / "made up", 6, 200)
    ]


class _Contest:
    """Comparison of all ways on one folder of images."""

    def __init__(self, folder: Path, scratch: Path, options: Options, left_out: list[str]) -> None:
        self._folder = folder
        self._scratch = scratch
        self._options = options
        self._left_out = left_out
        scratch.mkdir(parents=True)
        self._weights = weights_folder(options)
        known = find_weights(get_backbone(PREFERRED), [self._weights]) if self._weights else None
        self._backbone = get_backbone(PREFERRED if known and not options.tiny else PACKAGED)
        self._size = 64 if options.tiny else self._backbone.preprocessing.size
        self._epochs = 2 if options.tiny else 10
        self._homes: dict[bool, Path] = {}
        self._task = self._make_task()

    def run(self) -> dict[str, list[_Told]]:
        """Let all ways take turns; the slow ones skip two of three rounds."""
        ways: dict[str, Callable[[], _Told]] = {
            OURS: lambda: self._ours(augment=False, again=False),
            AGAIN: lambda: self._ours(augment=False, again=True),
            EXPORTED: self._exported,
            VARIED: lambda: self._ours(augment=True, again=False),
            VARIED_AGAIN: lambda: self._ours(augment=True, again=True),
            **{
                name: lambda script=script: self._peer(script)
                for name, (script, _) in PEERS.items()
                if name not in self._left_out
            },
        }
        together = -(-self._options.rounds // 3)
        found = take_turns(ways, together)
        quick = {name: way for name, way in ways.items() if name not in SLOW}
        for name, more in take_turns(quick, self._options.rounds - together).items():
            found[name] += more
        return found

    def described(self) -> str:
        counts = " / ".join(map(str, self._counts().values()))
        return (
            f"{self._folder.name}: {counts} images to train, validate and test; "
            f"{self._backbone.name} at {self._size} px, {self._epochs} epochs, batches of "
            f"{BATCH}; peers without augmentation, {self._task.workers} loading processes"
        )

    def _counts(self) -> dict[str, int]:
        return {side: len(getattr(self._task, side)) for side in ("train", "val", "test")}

    def _make_task(self) -> Task:
        images, classes = self._read_folder()
        split = make_split(images, DataConfig(dataset_id="any"))
        pre = preprocessing_for(self._backbone, self._size)

        def examples(positions: tuple[int, ...]) -> Examples:
            chosen = [images[i] for i in positions]
            return tuple(
                (str(self._folder / image.name), classes.index(image.class_name))
                for image in chosen
            )

        return Task(
            self._backbone.name,
            self._backbone.library,
            str(self._write_weights()),
            pre.size,
            pre.resize,
            pre.mean,
            pre.std,
            pre.interpolation,
            classes,
            examples(split.train),
            examples(split.val),
            examples(split.test),
            self._epochs,
            BATCH,
            LEARNING_RATE,
            0 if self._options.tiny else WORKERS,
            str(self._scratch / "model"),
        )

    def _read_folder(self) -> tuple[list[Any], tuple[str, ...]]:
        """Import the folder and return its images and classes, which are the same every time."""
        home = self._scratch / "looking"
        workspace = open_workspace(
            Settings(home=home, database_url=f"sqlite:///{home / 'transferlab.db'}")
        )
        source, limits = source_from_path(self._folder), workspace.settings.limits
        record = import_dataset(
            workspace.store, workspace.artifacts, source, name="any", limits=limits
        ).record
        images = workspace.store.list_images(record.id)
        workspace.store.close()
        return images, record.classes

    def _write_weights(self) -> Path:
        """Save the pretrained weights under the library's own names."""
        model = build_library_model(self._backbone)
        folders = [self._weights] if self._weights else []
        load_weights(self._backbone, model, ModelConfig(backbone=self._backbone.name), folders)
        path = self._scratch / "weights.pth"
        torch.save(model.state_dict(), path)
        return path

    def _ours(self, augment: bool, again: bool) -> _Told:
        if not again:
            self._homes[augment] = self._new_home()
        return self._train(self._homes[augment], augment)

    def _exported(self) -> _Told:
        """Train in a new workspace, then export the model, whose predict.py is tested."""
        home = self._new_home()
        trained = self._train(home, augment=False)
        run_id = json.loads(trained.output)["run_id"]
        arguments = ["export", run_id, "--to", str(home / "taken away"), "--json"]
        ended = self._run(Path(sys.executable), "tl_core", arguments, self._variables(home))
        return replace(
            trained,
            seconds=trained.seconds + ended.seconds,
            peak_mb=max(trained.peak_mb, ended.peak_mb),
        )

    def _new_home(self) -> Path:
        return Path(tempfile.mkdtemp(dir=self._scratch))

    def _variables(self, home: Path) -> dict[str, str]:
        where = {"TRANSFERLAB_HOME": str(home), "TRANSFERLAB_DATABASE_URL": ""}
        return {**where, "TRANSFERLAB_WEIGHTS": str(self._weights or "")}

    def _train(self, home: Path, augment: bool) -> _Told:
        settings = {
            "backbone": self._backbone.name,
            "image_size": "" if self._size == self._backbone.preprocessing.size else self._size,
            "epochs": self._epochs,
            "batch_size": BATCH,
            "augment": "photos" if augment else "none",
        }
        given = [f"--set={name}={value}" for name, value in settings.items() if value != ""]
        arguments = ["train", str(self._folder), *given, "--json"]
        ended = self._run(Path(sys.executable), "tl_core", arguments, self._variables(home))
        told = json.loads(ended.output)
        if told["splits"] != self._counts():
            raise RuntimeError(
                f"TransferLab trained on another split, {told['splits']}, than its peers, "
                f"{self._counts()}."
            )
        return _Told(**vars(ended), accuracy=told["test"]["accuracy"])

    def _peer(self, script: str) -> _Told:
        task = self._task.write(self._scratch / "task.json")
        ended = self._run(self._options.peers, f"benchmarks.peers.{script}", [str(task)], {})
        return _Told(**vars(ended), accuracy=json.loads(ended.output.splitlines()[-1])["accuracy"])

    def _run(
        self, python: Path, module: str, arguments: list[str], env: dict[str, str]
    ) -> Finished:
        if self._options.tiny and python == Path(sys.executable):
            return _run_here(module, arguments, env)
        return run_command([python, "-m", module, *arguments], env, ROOT)


def weights_folder(options: Options) -> Path | None:
    """Return the folder of pretrained weights; None if only the packaged ones are available."""
    named = os.environ.get("TRANSFERLAB_WEIGHTS")
    if named:
        return Path(named)
    beside = options.data.parent / "weights" if options.data else None
    return beside if beside and beside.is_dir() else None


def _run_here(module: str, arguments: list[str], env: dict[str, str]) -> Finished:
    """Run in this process, which has loaded the libraries already, for a quick check."""
    output, started = io.StringIO(), time.perf_counter()
    with (
        patch.dict(os.environ, env),
        patch.object(sys, "argv", [module, *arguments]),
        redirect_stdout(output),
    ):
        if module == "tl_core":
            import_module("tl_core.cli.main").commands(arguments, standalone_mode=False)
        else:
            import_module(module).main()
    return Finished(time.perf_counter() - started, peak_mb(), output.getvalue())
