"""Warnings about a run's figures: what is odd about its images, their split and its test."""

from tl_core.data.small_samples import few_test_warning
from tl_core.errors import UnknownDataset
from tl_core.records import Run
from tl_core.runs.results import fit_of
from tl_core.runs.summary import caution
from tl_core.store import Store


def data_warnings(store: Store, run: Run) -> tuple[str, ...]:
    """Return sentences on what is odd about the run's images, and about their split.

    Those about the images are gone with their dataset; those about the split are the run's own.
    """
    try:
        of_images = store.get_dataset(run.config.data.dataset_id).warnings
    except UnknownDataset:
        of_images = ()
    return tuple(dict.fromkeys((*of_images, *split_warnings(run))))


def split_warnings(run: Run) -> tuple[str, ...]:
    """Return the warnings about the run's split that its test has not answered.

    Before the test, a warning about few test images tells how wide the interval may become;
    afterwards `caution` tells how wide it is.
    """
    answered = few_test_warning(run.result.n) if run.result else ""
    return tuple(warning for warning in run.facts.split_warnings if warning != answered)


def all_warnings(store: Store, run: Run) -> tuple[str, ...]:
    """Return the caution about the test result, if there is one, and those of `data_warnings`."""
    of_test = ""
    if run.result:
        of_test = caution(run.result, run.config.model, fit_of(store, run).kind)
    return (*([of_test] if of_test else []), *data_warnings(store, run))
