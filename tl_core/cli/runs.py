"""Commands `runs` and `show`, which print runs."""

import dataclasses
from typing import Any

from rich.table import Column

from tl_core.cli.options import AsJson, RunId
from tl_core.cli.output import narrow_table, out, print_json
from tl_core.cli.workspaces import open_and_tidy
from tl_core.config import ModelConfig
from tl_core.errors import UnknownDataset
from tl_core.memory import importing
from tl_core.records import Run
from tl_core.runs.endings import with_ending
from tl_core.store import Store
from tl_core.text import percent


def runs(as_json: AsJson = False) -> None:
    """List all runs, newest first."""
    workspace = open_and_tidy()
    found = workspace.store.list_runs()
    if as_json:
        return print_json([_json(with_ending(workspace, run)) for run in found])
    # An empty column would waste width, of which a terminal has little.
    is_named = any(run.title for run in found)
    table = narrow_table(
        Column("run", no_wrap=True),
        *([Column("name", overflow="fold")] if is_named else []),
        "state",
        Column("dataset", overflow="fold"),
        Column("backbone", overflow="fold"),
        "frozen",
        Column("test accuracy", no_wrap=True),
    )
    for run in found:
        table.add_row(
            run.id,
            *([run.title] if is_named else []),
            run.state,
            run.dataset_name,
            run.config.model.backbone,
            frozen_words(run.config.model).removeprefix("stages "),
            f"{percent(run.result.accuracy)} of {run.result.n}" if run.result else "",
        )
    out.print(table)


def show(run: RunId, as_json: AsJson = False) -> None:
    """Show one run."""
    workspace = open_and_tidy()
    found = with_ending(workspace, workspace.store.get_run(run))
    reading = _reading_of(workspace.store, found)
    if not as_json:
        print_run(workspace.store, found)
        if reading:
            out.print(f"The dataset: {reading}")
        return
    metrics = [dataclasses.asdict(point) for point in workspace.store.list_metrics(found.id)]
    warnings = warnings_about(workspace.store, found)
    facts = {"dataset_reading": reading, "warnings": warnings, "metrics": metrics}
    print_json({**_json(found), **facts})


def _reading_of(store: Store, run: Run) -> str:
    """Return how the folders of the run's dataset were read; "" if the dataset was deleted."""
    try:
        return store.get_dataset(run.config.data.dataset_id).reading
    except UnknownDataset:
        return ""


def warnings_about(store: Store, run: Run) -> tuple[str, ...]:
    with importing():
        from tl_core.runs.cautions import all_warnings

    return all_warnings(store, run)


def print_warnings(store: Store, run: Run) -> None:
    for warning in warnings_about(store, run):
        out.print(f"warning: {warning}")


def print_run(store: Store, run: Run) -> None:
    model = run.config.model
    frozen = frozen_words(model)
    out.print(f"run {run.id}: {run.state}, {run.dataset_name}, {model.backbone}, frozen {frozen}")
    if continued := run.facts.continues:
        out.print(f"It continues run {continued}.")
    if run.message:
        out.print(run.message)
    for note in run.facts.notes:
        out.print(note)
    print_warnings(store, run)
    if result := run.result:
        with importing():
            from tl_core.evaluation import wilson_interval

        right = round(result.accuracy * result.n)
        low, high = wilson_interval(right, result.n)
        out.print(
            f"Right on {right} of {result.n} test images, {percent(result.accuracy)} "
            f"(95 % interval {percent(low)} to {percent(high)}); always guessing the most frequent "
            f"class would reach {percent(result.baseline_accuracy)}. "
            f"Macro precision {result.precision_macro:.3f}, recall {result.recall_macro:.3f}, "
            f"F1 {result.f1_macro:.3f}, loss {result.loss:.3f} on the same images; the command "
            "evaluate gives their intervals."
        )


def frozen_words(model: ModelConfig) -> str:
    """Describe the setting of the frozen part: by stages or layers, and by module names."""
    prefix = f"stages {model.frozen_stages}"
    if model.frozen_layers is not None:
        prefix = f"layers {model.frozen_layers}"
    return ", ".join([prefix, *model.frozen_names])


def _json(run: Run) -> dict[str, Any]:
    return {
        **dataclasses.asdict(run),
        "config": run.config.model_dump(),
        "facts": run.facts.as_json(),
        "run_id": run.id,
    }
