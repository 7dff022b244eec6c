"""Tested runs in groups that share a test set, and which runs of a group are really better.

`evaluation.significance` compares the predictions of two runs; this finds the runs that can be.
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
    """From the next best on, each with the best beside it; p-values are corrected for all pairs of the runs."""

    @property
    def tied(self) -> tuple[Run, ...]:
        """All that were right as often as the best, which comes first; itself alone where none was."""
        return (self.best, *(run for run, found in self.others if not found.difference))

    @property
    def correction(self) -> str:
        """Why and how p-values are corrected, in sentences; nothing of two runs, whose one p-value is as it stands."""
        if len(self.others) < 2:
            return ""
        return (
            f"Of {len(self.others) + 1} runs that are equally good one comes out first by luck. "
            f"McNemar's tests are therefore stricter: corrected for all {self.others[0][1].pairs} "
            "pairs of runs (Holm). Each interval is of one pair alone, and not corrected."
        )


def compare_runs(store: Store, run_ids: Sequence[str]) -> list[RunGroup]:
    """Runs in groups that share a test set, the largest group first; nothing is ranked across groups.

    Runs of different datasets share one where the classes have the same names, and the test images the same bytes and
    labels.

    Raises:
        NotComparable: fewer than two runs, or more than `MOST_COMPARED`.
        UnknownRun: one of them does not exist.
        RunNotReady: one of them has not been tested.
    """
    runs = {run.id: run for run in (tested_run(store, run_id) for run_id in run_ids)}
    if not 2 <= len(runs) <= MOST_COMPARED:
        raise NotComparable(
            f"{number_of(len(runs), 'run')} cannot be compared: name from 2 to {MOST_COMPARED} "
            "different ones."
        )
    alike: dict[Hashable, list[Run]] = defaultdict(list)
    for run in runs.values():
        alike[_images(run, "test")].append(run)
    groups = [group for candidates in alike.values() for group in _pairable(store, candidates)]
    return sorted(
        (_compare(store, group) for group in groups), key=lambda group: -len(group.others)
    )


def why_apart(groups: Sequence[RunGroup]) -> str:
    """Why not all of the runs are ranked together, in sentences; nothing where they are."""
    if len(groups) < 2:
        return ""
    kinds = {_images(group.best, "test") for group in groups}
    why = "These runs were not all tested on the same images and classes; runs of different test sets cannot be ranked."
    if len(kinds) < len(groups):
        why = (
            "Some of these runs were tested on the same images, but of different datasets, in "
            "which these cannot be paired: a dataset was deleted, or an image has another class "
            "in it."
        )
    return f"{why} Each group is compared in itself."


def share_images(runs: Iterable[Run], side: str) -> bool:
    """Whether that side of the split, "val" say, holds the same images and classes for all, in whichever dataset."""
    return len({_images(run, side) for run in runs}) == 1


def _images(run: Run, side: str) -> Hashable:
    """What two runs have in common whose figures are of the same images."""
    classes = run.facts.classes or (run.config.data.dataset_id,)
    fingerprint = run.facts.split_fingerprint
    return classes, getattr(fingerprint, side) if fingerprint else run.id


def _pairable(store: Store, runs: Sequence[Run]) -> list[list[Run]]:
    """Runs of the same test images in groups that name the same label for each; alone where that is not known."""
    if len({run.config.data.dataset_id for run in runs}) == 1:
        return [list(runs)]
    groups: dict[Hashable, list[Run]] = defaultdict(list)
    for run in runs:
        images = _dataset_images(store, run)
        contents = (
            frozenset(by_content(_answers(store, run), images))
            if images
            else run.config.data.dataset_id
        )
        groups[contents].append(run)
    return list(groups.values())


def answers_side_by_side(store: Store, runs: Sequence[Run]) -> list[list[Prediction]]:
    """What each run said to the test images, under the positions that these have in the first one's dataset.

    Args:
        runs: of one group of `compare_runs`.
    """
    first, *others = (_answers(store, run) for run in runs)
    its_id = runs[0].config.data.dataset_id
    its_images = _dataset_images(store, runs[0])
    sides = [first]
    for run, answers in zip(runs[1:], others, strict=True):
        if run.config.data.dataset_id == its_id:
            sides.append(answers)
        else:
            own = by_content(answers, _dataset_images(store, run))
            sides.append(at_positions_of(own, by_content(first, its_images)))
    return sides


def _answers(store: Store, run: Run) -> list[Prediction]:
    return list(store.list_predictions(run.id, "test")[1])


def _dataset_images(store: Store, run: Run) -> Sequence[ImageRecord]:
    """By position; none where the dataset was deleted."""
    wanted = run.config.data.dataset_id
    try:
        return store.list_images(wanted) if store.get_dataset(wanted).id == wanted else ()
    except UnknownDataset:
        return ()


def _compare(store: Store, runs: Sequence[Run]) -> RunGroup:
    best, *others = sorted(runs, key=lambda run: -run.result.accuracy if run.result else 0.0)
    found = compare_best(answers_side_by_side(store, [best, *others]))
    return RunGroup(best, tuple(zip(others, found, strict=True)))


def what_differs(runs: Sequence[Run]) -> dict[str, list[object]]:
    """Settings that are not the same in all runs: by name, each run's value."""
    flat = [
        {
            name: value
            for section in ("data", "model", "train", "augment")
            for name, value in run.config.model_dump()[section].items()
        }
        for run in runs
    ]
    return {
        name: values
        for name in flat[0]
        if len(set(map(repr, values := [each[name] for each in flat]))) > 1
    }
