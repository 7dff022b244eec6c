"""What a finished run has shown: figures from the store's predictions, nothing predicted anew."""

from collections.abc import Sequence
from dataclasses import dataclass

from tl_core.errors import RunNotReady
from tl_core.evaluation import (
    Calibration,
    ClassFigures,
    Fit,
    Judgement,
    at_temperature,
    calibration_error,
    class_figures,
    confusion_matrix,
    fit_temperature,
    judge,
    judge_fit,
    judge_promise,
    reliability,
)
from tl_core.records import BEST_VAL, Prediction, Run
from tl_core.store import Store


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
    majority = run.facts.majority_label
    judgement = judge(
        test, majority, what="test image"
    )  # first, for it complains where there is nothing to judge
    judged_val = judge(val, majority) if val else None
    classes = tuple(
        run.facts.classes or (f"class {label + 1}" for label in range(len(test[0].probabilities)))
    )
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
            f"Run {run.id} is {run.state} and has not been tested, so it has no figures: train to "
            "the end."
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
