"""The one place where training meets the store: run the experiment, write down what it yields."""

import errno
import logging
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

from tl_core.backbones import anatomy, ensure_weights, get_backbone, preprocessing_for
from tl_core.config import RunConfig
from tl_core.data.splits import make_split
from tl_core.data.threads import default_workers
from tl_core.errors import Cancelled, ConfigError, TransferLabError
from tl_core.events import EpochEnded, Event, FactsFound, Tested
from tl_core.features import is_out_of_memory
from tl_core.locks import hold_lock
from tl_core.memory import give_back_memory
from tl_core.records import DatasetRecord, Progress, Run, RunState
from tl_core.runs.recording import Recorder
from tl_core.sinks import Mirror, open_mirror
from tl_core.stopping import NEVER, Stop
from tl_core.store.contract import STATE_OF_STOPPED
from tl_core.training import Experiment, make_whole, pick_device, run_experiment
from tl_core.training.batch_size import with_batch_size
from tl_core.training.plan import make_plan
from tl_core.training.speed_records import remember
from tl_core.workspace import Workspace

_log = logging.getLogger(__name__)
_ASK_SECONDS = 0.3


def whole_model(workspace: Workspace, run_id: str) -> Path:
    """A run's model in one file, which is made where it lies in two.

    Raises:
        OSError: that cannot be.
    """
    path = workspace.artifacts.checkpoint(run_id)
    make_whole(path)
    return path


def check(workspace: Workspace, config: RunConfig) -> DatasetRecord:
    """Look at everything about a run that can be known before it starts; gives its dataset.

    Raises:
        TransferLabError: the dataset or backbone is unknown, settings do not go together, or weights are missing.
    """
    dataset = workspace.store.get_dataset(config.data.dataset_id)
    model = config.model
    backbone = get_backbone(model.backbone)
    anatomy(backbone, model.image_size)
    make_plan(config)
    if model.output == "sigmoid" and len(dataset.classes) != 2:
        raise ConfigError(
            f"Output: 'sigmoid' is for two classes, and {dataset.name} has "
            f"{len(dataset.classes)}; give 'softmax'."
        )
    if (config.train.mixup or config.train.cutmix) and config.train.images_per_batch == 1:
        raise ConfigError(
            "Batch size: 1 is too small for mixup and cutmix, which mix images of a batch; give "
            "2 or more."
        )
    ensure_weights(backbone, model, workspace.settings.weights_folders)
    return dataset


def settle(config: RunConfig, dataset: DatasetRecord) -> RunConfig:
    """The same with what was left to this machine decided, so that the run can be repeated on another."""
    share = 1 - config.data.val_fraction - config.data.test_fraction
    return with_batch_size(config, int(share * dataset.n))


@contextmanager
def claim(
    workspace: Workspace, take: Callable[[], Run | None] | None = None
) -> Iterator[Run | None]:
    """Take the run queued longest, or what `take` claims, and hold its lock for the block; None if there is none.

    The lock is what tells a living run from one whose process was killed.
    """
    with ExitStack() as stack:
        with hold_lock(workspace.artifacts.claim_lock):
            run = (take or workspace.store.claim_next_run)()
            if run:
                # Who has just paused it may be about to let go of it.
                stack.enter_context(hold_lock(workspace.artifacts.run_lock(run.id)))
                workspace.artifacts.run_lock(run.id).write_text(str(os.getpid()))
        yield run


def execute_run(
    workspace: Workspace,
    run: Run,
    *,
    on_event: Callable[[Event, Progress | None], None] | None = None,
    stop: Stop = NEVER,
) -> Run:
    """Carry out a claimed run until it ends or pauses, from where it stands, and give back its record.

    Args:
        workspace: where the run, its dataset and its files live.
        run: claimed by the caller.
        on_event: told of every event, after it was written down.
        stop: asked when this process is to end; the run is then interrupted.
    """
    with open_mirror(workspace.store, run, workspace.settings) as mirror:
        _carry_out(workspace, run, mirror, on_event, stop)
    return workspace.store.get_run(run.id)


def _carry_out(
    workspace: Workspace,
    run: Run,
    mirror: Mirror,
    on_event: Callable[[Event, Progress | None], None] | None,
    stop: Stop,
) -> None:
    store = workspace.store
    asked = Stop(
        lambda: stop.is_asked or store.asked_of(run.id) is not None, every_seconds=_ASK_SECONDS
    )
    try:
        store.drop_metrics(
            run.id, after_epoch=run.epochs_done
        )  # of an epoch that was not finished and is done again
        events = run_experiment(make_experiment(workspace, run.config, run.id, asked))
        with Recorder(workspace.store, run) as recorder, closing(events):
            for event in events:
                progress = recorder.write(event)
                if isinstance(event, EpochEnded):
                    mirror.look()
                _remember_pace(workspace, run.config, event)
                if on_event:
                    on_event(event, progress)
                # With the test figure there is nothing left to stop.
                if not isinstance(event, Tested):
                    asked.check()
        store.finish_run(run.id, RunState.COMPLETED)
    except Cancelled:
        _stop(workspace, run)
    except KeyboardInterrupt:
        _stop(workspace, run)
        raise
    except Exception as error:  # whatever it is, the run must not stay "running"
        store.finish_run(run.id, RunState.FAILED, _explain(error, run))
    finally:
        give_back_memory()


def make_experiment(
    workspace: Workspace,
    config: RunConfig,
    run_id: str = "",
    stop: Stop = NEVER,
) -> Experiment:
    """Look up all that a run of `config` needs; one without an id is only looked at and must not be carried out."""
    dataset = workspace.store.get_dataset(config.data.dataset_id)
    images = workspace.store.list_images(dataset.id)
    return Experiment(
        config=config,
        classes=dataset.classes,
        images=images,
        split=make_split(images, config.data),
        dataset_folder=workspace.artifacts.dataset_folder(dataset.id),
        weights_folders=workspace.settings.weights_folders,
        checkpoint=workspace.artifacts.checkpoint(run_id),
        state_path=workspace.artifacts.training_state(run_id),
        outputs=workspace.artifacts.outputs(run_id),
        device=pick_device(),
        stop=stop,
        cache=workspace.cache,
        workers=workspace.settings.workers or default_workers(),
        only_torch=workspace.settings.frozen_by == "pytorch",
    )


def _remember_pace(workspace: Workspace, config: RunConfig, event: Event) -> None:
    """How fast images pass the frozen stages here, for the estimates of runs to come."""
    if isinstance(event, FactsFound) and (found := event.facts.frozen_part):
        size = preprocessing_for(get_backbone(config.model.backbone), config.model.image_size).size
        pace = [found.seconds, found.start_seconds]
        remember(workspace.settings.home, config.model.backbone, size, pace, behind=found.stages)


def _stop(workspace: Workspace, run: Run) -> None:
    """Record that a run stopped early; one that has its test figure is completed instead."""
    store = workspace.store
    run = store.get_run(run.id)
    if run.result:
        return store.finish_run(run.id, RunState.COMPLETED)
    store.finish_run(run.id, STATE_OF_STOPPED[store.asked_of(run.id)])


def _explain(error: Exception, run: Run) -> str:
    """A sentence for the person who started the run; what we did not foresee also goes into the log."""
    if isinstance(error, TransferLabError):
        return str(error)
    if is_out_of_memory(error):
        size = run.config.train.images_per_batch
        return f"Memory ran out with {size} images a step: try a batch size of {max(1, size // 2)}, or freeze more stages."
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return (
            "The disk is full: free some space, for example by deleting old runs, and train again."
        )
    _log.exception("Run %s failed", run.id)
    return f"Something unforeseen went wrong ({type(error).__name__}: {error}). The server's log has the details."
