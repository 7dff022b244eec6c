"""Results of a tested run, computed from its stored predictions without the model."""

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
from tl_core.runs.summary import class_names
from tl_core.store import Store


@dataclass(frozen=True, slots=True)
class Confused:
    """Confusion of two classes: images of one that were predicted as the other."""

    true: str
    """Name of the true class. User text."""
    answer: str
    """Name of the predicted class. User text."""
    n: int
    """Number of confused images."""
    of: int
    """Number of images of the true class."""


@dataclass(frozen=True, slots=True)
class Results:
    """Figures of a tested run."""

    run: Run
    classes: tuple[str, ...]
    """Class names in the order of labels. User text."""
    test: Judgement
    val: Judgement | None
    """Figures on validation at the best epoch; None for old runs without these predictions."""
    of_classes: tuple[ClassFigures, ...]
    """Figures on the test set per class."""
    confused: tuple[Confused, ...]
    """Confusions on the test set, the most frequent first."""
    calibration: Calibration
    fit: Fit
    promise: str
    """Sentence that compares test with validation accuracy; empty without `val`."""


def results_of(store: Store, run_id: str) -> Results:
    """Compute all figures of a tested run.

    Raises:
        UnknownRun: no run has this id.
        RunNotReady: it has not been tested.
        Diverged: its predictions are not finite.
    """
    run = tested_run(store, run_id)
    _, test = store.list_predictions(run.id, "test")
    _, val = store.list_predictions(run.id, BEST_VAL)
    majority = run.facts.majority_label
    # First, because it raises `Diverged` before anything else fails on such predictions.
    judged_test = judge(test, majority, what="test image")
    judged_val = judge(val, majority) if val else None
    classes = tuple(class_names(run, len(test[0].probabilities)))
    return Results(
        run=run,
        classes=classes,
        test=judged_test,
        val=judged_val,
        of_classes=tuple(class_figures(test, len(classes))),
        confused=tuple(most_confused(test, classes)),
        calibration=_calibration(test, val),
        fit=judge_fit(run, store.list_metrics(run.id), val, len(classes)),
        promise=judge_promise(judged_val, judged_test) if judged_val else "",
    )


def fit_of(store: Store, run: Run) -> Fit:
    """Judge the learning curves of a run for over- and underfitting, without its other figures."""
    _, val = store.list_predictions(run.id, BEST_VAL)
    # The number counts only for runs that have not recorded the names of their classes.
    n_classes = len(class_names(run, len(val[0].probabilities) if val else 2))
    return judge_fit(run, store.list_metrics(run.id), val, n_classes)


def tested_run(store: Store, run_id: str) -> Run:
    """Return the run, if it was tested. Raises as `results_of` does."""
    run = store.get_run(run_id)
    if run.result is None:
        raise RunNotReady(
            f"Run {run.id} is {run.state} and has not been tested, so it has no figures: train to "
            "the end."
        )
    return run


def most_confused(predictions: Sequence[Prediction], classes: Sequence[str]) -> list[Confused]:
    """List the confusions, the most frequent first."""
    matrix = confusion_matrix(predictions, len(classes))
    totals = matrix.sum(1)
    pairs = [
        Confused(classes[true], classes[answer], int(matrix[true, answer]), int(totals[true]))
        for true, answer in zip(*matrix.nonzero(), strict=True)
        if true != answer
    ]
    # Names decide between equal counts, so that the order does not vary.
    return sorted(pairs, key=lambda pair: (-pair.n, pair.true, pair.answer))


def _calibration(test: Sequence[Prediction], val: Sequence[Prediction]) -> Calibration:
    mean_confidence = sum(p.confidence for p in test) / len(test)
    error = calibration_error(reliability(test))
    # On validation: fitted on the test set, it would make the error there look smaller than it is.
    temperature = fit_temperature(val) if val else None
    scaled_error = None
    if temperature:
        scaled_error = calibration_error(reliability(at_temperature(test, temperature)))
    return Calibration(mean_confidence, error, temperature, len(val), scaled_error)
