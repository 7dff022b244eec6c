"""Commands that look at images through a pretrained network, without training."""

from pathlib import Path
from typing import Annotated

import typer

from tl_core.cli.options import AsJson, Dataset, Set
from tl_core.memory import importing

Backbone = Annotated[str | None, typer.Option(help="A name that the command backbones lists.")]
ProgressFile = Annotated[Path | None, typer.Option(hidden=True)]


def embed(
    dataset: Dataset,
    *,
    to: Annotated[Path, typer.Option(metavar="FILE.npz", help="Where to write them.")],
    backbone: Backbone = None,
    settings: Set = None,
    as_json: AsJson = False,
) -> None:
    """Write the features that a pretrained backbone makes of each image to a file for NumPy.

    It holds features (float32, images by features), names, labels (indices into classes), classes, sides (train, val
    or test, as a run with these settings would split them) and sha256. Read it with numpy.load(FILE). What is computed
    is kept: a run with the same backbone starts at once.
    """
    with importing():
        from tl_core.cli.actions import exploring, training

    exploring.embed(dataset, training.choose(None, given(backbone), settings or []), to, as_json)


def probe(
    dataset: Dataset,
    *,
    backbone: Backbone = None,
    settings: Set = None,
    progress_file: ProgressFile = None,
    as_json: AsJson = False,
) -> None:
    """Try classical models on a pretrained backbone's features, by cross-validation.

    Logistic regression, support vector machines, nearest neighbours, a decision tree and a random forest, on training
    and validation images. The test set has no part in it.
    """
    with importing():
        from tl_core.cli.actions import exploring, training

    exploring.probe(
        dataset, training.choose(None, given(backbone), settings or []), progress_file, as_json
    )


def given(backbone: str | None) -> dict[str, str]:
    """What was said of the backbone, as a setting."""
    return {} if backbone is None else {"backbone": backbone}
