"""Commands that train, and that stop and go on with training."""

from pathlib import Path
from typing import Annotated

import typer

from tl_core.cli.options import AsJson, Dataset, Preset, RunId, Set
from tl_core.memory import importing


def train(
    dataset: Dataset,
    *,
    preset: Preset = None,
    settings: Set = None,
    backbone: Annotated[
        str | None, typer.Option(help="A name that the command backbones lists.")
    ] = None,
    from_scratch: Annotated[
        bool, typer.Option("--from-scratch", help="Start from random weights.")
    ] = False,
    frozen_stages: Annotated[
        str | None, typer.Option(metavar="all|N", help="Stages kept as they are.")
    ] = None,
    hidden_units: Annotated[
        str | None, typer.Option(help="Widths of hidden layers in the head; 0 for none.")
    ] = None,
    dropout: Annotated[float | None, typer.Option(help="Of the head, from 0 to below 1.")] = None,
    epochs: Annotated[
        int | None, typer.Option(help="Times the model sees every training image.")
    ] = None,
    batch_size: Annotated[int | None, typer.Option(help="Images per optimizer step.")] = None,
    optimizer: Annotated[str | None, typer.Option(help="adamw, adam, momentum, sgd …")] = None,
    lr: Annotated[float | None, typer.Option(help="Learning rate of the head.")] = None,
    backbone_lr: Annotated[
        float | None, typer.Option(help="Learning rate of unfrozen stages.")
    ] = None,
    weight_decay: Annotated[
        float | None, typer.Option(help="Pull of every weight towards zero.")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Of all chance in training.")] = None,
    no_augment: Annotated[
        bool, typer.Option("--no-augment", help="Show training images only as they are.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Train a model here and now, and test it once at the end.

    What is given changes the preset, or else the defaults; --set changes what the other options say.
    """
    with importing():
        from tl_core.cli.actions import training

    flags = {
        "backbone": backbone,
        "pretrained": False if from_scratch else None,
        "frozen_stages": frozen_stages,
        "hidden_units": hidden_units,
        "dropout": dropout,
        "epochs": epochs,
        "batch_size": batch_size,
        "optimizer": optimizer,
        "learning_rate": lr,
        "backbone_learning_rate": backbone_lr,
        "weight_decay": weight_decay,
        "augment": "none" if no_augment else None,
        "seed": seed,
    }
    given = {name: value for name, value in flags.items() if value is not None}
    training.train(dataset, training.choose(preset, given, settings or []), as_json)


def resume(
    run: RunId,
    epochs: Annotated[
        int | None, typer.Option(help="In all, to go on for longer; needed for a completed run.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Go on with a run that has stopped.

    One that is completed stays as it is; a new run carries on from it, and needs --epochs.
    """
    with importing():
        from tl_core.cli.actions import training

    training.resume(run, epochs, as_json)


def pause(run: RunId, as_json: AsJson = False) -> None:
    """Stop a run for now; it keeps what it has done."""
    with importing():
        from tl_core.cli.actions import training

    training.pause(run, as_json)


def lr_find(
    dataset: Dataset,
    *,
    preset: Preset = None,
    settings: Set = None,
    steps: Annotated[
        int, typer.Option(min=20, max=1000, help="Steps to try, each at a higher rate.")
    ] = 100,
    progress_file: Annotated[Path | None, typer.Option(hidden=True)] = None,
    as_json: AsJson = False,
) -> None:
    """Suggest a learning rate.

    A model of its own is trained for a moment at ever higher rates, and thrown away. No run is added.
    """
    with importing():
        from tl_core.cli.actions import training

    training.lr_find(
        dataset, training.choose(preset, {}, settings or []), steps, progress_file, as_json
    )
