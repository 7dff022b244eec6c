"""What a finished run has shown, and how runs compare: figures from the store's predictions, nothing predicted anew."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tl_core.errors import RunNotReady
from tl_core.evaluation import (
    Calibration,
    ClassFigures,
    Comparison,
    Fit,
    Judgement,
    NotComparable,
    at_temperature,
    calibration_error,
    class_figures,
    compare_best,
    confusion_matrix,
    fit_temperature,
    judge,
    judge_fit,
    judge_promise,
    reliability,
)
from tl_core.records import BEST_VAL, Prediction, Run
from tl_core.store import Store
from tl_core.text import number_of

MOST_COMPARED = 20


@dataclass(frozen=True, slots=True)
class Confused:
    """Images of one class that were taken for another."""

    true: str
    """User text, as `answer`."""
    answer: str
    n: int
    of: int
    """Images of the true class."""


@dataclass(frozen=True, slots=True)
class Results:
    run: Run
    classes: tuple[str, ...]
    """User text."""
    test: Judgement
    val: Judgement | None
    """Of the best epoch; None for runs from before it was kept."""
    of_classes: tuple[ClassFigures, ...]
    """On the test set."""
    confused: tuple[Confused, ...]
    """On the test set, the most frequent first."""
    calibration: Calibration
    fit: Fit
    promise: str
    """A sentence: did the test keep what validation promised? Empty where the best epoch's answers were not kept."""


def results_of(store: Store, run_id: str) -> Results:
    """All figures of a run that was tested.

    Raises:
        UnknownRun: there is none.
        RunNotReady: it has not been tested.
        Diverged: its answers are not numbers.
    """
    run = tested_run(store, run_id)
    _, test = store.list_predictions(run.id, "test")
    _, val = store.list_predictions(run.id, BEST_VAL)
    majority = run.facts.get("majority_label")
    judgement = judge(test, majority, what="test image")  # first, for it complains where there is nothing to judge
    judged_val = judge(val, majority) if val else None
    classes = tuple(run.facts.get("classes") or (f"class {label + 1}" for label in range(len(test[0].probabilities))))
    return Results(
        run,
        classes,
        judgement,
        judged_val,
        tuple(class_figures(test, len(classes))),
        tuple(most_confused(test, classes)),
        _calibration(test, val),
        judge_fit(run, store.list_metrics(run.id), val, len(classes)),
        judge_promise(judged_val, judgement) if judged_val else "",
    )


def tested_run(store: Store, run_id: str) -> Run:
    """The run, if it has a test figure. Raises as `results_of` does."""
    run = store.get_run(run_id)
    if run.result is None:
        raise RunNotReady(
            f"Run {run.id} is {run.state} and has not been tested, so it has no figures: train to the end."
        )
    return run


def most_confused(predictions: Sequence[Prediction], classes: Sequence[str]) -> list[Confused]:
    """Every pair of classes that was mixed up, the most frequent first."""
    matrix = confusion_matrix(predictions, len(classes))
    found = [
        Confused(classes[true], classes[answer], int(matrix[true, answer]), int(matrix[true].sum()))
        for true, answer in zip(*matrix.nonzero(), strict=True)
        if true != answer
    ]
    return sorted(found, key=lambda pair: (-pair.n, pair.true, pair.answer))


def _calibration(test: Sequence[Prediction], val: Sequence[Prediction]) -> Calibration:
    temperature = fit_temperature(val) if val else None
    return Calibration(
        sum(p.confidence for p in test) / len(test),
        calibration_error(reliability(test)),
        temperature,
        len(val),
        calibration_error(reliability(at_temperature(test, temperature))) if temperature else None,
    )


# Several runs


@dataclass(frozen=True, slots=True)
class Compared:
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
            f"Of {len(self.others) + 1} runs that are equally good one comes out first by luck. McNemar's tests are "
            f"therefore stricter: corrected for all {self.others[0][1].pairs} pairs of runs (Holm). Each interval is "
            "of one pair alone, and not corrected."
        )


def compare_runs(store: Store, run_ids: Sequence[str]) -> list[Compared]:
    """Runs in groups that share a test set, the largest group first; nothing is ranked across groups.

    Raises:
        NotComparable: fewer than two runs, or more than `MOST_COMPARED`.
        UnknownRun: one of them does not exist.
        RunNotReady: one of them has not been tested.
    """
    runs = {run.id: run for run in (tested_run(store, run_id) for run_id in run_ids)}
    if not 2 <= len(runs) <= MOST_COMPARED:
        raise NotComparable(
            f"{number_of(len(runs), 'run')} cannot be compared: name from 2 to {MOST_COMPARED} different ones."
        )
    groups: dict[tuple[str, ...], list[Run]] = defaultdict(list)
    for run in runs.values():
        groups[_images(run, "test")].append(run)
    return sorted((_compare(store, group) for group in groups.values()), key=lambda group: -len(group.others))


def share_images(runs: Iterable[Run], side: str) -> bool:
    """Whether that side of the split, "val" say, holds the same images for all of them."""
    return len({_images(run, side) for run in runs}) == 1


def _images(run: Run, side: str) -> tuple[str, ...]:
    """What two runs have in common whose figures are of the same images."""
    return run.config.data.dataset_id, str(run.facts.get("split_fingerprint", {}).get(side, run.id))


def _compare(store: Store, runs: Sequence[Run]) -> Compared:
    best, *others = sorted(runs, key=lambda run: -run.result.accuracy if run.result else 0.0)
    found = compare_best([store.list_predictions(run.id, "test")[1] for run in (best, *others)])
    return Compared(best, tuple(zip(others, found, strict=True)))


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
    return {name: values for name in flat[0] if len(set(map(repr, values := [each[name] for each in flat]))) > 1}
