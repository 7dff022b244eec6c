"""Command `evaluate`, which prints the test results of a run."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from rich.table import Column, Table

from tl_core.cli.options import AsJson, RunId
from tl_core.cli.output import narrow_table, out, percent_interval, print_json
from tl_core.cli.runs import frozen_words, print_warnings, warnings_about
from tl_core.cli.workspaces import open_and_tidy
from tl_core.memory import importing
from tl_core.text import confidence, percent

if TYPE_CHECKING:
    from tl_core.evaluation import Figure, Judgement
    from tl_core.runs.results import Results

_MOST_CONFUSED = 5
_MOST_CLASSES = 20


def evaluate(run: RunId, as_json: AsJson = False) -> None:
    """Print all test metrics of a run with their intervals, and its confusions.

    They are computed from stored predictions, without the model.
    """
    with importing():
        from tl_core.runs.results import results_of

    store = open_and_tidy().store
    results = results_of(store, run)
    if as_json:
        return print_json({**_json(results), "warnings": warnings_about(store, results.run)})
    model = results.run.config.model
    frozen = frozen_words(model)
    out.print(
        f"Run {results.run.id}: {results.run.dataset_name}, {model.backbone}, frozen {frozen}"
    )
    print_warnings(store, results.run)
    _print_figures(results)
    _print_classes(results)
    _print_calibration(results)
    out.print(f"{results.fit.sentence} {results.promise}".strip())


def _json(results: Results) -> dict[str, Any]:
    classes = [
        {**dataclasses.asdict(figures), "class": name}
        for name, figures in zip(results.classes, results.of_classes, strict=True)
    ]
    return {
        "run_id": results.run.id,
        "test": dataclasses.asdict(results.test),
        "val": dataclasses.asdict(results.val) if results.val else None,
        "classes": classes,
        "confused": [dataclasses.asdict(pair) for pair in results.confused],
        "calibration": dataclasses.asdict(results.calibration),
        "fit": dataclasses.asdict(results.fit),
    }


def _print_figures(results: Results) -> None:
    from tl_core.runs.summary import missing_words, seen_before

    test = results.test
    out.print(_figures_table(test, results.val))
    out.print("In brackets: 95 % intervals.")
    baselines = f"guessing would be right on {percent(test.chance)}"
    if test.majority_accuracy is not None:
        baselines += (
            f", always predicting the most frequent class on {percent(test.majority_accuracy)}"
        )
    out.print(f"Of the {test.n:,} test images, {baselines}. {missing_words(test)}".strip())
    if words := seen_before(results.run):
        out.print(words)


def _figures_table(test: Judgement, val: Judgement | None) -> Table:
    from tl_core.evaluation import named_figures

    sides = {"test": test}
    if val:
        sides["validation"] = val
    table = narrow_table("", *(f"{name}, n = {side.n:,}" for name, side in sides.items()))
    for named in named_figures(test):
        cells = (_with_ends(getattr(side, named.key)) for side in sides.values())
        table.add_row(named.label_with_unit, *cells)
    return table


def _with_ends(figure: Figure | None) -> str:
    return f"{figure.value_words} ({figure.interval_words})" if figure else ""


def _print_classes(results: Results) -> None:
    from tl_core.evaluation import weakest_first

    names = ("F1 (%)", "recall (%)", "precision (%)", "n")
    columns = (Column(name, justify="right", no_wrap=True) for name in names)
    table = narrow_table(Column("class", overflow="fold"), *columns)
    for figures in weakest_first(results.of_classes)[:_MOST_CLASSES]:
        table.add_row(
            results.classes[figures.label],
            percent_interval(figures.f1, figures.f1_interval),
            percent_interval(figures.recall, figures.recall_interval),
            percent_interval(figures.precision, figures.precision_interval),
            f"{figures.n:,}",
        )
    out.print(table)
    if (n := len(results.classes)) > _MOST_CLASSES:
        out.print(f"These are the {_MOST_CLASSES} weakest of {n} classes; --json lists them all.")
    for pair in results.confused[:_MOST_CONFUSED]:
        images = "image" if pair.of == 1 else "images"
        were = "was" if pair.n == 1 else "were"
        out.print(
            f"{pair.n} of {pair.of} {images} of {pair.true} {were} predicted as {pair.answer}."
        )


def _print_calibration(results: Results) -> None:
    calibration = results.calibration
    test = results.test
    out.print(
        f"Mean confidence is {confidence(calibration.confidence)}, accuracy "
        f"{percent(test.accuracy.value)}: expected calibration error "
        f"{100 * calibration.error:.1f} points on {test.n:,} test images."
    )
    if calibration.temperature and calibration.error_at_temperature is not None:
        out.print(
            f"At a temperature of {calibration.temperature:.2f}, fitted on "
            f"{calibration.n_fitted:,} validation images, the error is "
            f"{100 * calibration.error_at_temperature:.1f} points."
        )
