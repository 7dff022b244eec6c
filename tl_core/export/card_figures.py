"""Sections of the model card with figures: test results, and size and speed of each format."""

from collections.abc import Iterator

from tl_core.evaluation import Figure, NamedFigure, named_figures
from tl_core.export.checking import asked_words
from tl_core.export.findings import Findings
from tl_core.export.formats import FORMATS
from tl_core.export.markdown import plain
from tl_core.export.subject import Subject
from tl_core.runs.results import Results
from tl_core.runs.summary import caution, missing_words
from tl_core.text import number_of, percent


def figures_of(subject: Subject) -> Iterator[str]:
    """Section on the test results, or else on validation; none where there are neither."""
    run = subject.run
    splits = run.facts.splits
    if subject.results:
        assert run.result
        yield _of_test(
            subject.results, caution(run.result, run.config.model, subject.results.fit.kind)
        )
    elif run.val_accuracy is not None and splits:
        yield (
            f"## How good it is\n\nThat was not tested. After epoch {run.best_epoch} it was right on "
            f"{percent(run.val_accuracy)} of {number_of(splits.val, 'validation image')}. "
            "That epoch was chosen by them, so on new images expect less."
        )


def share_words(figure: Figure) -> str:
    """Write a share as `87.4 % (95 % interval 83 to 91 %)`."""
    return f"{100 * figure.value:.1f} % (95 % interval {100 * figure.low:.0f} to {100 * figure.high:.0f} %)"


def _of_test(results: Results, warning: str) -> str:
    test = results.test
    rows = [_figure_row(named) for named in named_figures(test)]
    said = f"## How good it is\n\n| on {test.n:,} test images | figure | 95 % interval |\n|---|---|---|\n"
    said += "\n".join(rows) + "\n\n"
    words = [warning, missing_words(test)]
    if test.majority_accuracy is not None:
        words.append(
            f"Always answering the most frequent class would be right on {percent(test.majority_accuracy)}."
        )
    words.append(
        "Other photos than those it was tested on, from another camera, place or time, may be harder."
    )
    return f"{said}{' '.join(filter(None, words))}\n\n{_of_classes(results)}"


def _figure_row(named: NamedFigure) -> str:
    figure = named.figure
    name = f"macro {named.name}" if named.is_macro else named.label_with_unit
    if not named.is_share:
        return f"| {name} | {figure.value_words} | {figure.interval_words} |"
    interval = f"{100 * figure.low:.1f} to {100 * figure.high:.1f} %"
    return f"| {name} | {100 * figure.value:.1f} % | {interval} |"


def _of_classes(results: Results) -> str:
    def cell(share: float | None, interval: tuple[float, float] | None) -> str:
        if share is None:
            return "–"
        between = f" ({100 * interval[0]:.0f} to {100 * interval[1]:.0f} %)" if interval else ""
        return f"{100 * share:.1f} %{between}"

    rows = [
        f"| {plain(results.classes[f.label])} | {cell(f.precision, f.precision_interval)} | "
        f"{cell(f.recall, f.recall_interval)} | {f.n} |"
        for f in results.of_classes
    ]
    return (
        "| class | precision (95 % interval) | recall (95 % interval) | test images |\n|---|---|---|---|\n"
        + "\n".join(rows)
    )


def sizes_and_speeds(findings: Findings) -> str:
    """Section with a row for every exported format."""
    head = (
        f"## Size and speed\n\nThe network has {number_of(findings.parameters, 'parameter')}.\n\n"
    )
    beside = "as in the app" if findings.figures[0].asked == "test" else "as PyTorch"
    rows = [
        f"| {FORMATS[f.name].title} | {f.n_bytes / 1e6:.1f} MB | {f.milliseconds:.1f} ms | "
        f"{'–' if f.right is None else f'{f.right} of {f.n}'} | {f.same} of {f.n} |"
        for f in findings.figures
    ]
    table = (
        f"| | size | one image on a CPU | right | same answer {beside} |\n|---|---|---|---|---|\n"
    )
    said = f"{head}{table}" + "\n".join(rows)
    said += f"\n\n{asked_words(findings.figures)} Times are the median of several passes of one image on "
    machine = findings.environment
    said += f"{machine['processor']}, {number_of(int(machine['threads']), 'thread')}, with "
    said += "whatever else ran there."
    return said + (f" {findings.int8}" if findings.int8 else "")
