"""Report: gathers its content and fills in the template."""

import json
import time
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from tl_core.charts import (
    Chart,
    MatrixView,
    accuracy_chart,
    confusion_chart,
    loss_chart,
    reliability_chart,
)
from tl_core.charts.confusion import MAX_LABELLED_CLASSES, MAX_TICKS
from tl_core.charts.curve_axes import TO_SEE_ALL
from tl_core.evaluation import NamedFigure, named_figures, reliability, weakest_first
from tl_core.files import write_whole
from tl_core.glossary import GLOSSARY
from tl_core.records import Run
from tl_core.report.images import pick_images
from tl_core.runs.cautions import data_warnings
from tl_core.runs.curve_notes import training_line_words
from tl_core.runs.predictor import Predictor
from tl_core.runs.results import Results, results_of
from tl_core.runs.summary import (
    caution,
    changes_of,
    headline,
    missing_words,
    recipe_words,
    seconds_taken,
    seen_before,
    when,
)
from tl_core.store import Artifacts, Store
from tl_core.text import count, duration, isolated, number_of, percent, share, shorten

_MOST_CONFUSED = 8
_MOST_CLASSES = 200
_TERMS = (
    "test set",
    "interval",
    "accuracy",
    "baseline",
    "confusion matrix",
    "precision",
    "recall",
    "F1",
    "calibration",
    "validation",
    "epoch",
    "loss",
    "overfitting",
    "backbone",
    "head",
    "freeze",
    "augmentation",
    "seed",
)
"""Glossary entries that are explained at the end of the report."""


def write_report(
    store: Store,
    artifacts: Artifacts,
    run_id: str,
    path: Path,
    predictor: Predictor | None = None,
) -> None:
    """Write the report of a tested run to `path`, whole or not at all.

    Raises:
        UnknownRun: there is no such run.
        RunNotReady: it was not tested.
    """
    write_whole(path, report_html(store, artifacts, run_id, predictor))


def report_html(
    store: Store, artifacts: Artifacts, run_id: str, predictor: Predictor | None = None
) -> str:
    """Render the report as HTML. Errors are those of `write_report`.

    Args:
        predictor: the run's model, for the heat-maps; without it the report has none.
    """
    results = results_of(store, run_id)
    run = results.run
    result = run.result
    assert result is not None  # or else there would be no results
    _, predictions = store.list_predictions(run.id, "test")
    charts = _charts(store, results)
    page: str = _page().render(
        run=run,
        results=results,
        title=run.title or run.dataset_name,
        written=when(time.time(), None),
        ended=when(run.finished_at or run.created_at, None),
        headline=headline(result),
        caution=caution(result, run.config.model, results.fit.kind),
        recipe=recipe_words(run.config),
        warnings=data_warnings(store, run),
        seen_before=seen_before(run),
        figures=_figure_rows(results),
        missing=missing_words(results.test),
        classes=_class_rows(results)[:_MOST_CLASSES],
        confused=results.confused[:_MOST_CONFUSED],
        examples=pick_images(
            store, artifacts, run, results.classes, predictions, predictor=predictor
        ),
        charts=charts,
        charts_json=_safe_json({name: _content(chart) for name, chart in charts.items()}),
        settings=_settings(run),
        to_see_all=TO_SEE_ALL,
        training_line=training_line_words(run.config),
        terms={term: GLOSSARY[term] for term in _TERMS},
        # Embedded, so that the report opens without a network.
        plotly=_script("plotly", "package_data", "plotly.min.js"),
        theme=_script("tl_core", "charts", "theme.js"),
        script=_script("tl_core", "report", "report.js"),
        style=_script("tl_core", "report", "report.css"),
    )
    return page


@cache
def _page() -> Any:
    environment = Environment(
        loader=PackageLoader("tl_core", "report"),
        autoescape=True,
        # A misspelt name would otherwise print nothing.
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        # Plain strings may be user text; `Markup`, a subclass, stays as it is.
        finalize=lambda value: isolated(value) if type(value) is str else value,
    )
    environment.filters |= {
        "percent": percent,
        "count": count,
        "number_of": number_of,
        "share": share,
        "shorten": shorten,
        "duration": duration,
    }
    return environment.get_template("report.html")


# The files never change while the program runs, and Plotly's has megabytes.
@cache
def _script(package: str, *path: str) -> Markup:
    return Markup(files(package).joinpath(*path).read_text("utf-8"))  # noqa: S704


def _safe_json(value: Any) -> Markup:
    """Encode a value as JSON for a script element, so that nothing in it ends the element."""
    raw = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    raw = raw.encode("utf-8", "replace").decode()  # half a pair of surrogates is in no file
    # `<` could end the element; older JavaScript ends a line at the two separators.
    return Markup(  # noqa: S704
        raw.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
    )


def _charts(store: Store, results: Results) -> dict[str, Chart]:
    run = results.run
    points = store.list_metrics(run.id)
    _, predictions = store.list_predictions(run.id, "test")
    # Paper has no tooltips to name the classes of an axis without labels.
    view = (
        MatrixView(top=MAX_LABELLED_CLASSES) if len(results.classes) > MAX_TICKS else MatrixView()
    )
    return {
        "confusion": confusion_chart(predictions, results.classes, "Test", view),
        "reliability": reliability_chart(reliability(predictions)),
        "loss": loss_chart(points, kept=run.best_epoch),
        "accuracy": accuracy_chart(points, epochs=run.config.train.epochs, kept=run.best_epoch),
    }


def _content(chart: Chart) -> dict[str, Any]:
    return {"figure": chart.figure, "height": chart.height}


def _figure_rows(results: Results) -> list[tuple[str, str, str, str]]:
    """Return (name, value, 95 % interval, explanation) of each test metric."""
    return [_figure_row(named) for named in named_figures(results.test)]


def _figure_row(named: NamedFigure) -> tuple[str, str, str, str]:
    figure = named.figure
    name = named.label[:1].upper() + named.label[1:]
    if not named.is_share:
        return name, figure.value_words, figure.interval_words, named.explanation
    interval = f"{percent(figure.low)} to {percent(figure.high)}"
    return name, _whole(percent(figure.value)), _whole(interval), named.explanation


def _whole(words: str) -> str:
    """Keep a number and its percent sign on one line."""
    return words.replace(" %", "\N{NO-BREAK SPACE}%")


def _class_rows(results: Results) -> list[tuple[str, ...]]:
    """Return (class, F1, recall, precision, n) with 95 % intervals, the weakest class first."""
    return [
        (
            results.classes[f.label],
            _with_interval(f.f1, f.f1_interval),
            _with_interval(f.recall, f.recall_interval),
            _with_interval(f.precision, f.precision_interval),
            count(f.n),
        )
        for f in weakest_first(results.of_classes)
    ]


def _with_interval(value: float | None, interval: tuple[float, float] | None) -> str:
    if value is None or interval is None:
        return "–"
    return _whole(percent(value)) + f" ({100 * interval[0]:.0f}–{100 * interval[1]:.0f})"


def _settings(run: Run) -> list[tuple[str, str]]:
    """Return (name, value) of everything needed to repeat the run."""
    facts = run.facts
    taken = seconds_taken(run)
    fingerprint = facts.split_fingerprint
    changed = changes_of(run)
    rows = [
        ("Settings changed from the defaults", _listed(changed) or "none"),
        ("Weights it began with", facts.weights),
        ("Weights that learned", _of(facts.trainable_parameters, facts.total_parameters)),
        (
            "Epochs",
            f"{run.epochs_done}; the model of epoch {run.best_epoch} was kept, the best on "
            "validation",
        ),
        ("Split", _listed(dict(facts.splits or {}))),
        (
            "Seeds",
            f"{run.config.train.seed} for training, {run.config.data.split_seed} for the split",
        ),
        ("Device", facts.device),
        ("Time", "" if taken is None else duration(taken)),
        ("Software", _listed(facts.environment)),
        ("Dataset's fingerprint", run.config.data.dataset_id),
        ("Test set's fingerprint", fingerprint.test if fingerprint else ""),
        ("Run", run.id),
    ]
    return [(name, words) for name, words in rows if words]


def _listed(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{name.replace('_', ' ')} {_word(value)}" for name, value in values.items())


def _word(value: Any) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    return " ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _of(part: int | None, whole: int | None) -> str:
    return share(part, whole) if part is not None and whole else ""
