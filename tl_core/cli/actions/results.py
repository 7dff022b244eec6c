"""Telling what a run has shown, and which of several is better."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.table import Column, Table

from tl_core.cli.actions.workspaces import open_and_tidy
from tl_core.cli.output import frozen_words, out, print_json
from tl_core.errors import OutputRefused
from tl_core.evaluation import Comparison, Figure, Judgement, weakest_first, wilson_interval
from tl_core.records import Run
from tl_core.report import write_report
from tl_core.runs.comparison import Compared, compare_runs, what_differs, why_apart
from tl_core.runs.results import Results, results_of
from tl_core.runs.summary import missing_words, seen_before
from tl_core.text import confidence, percent, size

_FIGURES = {
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced accuracy",
    "precision_macro": "precision, macro",
    "recall_macro": "recall, macro",
    "f1_macro": "F1, macro",
    "log_loss": "log-loss, nats",
    "roc_auc": "ROC AUC, macro",
}
_MOST_CONFUSED, _MOST_CLASSES = 5, 20


def evaluate(run_id: str, as_json: bool) -> None:
    results = results_of(open_and_tidy().store, run_id)
    if as_json:
        print_json(_results_json(results))
    else:
        _print_results(results)


def report(run_id: str, path: Path, as_json: bool) -> None:
    if not path.parent.is_dir():
        raise OutputRefused(
            f"There is no folder {str(path.parent)!r} to write {path.name!r} into: make it first."
        )
    workspace = open_and_tidy()
    try:
        write_report(workspace.store, workspace.artifacts, run_id, path)
    except OSError as error:
        raise OutputRefused(
            f"{str(path)!r} could not be written: {error.strerror or error}."
        ) from error
    n_bytes = path.stat().st_size
    if as_json:
        return print_json({"run_id": run_id, "file": str(path), "bytes": n_bytes})
    out.print(f"Wrote {path} ({size(n_bytes)}). Open it in any browser, or print it to PDF.")


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
    out.print(
        f"Run {run.id}: {run.dataset_name}, {run.config.model.backbone}, frozen {frozen_words(run.config.model)}"
    )
    out.print(_figures_table(test, results.val))
    out.print("In brackets: 95 % intervals.")
    baselines = [f"guessing {test.chance:.1%}"]
    if test.majority_accuracy is not None:
        baselines.insert(
            0, f"always answering the biggest class would be right on {test.majority_accuracy:.1%}"
        )
    out.print(
        f"Of the {test.n:,} test images {', '.join(baselines)}. {missing_words(test)}".strip()
    )
    if words := seen_before(run):
        out.print(words)
    out.print(_classes_table(results))
    if (n := len(results.classes)) > _MOST_CLASSES:
        out.print(f"The {_MOST_CLASSES} weakest of {n} classes; --json has them all.")
    for pair in results.confused[:_MOST_CONFUSED]:
        images, were = "image" if pair.of == 1 else "images", "was" if pair.n == 1 else "were"
        out.print(f"{pair.n} of {pair.of} {images} of {pair.true} {were} taken for {pair.answer}.")
    sure = f"It is {confidence(said.confidence)} sure on average and right on {percent(test.accuracy.value)}"
    out.print(
        f"{sure}: expected calibration error {100 * said.error:.1f} points on {test.n:,} test images."
    )
    if said.temperature and said.error_at_temperature is not None:
        out.print(
            f"At a temperature of {said.temperature:.2f}, fitted on {said.n_fitted:,} validation images, the error is "
            f"{100 * said.error_at_temperature:.1f} points."
        )
    out.print(f"{results.fit.sentence} {results.promise}".strip())


def _figures_table(test: Judgement, val: Judgement | None) -> Table:
    sides = [test, val] if val else [test]
    heads = (
        f"{name}, n = {side.n:,}" for name, side in zip(("test", "validation"), sides, strict=False)
    )
    table = Table("", *heads, box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for name, words in _FIGURES.items():
        if getattr(test, name) is not None:
            table.add_row(words, *(_with_ends(getattr(side, name)) for side in sides))
    return table


def _with_ends(figure: Figure | None) -> str:
    return f"{figure.value:.3f} ({figure.low:.3f} to {figure.high:.3f})" if figure else ""


def _classes_table(results: Results) -> Table:
    heads = (
        Column(name, justify="right", no_wrap=True)
        for name in ("F1 (%)", "recall (%)", "precision (%)", "n")
    )
    table = Table(Column("class", overflow="fold"), *heads, box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for f in weakest_first(results.of_classes)[:_MOST_CLASSES]:
        shares = (
            (f.f1, f.f1_interval),
            (f.recall, f.recall_interval),
            (f.precision, f.precision_interval),
        )
        table.add_row(
            results.classes[f.label], *(_of_hundred(*share) for share in shares), f"{f.n:,}"
        )
    return table


def _of_hundred(share: float | None, interval: tuple[float, float] | None) -> str:
    if share is None or interval is None:
        return "-"
    return f"{100 * share:.1f} ({100 * interval[0]:.0f} to {100 * interval[1]:.0f})"


def _compared_json(group: Compared) -> dict[str, Any]:
    runs = [group.best, *(run for run, _ in group.others)]
    return {
        "best": group.best.id,
        "runs": [
            {
                "run_id": run.id,
                "accuracy": _accuracy(run),
                "interval": _interval(run),
                "n": run.result and run.result.n,
            }
            for run in runs
        ],
        "differ": what_differs(runs),
        "comparisons": [_comparison_json(group.best, run, found) for run, found in group.others],
    }


def _comparison_json(first: Run, second: Run, found: Comparison) -> dict[str, Any]:
    told = {
        "first": first.id,
        "second": second.id,
        "is_real": found.is_real,
        "sentence": _say(first, second, found),
    }
    return {**told, **dataclasses.asdict(found)}


def _print_compared(group: Compared) -> None:
    runs = [group.best, *(run for run, _ in group.others)]
    differ = what_differs(runs)
    right = Column("right in test (%)", justify="right"), Column("n", justify="right", no_wrap=True)
    table = Table(
        Column("run", no_wrap=True),
        *differ,
        *right,
        "beside the best",
        box=SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
    )
    sentences = ["", *(_say(group.best, run, found) for run, found in group.others)]
    for place, (run, sentence) in enumerate(zip(runs, sentences, strict=True)):
        n = run.result.n if run.result else 0
        chosen = (
            "automatic" if values[place] is None else str(values[place])
            for values in differ.values()
        )
        table.add_row(
            run.id, *chosen, _of_hundred(_accuracy(run), _interval(run)), f"{n:,}", sentence
        )
    out.print(table)
    if group.correction:
        out.print(group.correction)


def _say(first: Run, second: Run, found: Comparison) -> str:
    return found.say(f"run {first.id}", f"run {second.id}")


def _interval(run: Run) -> tuple[float, float] | None:
    return (
        wilson_interval(round(run.result.accuracy * run.result.n), run.result.n)
        if run.result
        else None
    )


def _accuracy(run: Run) -> float:
    return run.result.accuracy if run.result else 0.0
