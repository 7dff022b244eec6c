"""Comparison of tested runs: groups that share a test set, and the significance of differences.

`evaluation.significance` compares predictions; this module finds out which runs are comparable.
"""

from collections import defaultdict
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass

from tl_core.errors import UnknownDataset
from tl_core.evaluation import Comparison, NotComparable, compare_best
from tl_core.evaluation.pairing import at_positions_of, by_content
from tl_core.records import ImageRecord, Prediction, Run
from tl_core.runs.results import tested_run
from tl_core.store import Store
from tl_core.text import number_of

MOST_COMPARED = 20


@dataclass(frozen=True, slots=True)
class RunGroup:
    """Runs that were tested on the same images."""

    best: Run
    others: tuple[tuple[Run, Comparison], ...]
    """Other runs by descending accuracy, each compared with the best; p-values are corrected."""

    @property
    def tied(self) -> tuple[Run, ...]:
        """Runs of the same accuracy as the best, which comes first."""
        return (self.best, *(run for run, found in self.others if not found.difference))

    @property
    def correction(self) -> str:
        """Sentences on why and how p-values are corrected; empty for two runs, with one p-value."""
        if len(self.others) < 2:
            return ""
        n_pairs = self.others[0][1].pairs
        return (
            f"Among {len(self.others) + 1} equally good runs, one comes first by chance. The "
            f"p-values of McNemar's tests are therefore corrected for all {n_pairs} pairs of runs "
            "(Holm). Each interval is for one pair alone, and not corrected."
        )


def compare_runs(store: Store, run_ids: Sequence[str]) -> list[RunGroup]:
    """Group runs by test set, the largest group first, and compare the runs of each group.

    Runs on different datasets share a test set if its images have the same bytes and labels, and
    the classes the same names.

    Raises:
        NotComparable: fewer than two runs, or more than `MOST_COMPARED`.
        UnknownRun: a run does not exist.
        RunNotReady: a run has not been tested.
    """
    runs = {run.id: run for run in (tested_run(store, run_id) for run_id in run_ids)}
    if not 2 <= len(runs) <= MOST_COMPARED:
        raise NotComparable(
            f"{number_of(len(runs), 'run')} cannot be compared: name from 2 to {MOST_COMPARED} "
            "different ones."
        )
    by_images: dict[Hashable, list[Run]] = defaultdict(list)
    for run in runs.values():
        by_images[_images_key(run, "test")].append(run)
    groups = [
        _compare(store, group)
        for candidates in by_images.values()
        for group in _pairable(store, candidates)
    ]
    return sorted(groups, key=lambda group: -len(group.others))


def why_apart(groups: Sequence[RunGroup]) -> str:
    """Explain in sentences why the runs are in several groups; empty for a single group."""
    if len(groups) < 2:
        return ""
    test_sets = {_images_key(group.best, "test") for group in groups}
    if len(test_sets) == len(groups):
        why = (
            "These runs were not all tested on the same images and classes, and runs with "
            "different test sets cannot be ranked."
        )
    else:
        why = (
            "Some of these runs were tested on the same images, but these cannot be paired across "
            "datasets: a dataset was deleted, or gives an image another class."
        )
    return f"{why} Runs are compared within each group only."


def share_images(runs: Iterable[Run], side: str) -> bool:
    """Return whether one side of the split, such as "val", has the same images in all runs.

    The runs may be on different datasets, but with the same classes.
    """
    return len({_images_key(run, side) for run in runs}) == 1


def _images_key(run: Run, side: str) -> Hashable:
    """Return a key that is equal for runs with the same classes and images on a side."""
    # Old runs without class names are comparable only within their dataset.
    classes = run.facts.classes or (run.config.data.dataset_id,)
    fingerprint = run.facts.split_fingerprint
    # Old runs have no fingerprint, and share images only with themselves.
    return classes, getattr(fingerprint, side) if fingerprint else run.id


def _pairable(store: Store, runs: Sequence[Run]) -> list[list[Run]]:
    """Group runs of one test set by the labels of its images; by dataset if that was deleted."""
    # Within a dataset positions identify images, so that it may even have been deleted.
    if len({run.config.data.dataset_id for run in runs}) == 1:
        return [list(runs)]
    groups: dict[Hashable, list[Run]] = defaultdict(list)
    for run in runs:
        images = _dataset_images(store, run)
        key: Hashable = run.config.data.dataset_id
        if images:
            # Positions differ between datasets, contents and labels do not.
            key = frozenset(by_content(_test_predictions(store, run), images))
        groups[key].append(run)
    return list(groups.values())


def answers_side_by_side(store: Store, runs: Sequence[Run]) -> list[list[Prediction]]:
    """Return each run's test predictions, under the positions of the first run's dataset.

    Args:
        runs: from one group of `compare_runs`.
    """
    first, *others = runs
    dataset_id = first.config.data.dataset_id
    reference = _test_predictions(store, first)
    reference_images = _dataset_images(store, first)
    sides = [reference]
    for run in others:
        predictions = _test_predictions(store, run)
        if run.config.data.dataset_id != dataset_id:
            own = by_content(predictions, _dataset_images(store, run))
            predictions = at_positions_of(own, by_content(reference, reference_images))
        sides.append(predictions)
    return sides


def _test_predictions(store: Store, run: Run) -> list[Prediction]:
    return list(store.list_predictions(run.id, "test")[1])


def _dataset_images(store: Store, run: Run) -> Sequence[ImageRecord]:
    """List the images of the run's dataset by position; empty if the dataset was deleted."""
    dataset_id = run.config.data.dataset_id
    try:
        # The store also looks a dataset up by name, and another one may be called like this id.
        if store.get_dataset(dataset_id).id == dataset_id:
            return store.list_images(dataset_id)
    except UnknownDataset:
        pass
    return ()


def _compare(store: Store, runs: Sequence[Run]) -> RunGroup:
    best, *others = sorted(runs, key=lambda run: -run.result.accuracy if run.result else 0.0)
    comparisons = compare_best(answers_side_by_side(store, [best, *others]))
    return RunGroup(best, tuple(zip(others, comparisons, strict=True)))


def what_differs(runs: Sequence[Run]) -> dict[str, list[object]]:
    """Return the settings that differ between runs, each with its value in every run."""
    settings: list[dict[str, object]] = []
    for run in runs:
        sections = run.config.model_dump()
        named = ("data", "model", "train", "augment")
        settings.append({k: value for name in named for k, value in sections[name].items()})
    columns = {name: [values[name] for values in settings] for name in settings[0]}
    # By `repr`, since lists cannot be members of a set.
    return {name: values for name, values in columns.items() if len(set(map(repr, values))) > 1}
