"""The one place where training meets the store: run the experiment, write down what it yields."""

import errno
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager

import torch

from tl_core.data.splits import make_split
from tl_core.errors import Cancelled, TransferLabError
from tl_core.events import Event, Tested
from tl_core.locks import hold_lock, try_lock
from tl_core.memory import give_back_memory
from tl_core.recording import Recorder
from tl_core.records import Progress, Run, RunState
from tl_core.training import Experiment, pick_device, run_experiment
from tl_core.workspace import Workspace

_log = logging.getLogger(__name__)
_ASK_SECONDS = 0.3


@contextmanager
def claim(workspace: Workspace, take: Callable[[], Run | None] | None = None) -> Iterator[Run | None]:
    """Take the run queued longest, or what `take` claims, and hold its lock for the block; None if there is none.

    The lock is what tells a living run from one whose process was killed.
    """
    with ExitStack() as stack:
        with hold_lock(workspace.artifacts.claim_lock):
            run = (take or workspace.store.claim_next_run)()
            if run:
                stack.enter_context(try_lock(workspace.artifacts.run_lock(run.id)))
        yield run


def execute_run(
    workspace: Workspace,
    run: Run,
    *,
    on_event: Callable[[Event, Progress | None], None] | None = None,
    is_stopping: Callable[[], bool] = lambda: False,
) -> Run:
    """Carry out a claimed run to its end, whatever that is, and give back its final record.

    Args:
        workspace: where the run, its dataset and its files live.
        run: claimed by the caller.
        on_event: told of every event, after it was written down.
        is_stopping: true when this process wants to end; the run is then interrupted.
    """
    store = workspace.store
    should_stop = _ask_now_and_then(lambda: is_stopping() or store.is_cancel_requested(run.id))
    try:
        events = run_experiment(_experiment(workspace, run, should_stop))
        with Recorder(workspace.store, run) as recorder, closing(events):
            for event in events:
                progress = recorder.write(event)
                if on_event:
                    on_event(event, progress)
                # With the test figure there is nothing left to stop.
                if not isinstance(event, Tested) and should_stop():
                    raise Cancelled("Stopped as asked.")
        store.finish_run(run.id, RunState.COMPLETED)
    except Cancelled:
        state = RunState.CANCELLED if store.is_cancel_requested(run.id) else RunState.INTERRUPTED
        store.finish_run(run.id, state, _what_is_kept(store.get_run(run.id)))
    except KeyboardInterrupt:
        store.finish_run(run.id, RunState.INTERRUPTED, _what_is_kept(store.get_run(run.id)))
        raise
    except Exception as error:  # whatever it is, the run must not stay "running"
        store.finish_run(run.id, RunState.FAILED, _explain(error, run))
    finally:
        give_back_memory()
    return store.get_run(run.id)


def _experiment(workspace: Workspace, run: Run, should_stop: Callable[[], bool]) -> Experiment:
    dataset = workspace.store.get_dataset(run.config.data.dataset_id)
    images = workspace.store.list_images(dataset.id)
    return Experiment(
        config=run.config,
        classes=dataset.classes,
        images=images,
        split=make_split(images, run.config.data),
        dataset_folder=workspace.artifacts.dataset_folder(dataset.id),
        weights_folder=workspace.settings.weights_folder,
        checkpoint=workspace.artifacts.checkpoint(run.id),
        device=pick_device(),
        should_stop=should_stop,
    )


def _ask_now_and_then(ask: Callable[[], bool]) -> Callable[[], bool]:
    """The same answer as `ask`, at most every `_ASK_SECONDS`; once true it stays true."""
    last, answer = 0.0, False

    def asked() -> bool:
        nonlocal last, answer
        if not answer and time.monotonic() - last > _ASK_SECONDS:
            last, answer = time.monotonic(), ask()
        return answer

    return asked


def _what_is_kept(run: Run) -> str:
    if not run.epochs_done:
        return "Stopped before the first epoch was finished, so there is no model and no test figure."
    epochs = "1 finished epoch is" if run.epochs_done == 1 else f"{run.epochs_done} finished epochs are"
    return (
        f"Stopped early: the curves of its {epochs} kept, with the model of epoch {run.best_epoch}, the best on "
        "validation. There is no test figure."
    )


def _is_out_of_memory(error: Exception) -> bool:
    """On a GPU torch has a class for it; on a CPU its allocator raises a plain RuntimeError."""
    in_words = ("not enough memory", "can't allocate memory", "out of memory")
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or (
        isinstance(error, RuntimeError) and any(words in str(error) for words in in_words)
    )


def _explain(error: Exception, run: Run) -> str:
    """A sentence for the person who started the run; what we did not foresee also goes into the log."""
    if isinstance(error, TransferLabError):
        return str(error)
    if _is_out_of_memory(error):
        size = run.config.train.batch_size
        return (
            f"Memory ran out with {size} images a step: try a batch size of {max(1, size // 2)}, or freeze more stages."
        )
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return "The disk is full: free some space, for example by deleting old runs, and train again."
    _log.exception("Run %s failed", run.id)
    return f"Something unforeseen went wrong ({type(error).__name__}: {error}). The server's log has the details."
