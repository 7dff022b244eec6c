"""Sections of the model card with figures: test results, and size and speed of each format."""

from collections.abc import Iterator

from tl_core.evaluation import ClassFigures, Figure, NamedFigure, named_figures
from tl_core.export.checking import Figures, asked_words, busy_sentence
from tl_core.export.findings import Findings
from tl_core.export.formats import FORMATS
from tl_core.export.markdown import plain
from tl_core.export.subject import Subject
from tl_core.runs.results import Results
from tl_core.runs.summary import caution, missing_words
from tl_core.text import number_of, percent

_HEADING = "## How good it is\n\n"


def figures_of(subject: Subject) -> Iterator[str]:
    """Yield the section on the test results, else on validation; nothing if there are neither."""
    run = subject.run
    splits = run.facts.splits
    if subject.results:
        assert run.result
        warning = caution(run.result, run.config.model, subject.results.fit.kind)
        yield _test_section(subject.results, warning)
    elif run.val_accuracy is not None and splits:
        yield (
            f"{_HEADING}The model was not tested. After epoch {run.best_epoch} it was right on "
            f"{percent(run.val_accuracy)} of {number_of(splits.val, 'validation image')}. "
            "That epoch was chosen by its validation accuracy, so expect less on new images."
        )


def share_words(figure: Figure) -> str:
    """Write a share as `87.4 % (95 % interval 83 to 91 %)`."""
    interval = f"{100 * figure.low:.0f} to {100 * figure.high:.0f} %"
    return f"{100 * figure.value:.1f} % (95 % interval {interval})"


def _test_section(results: Results, warning: str) -> str:
    test = results.test
    table = [
        f"| on {test.n:,} test images | figure | 95 % interval |",
        "|---|---|---|",
        *(_figure_row(named) for named in named_figures(test)),
    ]
    words = [warning, missing_words(test)]
    if test.majority_accuracy is not None:
        baseline = percent(test.majority_accuracy)
        words.append(f"Always predicting the most frequent class would be right on {baseline}.")
    words.append("Photos from another camera, place or time may be harder than the test images.")
    parts = ["\n".join(table), " ".join(filter(None, words)), _class_table(results)]
    return _HEADING + "\n\n".join(parts)


def _figure_row(named: NamedFigure) -> str:
    figure = named.figure
    name = f"macro {named.name}" if named.is_macro else named.label_with_unit
    if not named.is_share:
        return f"| {name} | {figure.value_words} | {figure.interval_words} |"
    interval = f"{100 * figure.low:.1f} to {100 * figure.high:.1f} %"
    return f"| {name} | {100 * figure.value:.1f} % | {interval} |"


def _class_table(results: Results) -> str:
    return "\n".join(
        [
            "| class | precision (95 % interval) | recall (95 % interval) | test images |",
            "|---|---|---|---|",
            *(_class_row(results.classes[each.label], each) for each in results.of_classes),
        ]
    )


def _class_row(name: str, figures: ClassFigures) -> str:
    precision = _share_cell(figures.precision, figures.precision_interval)
    recall = _share_cell(figures.recall, figures.recall_interval)
    return f"| {plain(name)} | {precision} | {recall} | {figures.n} |"


def _share_cell(share: float | None, interval: tuple[float, float] | None) -> str:
    if share is None:
        return "–"
    words = f"{100 * share:.1f} %"
    if interval:
        words += f" ({100 * interval[0]:.0f} to {100 * interval[1]:.0f} %)"
    return words


def sizes_and_speeds(findings: Findings) -> str:
    """Write the section with a row for every exported format."""
    reference = "the app" if findings.figures[0].asked == "test" else "PyTorch"
    table = [
        f"| | size | one image on a CPU | correct | same prediction as {reference} |",
        "|---|---|---|---|---|",
        *(_format_row(each) for each in findings.figures),
    ]
    machine = findings.environment
    threads = number_of(int(machine["threads"]), "thread")
    sentences = (
        f"{asked_words(findings.figures)} Times are the median of several passes with one image "
        f"on {machine['processor']}, {threads}. {busy_sentence(findings.figures)} "
        f"{findings.int8}"
    )
    parts = [
        "## Size and speed",
        f"The network has {number_of(findings.parameters, 'parameter')}.",
        "\n".join(table),
        " ".join(sentences.split()),
    ]
    return "\n\n".join(parts)


def _format_row(figures: Figures) -> str:
    right = "–" if figures.right is None else f"{figures.right} of {figures.n}"
    size = f"{figures.n_bytes / 1e6:.1f} MB"
    same = f"{figures.same} of {figures.n}"
    title = FORMATS[figures.name].title
    return f"| {title} | {size} | {figures.milliseconds:.1f} ms | {right} | {same} |"
