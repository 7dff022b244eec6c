"""Telling what a run has shown, and which of several is better."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.table import Column, Table

from tl_core.cli.actions.workspaces import open_and_tidy
from tl_core.cli.output import frozen_words, out, print_json
from tl_core.compared import Compared, compare_runs, what_differs, why_apart
from tl_core.errors import OutputRefused
from tl_core.evaluation import Comparison, Figure, Judgement
from tl_core.records import Run
from tl_core.report import write_report
from tl_core.results import Results, results_of
from tl_core.run_words import missing_words, seen_before
from tl_core.text import size

_FIGURES = {
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced accuracy",
    "precision_macro": "precision, macro",
    "recall_macro": "recall, macro",
    "f1_macro": "F1, macro",
    "log_loss": "log-loss, nats",
    "roc_auc": "ROC AUC, macro",
}
_MOST_CONFUSED = 5


def evaluate(run_id: str, as_json: bool) -> None:
    results = results_of(open_and_tidy().store, run_id)
    if as_json:
        print_json(_results_json(results))
    else:
        _print_results(results)


def report(run_id: str, path: Path) -> None:
    if not path.parent.is_dir():
        raise OutputRefused(f"There is no folder {str(path.parent)!r} to write {path.name!r} into: make it first.")
    workspace = open_and_tidy()
    try:
        write_report(workspace.store, workspace.artifacts, run_id, path)
    except OSError as error:
        raise OutputRefused(f"{str(path)!r} could not be written: {error.strerror or error}.") from error
    out.print(f"Wrote {path} ({size(path.stat().st_size)}). Open it in any browser, or print it to PDF.")


def compare(run_ids: Sequence[str], as_json: bool) -> None:
    groups = compare_runs(open_and_tidy().store, run_ids)
    if as_json:
        return print_json([_compared_json(group) for group in groups])
    if why := why_apart(groups):
        out.print(why)
    for group in groups:
        _print_compared(group)


def _results_json(results: Results) -> dict[str, Any]:
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


def _print_results(results: Results) -> None:
    run, test, said = results.run, results.test, results.calibration
    out.print(f"Run {run.id}: {run.dataset_name}, {run.config.model.backbone}, frozen {frozen_words(run.config.model)}")
    out.print(_figures_table(test, results.val))
    baselines = [f"guessing {test.chance:.1%}"]
    if test.majority_accuracy is not None:
        baselines.insert(0, f"always answering the biggest class would be right on {test.majority_accuracy:.1%}")
    out.print(f"Of the {test.n:,} test images {', '.join(baselines)}. {missing_words(test)}".strip())
    if words := seen_before(run):
        out.print(words)
    for pair in results.confused[:_MOST_CONFUSED]:
        images, were = "image" if pair.of == 1 else "images", "was" if pair.n == 1 else "were"
        out.print(f"{pair.n} of {pair.of} {images} of {pair.true} {were} taken for {pair.answer}.")
    sure = f"It is {said.confidence:.1%} sure on average and right on {test.accuracy.value:.1%}"
    out.print(f"{sure}: expected calibration error {100 * said.error:.1f} points on {test.n:,} test images.")
    if said.temperature and said.error_at_temperature is not None:
        out.print(
            f"At a temperature of {said.temperature:.2f}, fitted on {said.n_fitted:,} validation images, the error is "
            f"{100 * said.error_at_temperature:.1f} points."
        )
    out.print(f"{results.fit.sentence} {results.promise}".strip())


def _figures_table(test: Judgement, val: Judgement | None) -> Table:
    table = Table("", f"test, n = {test.n:,}", "95 % interval", *([f"validation, n = {val.n:,}"] if val else []))
    for name, words in _FIGURES.items():
        figure: Figure | None = getattr(test, name)
        if figure is None:
            continue
        beside: Figure | None = getattr(val, name) if val else None
        cells = [f"{figure.value:.3f}", f"{figure.low:.3f} to {figure.high:.3f}"]
        table.add_row(words, *cells, *([f"{beside.value:.3f}" if beside else ""] if val else []))
    return table


def _compared_json(group: Compared) -> dict[str, Any]:
    runs = [group.best, *(run for run, _ in group.others)]
    return {
        "best": group.best.id,
        "runs": [{"run_id": run.id, "accuracy": _accuracy(run), "n": run.result and run.result.n} for run in runs],
        "differ": what_differs(runs),
        "comparisons": [_comparison_json(group.best, run, found) for run, found in group.others],
    }


def _comparison_json(first: Run, second: Run, found: Comparison) -> dict[str, Any]:
    told = {"first": first.id, "second": second.id, "is_real": found.is_real, "sentence": _say(first, second, found)}
    return {**told, **dataclasses.asdict(found)}


def _print_compared(group: Compared) -> None:
    runs = [group.best, *(run for run, _ in group.others)]
    differ = what_differs(runs)
    right = Column("test accuracy", justify="right"), Column("n", justify="right")
    table = Table(Column("run", no_wrap=True), *differ, *right, "beside the best")
    sentences = ["", *(_say(group.best, run, found) for run, found in group.others)]
    for place, (run, sentence) in enumerate(zip(runs, sentences, strict=True)):
        n = run.result.n if run.result else 0
        chosen = ("automatic" if values[place] is None else str(values[place]) for values in differ.values())
        table.add_row(run.id, *chosen, f"{_accuracy(run):.1%}", f"{n:,}", sentence)
    out.print(table)
    if group.correction:
        out.print(group.correction)


def _say(first: Run, second: Run, found: Comparison) -> str:
    return found.say(f"run {first.id}", f"run {second.id}")


def _accuracy(run: Run) -> float:
    return run.result.accuracy if run.result else 0.0
