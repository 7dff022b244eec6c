"""Hidden command `lay-out`, for the app: an embedding map of images, as one JSON value."""

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
"""Approximate share of the time that computing features takes."""


def lay_out(
    what: Annotated[str, typer.Argument(help="Id of a dataset or, with --split, of a run.")],
    *,
    method: str = "pca",
    split: str = "",
    backbone: Backbone = None,
    settings: Set = None,
    progress_file: ProgressFile = None,
) -> None:
    """Map the images of a dataset, or those of a run's validation or test set."""
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
    """Map training and validation images by features of a pretrained backbone."""
    with importing():
        from tl_core.evaluation.embedding import MOST_MAPPED
        from tl_core.runs.pretrained import learnable, pretrained_features

    found = pretrained_features(
        workspace,
        make_run_config(workspace.store.get_dataset(dataset).id, settings),
        learnable(MOST_MAPPED),
        lambda share: show(_PREPARING * share, "Computing the features of all images"),
    )
    n_of = len(found.split.train) + len(found.split.val)
    _print(method, [image.position for image in found.images], found.features, n_of)


def _lay_out_run(
    workspace: Workspace, run_id: str, split: Literal["val", "test"], method: Method
) -> None:
    """Map a split by the stored features of the run's best model."""
    with importing():
        from tl_core.evaluation.embedding import MOST_MAPPED
        from tl_core.evaluation.sampling import sample_evenly
        from tl_core.outputs import load_outputs

    run = workspace.store.get_run(run_id)
    outputs = load_outputs(workspace.artifacts.outputs(run.id), split)
    chosen = sample_evenly(outputs.labels[outputs.rows].tolist(), MOST_MAPPED)
    positions = outputs.positions[outputs.rows][chosen].tolist()
    _print(method, positions, outputs.features[chosen], len(outputs.positions))


def _print(method: Method, positions: Sequence[int], features: Any, n_of: int) -> None:
    """Print positions, points and the explained variance of PCA."""
    from tl_core.evaluation import embedding

    layout = embedding.lay_out(features, method)
    # More digits are invisible on a page, and lengthen the JSON.
    points = layout.points.astype(float).round(4).tolist()
    print_json({"positions": positions, "points": points, "share": layout.share, "n_of": n_of})
