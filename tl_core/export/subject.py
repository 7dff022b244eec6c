"""Parts of a run that can be exported: model, test answers, and images if they are left."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from tl_core.data.images import image_path
from tl_core.data.splits import make_split
from tl_core.data.threads import default_workers
from tl_core.errors import RunNotReady, UnknownDataset
from tl_core.features import ImageExamples
from tl_core.records import ImageRecord, Prediction, Run, RunState, Split
from tl_core.runs.results import Results, results_of
from tl_core.training import Checkpoint, load_checkpoint, make_whole
from tl_core.workspace import Workspace

_BATCH = 16
_CHANGING = {
    RunState.QUEUED: "has not begun",
    RunState.RUNNING: "is still training, and its model changes",
}


@dataclass(frozen=True, slots=True)
class Subject:
    """Run to be exported."""

    run: Run
    checkpoint: Checkpoint
    file: Path
    """Model file as the app keeps it."""
    results: Results | None
    """Figures of the test; None where the run was not tested."""
    answers: tuple[Prediction, ...]
    """Stored test predictions; empty where the run was not tested."""
    images: tuple[ImageRecord, ...]
    """Images of the whole dataset, by position; empty where it was deleted."""
    split: Split | None
    dataset_folder: Path
    workspace: Workspace

    @property
    def missing(self) -> tuple[str, ...]:
        """Sentences on what an export of this run cannot have."""
        said = []
        if not self.images:
            said.append(
                "The dataset was deleted from the app, so there is no receipt to verify the model with, no list of the "
                "split and no training script; the formats were compared with each other on random pixels."
            )
        if self.results is None:
            said.append(
                f"The run is {self.run.state} and was never tested, so there are no figures, no predictions and no "
                "receipt to verify the model with."
            )
        return tuple(said)

    def examples(self, positions: Sequence[int]) -> ImageExamples:
        """Examples of those images, prepared for the model, on the CPU."""
        classes, images = self.checkpoint.classes, [self.images[i] for i in positions]
        return ImageExamples(
            self.dataset_folder,
            images,
            [classes.index(image.class_name) for image in images],
            self.checkpoint.preprocessing,
            _BATCH,
            torch.device("cpu"),
            cache=self.workspace.cache,
            workers=self.workspace.settings.workers or default_workers(),
            channels_last=False,
        )

    def image_file(self, position: int) -> Path:
        return image_path(self.dataset_folder, self.images[position])


def find_subject(workspace: Workspace, run_id: str) -> Subject:
    """Look up what an export of the run needs.

    Raises:
        UnknownRun: there is none.
        RunNotReady: it is under way, or has no model.
        OSError: its model lies in two files, and no one can be made of them.
    """
    run = workspace.store.get_run(run_id)
    if run.state in _CHANGING:
        raise RunNotReady(
            f"Run {run.id} {_CHANGING[run.state]}: export it when it has ended, or stop or pause it."
        )
    file = workspace.artifacts.checkpoint(run.id)
    make_whole(file)
    checkpoint = load_checkpoint(file)
    tested = run.result is not None
    images = _images(workspace, run, checkpoint.classes)
    split = make_split(images, run.config.data) if images else None
    return Subject(
        run,
        checkpoint,
        file,
        results_of(workspace.store, run.id) if tested else None,
        tuple(workspace.store.list_predictions(run.id, "test")[1]) if tested else (),
        images,
        split,
        workspace.artifacts.dataset_folder(run.config.data.dataset_id),
        workspace,
    )


def _images(workspace: Workspace, run: Run, classes: Sequence[str]) -> tuple[ImageRecord, ...]:
    """Images of the run's dataset; none where it, or a file of it, is gone."""
    wanted = run.config.data.dataset_id
    try:
        dataset = workspace.store.get_dataset(wanted)
    except UnknownDataset:
        return ()
    if dataset.id != wanted or dataset.classes != tuple(classes):
        return ()
    folder = workspace.artifacts.dataset_folder(wanted)
    images = tuple(workspace.store.list_images(wanted))
    return images if all(image_path(folder, image).is_file() for image in images) else ()
