"""Command `compare`, which tests differences between runs for significance."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Column

from tl_core.cli.options import AsJson
from tl_core.cli.output import narrow_table, out, percent_interval, print_json
from tl_core.cli.workspaces import open_and_tidy
from tl_core.memory import importing
from tl_core.records import Run

if TYPE_CHECKING:
    from tl_core.evaluation import Comparison
    from tl_core.runs.comparison import RunGroup


def compare(
    runs: Annotated[list[str], typer.Argument(metavar="RUN RUN…", help="Two to twenty runs.")],
    as_json: AsJson = False,
) -> None:
    """Compare tested runs, and tell real differences from chance."""
    with importing():
        from tl_core.runs.comparison import compare_runs, why_apart

    groups = compare_runs(open_and_tidy().store, runs)
    if as_json:
        return print_json([_json(group) for group in groups])
    if why := why_apart(groups):
        out.print(why)
    for group in groups:
        _print(group)


def _json(group: RunGroup) -> dict[str, Any]:
    from tl_core.runs.comparison import what_differs

    runs = _runs(group)
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
        "comparisons": [
            {
                "first": group.best.id,
                "second": run.id,
                "is_real": found.is_real,
                "sentence": _sentence(group.best, run, found),
                **dataclasses.asdict(found),
            }
            for run, found in group.others
        ],
    }


def _print(group: RunGroup) -> None:
    from tl_core.runs.comparison import what_differs

    runs = _runs(group)
    differ = what_differs(runs)
    table = narrow_table(
        Column("run", no_wrap=True),
        *differ,
        Column("test accuracy (%)", justify="right"),
        Column("n", justify="right", no_wrap=True),
        "compared with the best",
    )
    sentences = ["", *(_sentence(group.best, run, found) for run, found in group.others)]
    for place, (run, sentence) in enumerate(zip(runs, sentences, strict=True)):
        settings = (values[place] for values in differ.values())
        table.add_row(
            run.id,
            *("automatic" if value is None else str(value) for value in settings),
            percent_interval(_accuracy(run), _interval(run)),
            f"{run.result.n if run.result else 0:,}",
            sentence,
        )
    out.print(table)
    if group.correction:
        out.print(group.correction)


def _runs(group: RunGroup) -> list[Run]:
    return [group.best, *(run for run, _ in group.others)]


def _sentence(first: Run, second: Run, found: Comparison) -> str:
    return found.say(f"run {first.id}", f"run {second.id}")


def _accuracy(run: Run) -> float:
    return run.result.accuracy if run.result else 0.0


def _interval(run: Run) -> tuple[float, float] | None:
    from tl_core.evaluation import wilson_interval

    if not run.result:
        return None
    return wilson_interval(round(run.result.accuracy * run.result.n), run.result.n)
