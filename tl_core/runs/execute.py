"""Execution of runs: carries out the experiment and records its events in the store."""

import itertools
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path

from tl_core.backbones import anatomy, ensure_weights, get_backbone
from tl_core.cancellation import NEVER, Stop
from tl_core.config import RunConfig
from tl_core.data.splits import make_split
from tl_core.data.threads import default_workers
from tl_core.errors import Cancelled, ConfigError, StoreAway, UnknownDataset
from tl_core.events import EpochEnded, Event, Tested
from tl_core.heartbeat import beat
from tl_core.locks import hold_lock
from tl_core.machine import Moment, read_clocks
from tl_core.memory import give_back_memory
from tl_core.paces import PaceBook
from tl_core.records import DatasetRecord, Progress, Run, RunState
from tl_core.runs.estimate import quick_estimate
from tl_core.runs.failures import explain
from tl_core.runs.pace_keeper import PaceKeeper
from tl_core.runs.parts import StageModel
from tl_core.runs.recording import Recorder
from tl_core.runs.workload import Workload, count_work
from tl_core.sinks import Mirror, open_mirror
from tl_core.store.absent import no_dataset
from tl_core.store.contract import STATE_OF_STOPPED
from tl_core.store.patience import WORK_SECONDS, waiting_for_store
from tl_core.training import Experiment, make_whole, pick_device, run_experiment
from tl_core.training.batch_size import with_batch_size
from tl_core.training.plan import make_plan
from tl_core.training.speed_records import recall
from tl_core.training.state import forget_state_before
from tl_core.workspace import Workspace

_ASK_SECONDS = 0.3
"""Time between two looks at the store for a request to stop."""
_runs_begun = itertools.count()
"""Runs that this process has begun; the first one imports what the others find."""


def whole_model(workspace: Workspace, run_id: str) -> Path:
    """Return the file of a run's model, after merging separately saved changes into it.

    Raises:
        OSError: the file cannot be written.
    """
    path = workspace.artifacts.checkpoint(run_id)
    make_whole(path)
    return path


def check(workspace: Workspace, config: RunConfig) -> DatasetRecord:
    """Check everything about a run that can be known before it starts, and return its dataset.

    Raises:
        TransferLabError: the dataset or backbone is unknown, settings contradict each other, or
            weights are missing.
    """
    dataset = dataset_of(workspace, config)
    model = config.model
    backbone = get_backbone(model.backbone)
    # Called for their errors alone: this one for networks that cannot be divided, the next for
    # contradictory settings.
    anatomy(backbone, model.image_size)
    make_plan(config)
    if model.output == "sigmoid" and len(dataset.classes) != 2:
        raise ConfigError(
            f"Output: 'sigmoid' is for two classes, and {dataset.name} has "
            f"{len(dataset.classes)}; give 'softmax'."
        )
    if (config.train.mixup or config.train.cutmix) and config.train.images_per_batch == 1:
        raise ConfigError(
            "Batch size: 1 is too small for mixup and cutmix, which mix the images of a batch; "
            "give 2 or more."
        )
    ensure_weights(backbone, model, workspace.weights_folders)
    return dataset


def dataset_of(workspace: Workspace, config: RunConfig) -> DatasetRecord:
    """Return the dataset with the very id that the settings name.

    Raises:
        UnknownDataset: there is none; another whose name is that id is not taken for it.
    """
    dataset_id = config.data.dataset_id
    try:
        dataset = workspace.store.get_dataset(dataset_id)
    except UnknownDataset:
        # A worker must not list what there is: the sentence becomes the run's message.
        raise no_dataset(dataset_id) from None
    if dataset.id != dataset_id:
        raise no_dataset(dataset_id)
    return dataset


def settle(config: RunConfig, dataset: DatasetRecord) -> RunConfig:
    """Return the settings with the batch size chosen for this machine, if it was left open.

    The run can then be repeated on another machine.
    """
    # An estimate is enough to choose a batch size, and does not require the split.
    train_share = 1 - config.data.val_fraction - config.data.test_fraction
    return with_batch_size(config, int(train_share * dataset.n))


@contextmanager
def claim(
    workspace: Workspace, take: Callable[[], Run | None] | None = None
) -> Iterator[Run | None]:
    """Claim a run and hold its lock for the block; None if there is no run to claim.

    The lock tells a living run from one whose process was killed.

    Args:
        take: claims the run, for a command; None for the one that was queued first, for a server.
    """
    with ExitStack() as stack:
        with hold_lock(workspace.artifacts.claim_lock):
            run = (take or workspace.store.claim_next_run)()
            if run:
                # A process that has just paused the run may not have released its lock yet.
                stack.enter_context(hold_lock(workspace.artifacts.run_lock(run.id)))
                # Tells a server whether the worker that it watches is the one that executes this
                # run, and everybody whether a server goes on with it.
                # On a full disk nobody will know; the run itself says what is wrong.
                with suppress(OSError):
                    workspace.artifacts.note_process(run.id, is_servers=take is None)
        yield run


def execute_run(
    workspace: Workspace,
    run: Run,
    *,
    on_event: Callable[[Event, Progress | None], None] | None = None,
    stop: Stop = NEVER,
    goes_on: bool = False,
) -> Run:
    """Carry out a claimed run, from its last finished epoch until it ends or pauses.

    Args:
        workspace: holds the run, its dataset and its files.
        run: claimed by the caller.
        on_event: called with every event and the progress, after both were recorded.
        stop: asked when this process is to end, which interrupts the run.
        goes_on: whether such a run goes back to the queue, from where another process takes it.

    Returns:
        The run's record afterwards.
    """
    mirrored = open_mirror(workspace.store, run, workspace.settings)
    with waiting_for_store(WORK_SECONDS), mirrored as mirror:
        _carry_out(workspace, run, mirror, on_event, stop=stop, goes_on=goes_on)
    return workspace.store.get_run(run.id)


def _carry_out(
    workspace: Workspace,
    run: Run,
    mirror: Mirror,
    on_event: Callable[[Event, Progress | None], None] | None,
    *,
    stop: Stop,
    goes_on: bool,
) -> None:
    store = workspace.store

    def is_to_stop() -> bool:
        # Whatever asks this gets on: batches of a pass as well as steps.
        beat()
        return stop.is_asked or store.asked_of(run.id) is not None

    # Each look is a query, and a small head takes thousands of steps a second.
    asked = Stop(is_to_stop, every_seconds=_ASK_SECONDS)
    keeper: PaceKeeper | None = None
    try:
        began = read_clocks()
        experiment = make_experiment(workspace, run.config, run.id, asked, owner=run.owner)
        work = count_work(experiment, workspace.settings.cache_bytes)
        keeper = _keep_pace(workspace, experiment, began, work)
        events = run_experiment(experiment)
        # An abandoned generator would keep its threads and files until it is garbage-collected.
        # A resumed run has a part of it behind it, which no estimate tells apart.
        expected = {} if run.epochs_done else quick_estimate(workspace, experiment)
        with Recorder(workspace.store, run, expected) as recorder, closing(events):
            for event in events:
                beat()
                progress = recorder.write(event)
                if isinstance(event, EpochEnded):
                    mirror.look()
                keeper.see(event)
                if on_event:
                    on_event(event, progress)
                # A tested run is complete: a request to stop comes too late.
                if not isinstance(event, Tested):
                    asked.check()
        store.update_run(run.id, facts=keeper.found(run.facts.processor_seconds))
        store.finish_run(run.id, RunState.COMPLETED)
        forget_state_before(experiment.state_path)
    except Cancelled:
        if keeper:
            store.update_run(run.id, facts=keeper.found(run.facts.processor_seconds))
        _stop(workspace, run, goes_on)
    except KeyboardInterrupt:
        _stop(workspace, run, goes_on)
        raise
    except StoreAway:
        # Nothing can be recorded; whoever finds the run without a process settles it.
        raise
    except Exception as error:
        # Whatever the error is, the run must not stay in the state RUNNING.
        store.finish_run(run.id, RunState.FAILED, explain(error, run))
    finally:
        # Training keeps freed memory to reuse it, but other processes may need it between runs.
        give_back_memory()


def make_experiment(
    workspace: Workspace,
    config: RunConfig,
    run_id: str = "",
    stop: Stop = NEVER,
    *,
    owner: str | None = None,
) -> Experiment:
    """Collect everything that a run of `config` needs.

    Args:
        run_id: empty for an experiment that only serves to look at data and model, and must not
            be carried out.
        owner: id of the person whose run it is; None for that of the workspace.
    """
    dataset = dataset_of(workspace, config)
    images = workspace.store.list_images(dataset.id)
    return Experiment(
        config=config,
        classes=dataset.classes,
        images=images,
        split=make_split(images, config.data),
        dataset_folder=workspace.artifacts.dataset_folder(dataset.id),
        levels=dataset.levels,
        weights_folders=workspace.weights_folders_of(
            workspace.person.id if owner is None else owner
        ),
        checkpoint=workspace.artifacts.checkpoint(run_id),
        state_path=workspace.artifacts.training_state(run_id),
        outputs=workspace.artifacts.outputs(run_id),
        device=pick_device(),
        stop=stop,
        cache=workspace.cache_for(dataset),
        workers=workspace.settings.workers or default_workers(),
        only_torch=workspace.settings.frozen_by == "pytorch",
    )


def _keep_pace(
    workspace: Workspace, experiment: Experiment, began: Moment, work: Workload
) -> PaceKeeper:
    """Return the keeper of the run's pace, for the estimates of later runs."""
    home = workspace.settings.home
    config = experiment.config

    def model() -> StageModel | None:
        # A run does not wait for a measurement that nobody has asked for.
        network = home, config.model.backbone, experiment.preprocessing.size
        forward = recall(*network)
        if forward is None:
            return None
        batch = config.train.images_per_batch
        return StageModel(forward, batch, experiment.device, recall(*network, training=True))

    book = PaceBook(home, experiment.device.title)
    is_first = next(_runs_begun) == 0
    return PaceKeeper(experiment, book, model, began=began, is_first=is_first, work=work)


def _stop(workspace: Workspace, run: Run, goes_on: bool) -> None:
    """Record that a run stopped early; one that was already tested is completed instead.

    One that nobody asked to stop `goes_on` later, by way of the queue, or is interrupted.
    """
    store = workspace.store
    # The caller's record dates from the start of the run.
    run = store.get_run(run.id)
    if run.result:
        return store.finish_run(run.id, RunState.COMPLETED)
    if goes_on and store.put_back(run.id):
        return
    store.finish_run(run.id, STATE_OF_STOPPED[store.asked_of(run.id)])
