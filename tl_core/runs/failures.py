"""Sentences on the errors that end a run as failed."""

import logging

from tl_core.errors import TransferLabError
from tl_core.features import is_out_of_memory
from tl_core.files import DISK_FULL
from tl_core.records import Run
from tl_core.text import without_folders
from tl_core.training.device import is_gpu_error

_log = logging.getLogger(__name__)


def explain(error: Exception, run: Run) -> str:
    """Return a sentence for the person who started the run; unexpected errors are also logged."""
    if isinstance(error, TransferLabError):
        return str(error)
    if is_out_of_memory(error):
        size = run.config.train.images_per_batch
        return (
            f"Memory ran out with {size} images a step: try a batch size of {max(1, size // 2)}, "
            "or freeze more stages."
        )
    if isinstance(error, OSError) and error.errno in DISK_FULL:
        return (
            "The disk is full: free some space, for example by deleting old runs, and train again."
        )
    _log.exception("Run %s failed", run.id)
    if is_gpu_error(error):
        # The lines after the first are advice for whoever writes CUDA code.
        first = without_folders(str(error).partition("\n")[0].rstrip("."))
        return (
            f"The GPU reported an error ({first}). The next run gets a fresh process; should it "
            "happen again, the GPU or its driver needs a look."
        )
    return (
        f"An unexpected error occurred ({type(error).__name__}: {without_folders(str(error))}). "
        "The server's log has the details."
    )
