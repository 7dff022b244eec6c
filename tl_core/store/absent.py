"""Sentences about what does not exist, the same wherever it is looked for.

Somebody who may not see a run is told no less and no more than where there is none.
"""

from tl_core.errors import UnknownDataset, UnknownRun


def no_run(run_id: str) -> UnknownRun:
    return UnknownRun(f"There is no run with the id {run_id!r}; it may have been deleted.")


def no_dataset(dataset_id: str) -> UnknownDataset:
    return UnknownDataset(
        f"There is no dataset with the id {dataset_id!r}; it may have been deleted."
    )
