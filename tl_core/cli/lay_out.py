"""Hidden command `lay-out`, for the app: a map of images in two dimensions, as one JSON value."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from tl_core.cli.choices import chosen_settings
from tl_core.cli.options import Backbone, ProgressFile, Set
from tl_core.cli.output import Show, print_json, shown_progress
from tl_core.cli.workspaces import open_and_tidy
from tl_core.config import make_run_config
from tl_core.memory import importing

if TYPE_CHECKING:
    from tl_core.evaluation.embedding import Method
    from tl_core.workspace import Workspace

_PREPARING = 0.7
"""Share of a map's time that computing features takes, roughly."""


def lay_out(
    what: Annotated[str, typer.Argument(help="A dataset's or, with --split, a run's id.")],
    *,
    method: str = "pca",
    split: str = "",
    backbone: Backbone = None,
    settings: Set = None,
    progress_file: ProgressFile = None,
) -> None:
    """Map a dataset's images, or what a run has kept of a side."""
    chosen = chosen_settings({"backbone": backbone}, settings)
    workspace = open_and_tidy()
    with shown_progress("drawing a map", progress_file) as show:
        if split:
            show(0.0)
            _lay_out_run(workspace, what, split, method)  # type: ignore[arg-type]
        else:
            _lay_out_dataset(workspace, what, chosen, method, show)  # type: ignore[arg-type]


def _lay_out_dataset(
    workspace: Workspace, dataset: str, settings: dict[str, Any], method: Method, show: Show
) -> None:
    """Map training and validation images by a pretrained backbone's features."""
    with importing():
        from tl_core.evaluation.embedding import MOST_MAPPED
        from tl_core.runs.pretrained import learnable, pretrained_features

    found = pretrained_features(
        workspace,
        make_run_config(workspace.store.get_dataset(dataset).id, settings),
        learnable(MOST_MAPPED),
        lambda share: show(_PREPARING * share),
    )
    n_of = len(found.split.train) + len(found.split.val)
    _print(method, [image.position for image in found.images], found.features, n_of)


def _lay_out_run(
    workspace: Workspace, run_id: str, split: Literal["val", "test"], method: Method
) -> None:
    """Map a run's own features, as its model had them in the end."""
    with importing():
        from tl_core.evaluation.embedding import MOST_MAPPED
        from tl_core.evaluation.sampling import sample_evenly
        from tl_core.outputs import load_outputs

    run = workspace.store.get_run(run_id)
    kept = load_outputs(workspace.artifacts.outputs(run.id), split)
    chosen = sample_evenly(kept.labels[kept.rows].tolist(), MOST_MAPPED)
    positions = kept.positions[kept.rows][chosen].tolist()
    _print(method, positions, kept.features[chosen], len(kept.positions))


def _print(method: Method, positions: Sequence[int], features: Any, n_of: int) -> None:
    """Print positions, points, and the share of the variance that PCA shows."""
    from tl_core.evaluation import embedding

    found = embedding.lay_out(features, method)
    points = found.points.astype(float).round(4).tolist()
    print_json({"positions": positions, "points": points, "share": found.share, "n_of": n_of})
