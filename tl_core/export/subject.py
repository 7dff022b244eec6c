"""Subject of an export: a run's model, test predictions and, if they still exist, images."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from tl_core.cache import RowCache
from tl_core.data.images import image_path
from tl_core.data.splits import make_split
from tl_core.data.threads import default_workers
from tl_core.errors import RunNotReady, UnknownDataset
from tl_core.features import ImageExamples
from tl_core.records import DatasetRecord, ImageRecord, Prediction, Run, RunState, Split
from tl_core.runs.models import load_model
from tl_core.runs.results import Results, results_of
from tl_core.training import Checkpoint, make_whole
from tl_core.workspace import Workspace

_BATCH = 16
_CHANGING = {
    RunState.QUEUED: "has not begun",
    RunState.RUNNING: "is still training, and its model may change",
}


@dataclass(frozen=True, slots=True)
class Subject:
    """Run to export."""

    run: Run
    checkpoint: Checkpoint
    file: Path
    """Model file in the app's folder."""
    results: Results | None
    """Test results; None if the run was not tested."""
    answers: tuple[Prediction, ...]
    """Stored test predictions; empty if the run was not tested."""
    images: tuple[ImageRecord, ...]
    """Images of the whole dataset, by position; empty if it was deleted."""
    split: Split | None
    dataset_folder: Path
    workspace: Workspace
    cache: RowCache | None
    """Cache of decoded images of the dataset; None where nothing may be cached."""

    @property
    def missing(self) -> tuple[str, ...]:
        """Sentences on what an export of this run cannot include."""
        sentences = []
        if not self.images:
            sentences.append(
                "The dataset was deleted from the app, so there is no receipt to verify the model "
                "with, no list of the split and no training script; the formats were compared with "
                "each other on random pixels."
            )
        if self.results is None:
            sentences.append(
                f"The run is {self.run.state} and was never tested, so there are no test results, "
                "no predictions and no receipt to verify the model with."
            )
        return tuple(sentences)

    def examples(self, positions: Sequence[int]) -> ImageExamples:
        """Return the images at `positions` as unaugmented examples on the CPU."""
        classes = self.checkpoint.classes
        images = [self.images[i] for i in positions]
        return ImageExamples(
            self.dataset_folder,
            images,
            [classes.index(image.class_name) for image in images],
            self.checkpoint.preprocessing,
            _BATCH,
            torch.device("cpu"),
            cache=self.cache,
            workers=self.workspace.settings.workers or default_workers(),
            # Exported networks take images in the default layout.
            channels_last=False,
        )

    def image_file(self, position: int) -> Path:
        return image_path(self.dataset_folder, self.images[position])


def find_subject(workspace: Workspace, run_id: str) -> Subject:
    """Look up a run and everything that its export needs.

    Raises:
        UnknownRun: there is no such run.
        RunNotReady: it is queued or running, or has no model.
        OSError: its model is stored in two files, which could not be merged.
    """
    run = workspace.store.get_run(run_id)
    if run.state in _CHANGING:
        raise RunNotReady(
            f"Run {run.id} {_CHANGING[run.state]}: stop or pause it, or wait until it has ended."
        )
    file = workspace.artifacts.checkpoint(run.id)
    # A run that was stopped or paused may have left changed weights in a second file.
    make_whole(file)
    checkpoint = load_model(workspace, run)
    results = None
    predictions: list[Prediction] = []
    if run.result is not None:
        results = results_of(workspace.store, run.id)
        _, predictions = workspace.store.list_predictions(run.id, "test")
    dataset = _dataset(workspace, run, checkpoint.classes)
    images = _images(workspace, dataset) if dataset else ()
    split = make_split(images, run.config.data) if images else None
    return Subject(
        run,
        checkpoint,
        file,
        results,
        tuple(predictions),
        images,
        split,
        workspace.artifacts.dataset_folder(run.config.data.dataset_id),
        workspace,
        workspace.cache_for(dataset) if dataset else None,
    )


def _dataset(workspace: Workspace, run: Run, classes: Sequence[str]) -> DatasetRecord | None:
    """Return the run's dataset; None if it is gone."""
    dataset_id = run.config.data.dataset_id
    try:
        dataset = workspace.store.get_dataset(dataset_id)
    except UnknownDataset:
        return None
    # The store also finds datasets by name, and an imported one may have other classes.
    is_it = dataset.id == dataset_id and dataset.classes == tuple(classes)
    return dataset if is_it else None


def _images(workspace: Workspace, dataset: DatasetRecord) -> tuple[ImageRecord, ...]:
    """Return the images of the dataset; none if one of their files is gone."""
    folder = workspace.artifacts.dataset_folder(dataset.id)
    images = tuple(workspace.store.list_images(dataset.id))
    is_complete = all(image_path(folder, image).is_file() for image in images)
    return images if is_complete else ()
