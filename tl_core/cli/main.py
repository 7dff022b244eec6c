"""The command line itself. Nothing heavy is imported to print help: commands import what they do when they do it."""

import io
import signal
import sys
from pathlib import Path
from typing import Annotated

import typer

from tl_core.config import DEFAULT_BACKBONE
from tl_core.errors import TransferLabError
from tl_core.memory import keep_freed_memory

app = typer.Typer(
    name="transferlab",
    help="Image transfer-learning experiments. The app and these commands see the same datasets and runs.",
    add_completion=False,
    rich_markup_mode=None,
)
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON value on stdout and nothing else.")]
_INTERRUPTED = 130
RunId = Annotated[str, typer.Argument(metavar="RUN", help="A run's id, or the start of it.")]


def main() -> None:
    """Run a command; exit 0 when done, 2 on bad input (one sentence on stderr), 130 when interrupted."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    keep_freed_memory()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a name that the terminal has no letters for is no reason to fail
            stream.reconfigure(errors="backslashreplace")
    try:
        code = app(standalone_mode=False) or 0
        if code == _INTERRUPTED:  # typer has caught the KeyboardInterrupt
            _complain("Interrupted.", code)
    except TransferLabError as error:
        code = _complain(str(error), 2)
    except (KeyboardInterrupt, typer.Abort):
        code = _complain("Interrupted.", _INTERRUPTED)
    except Exception as error:
        if not hasattr(error, "format_message"):  # typer's complaints about the command line have it
            raise
        code = _complain(f"{error.format_message()} Try --help.", 2)
    sys.exit(code)


def _complain(sentence: str, code: int) -> int:
    sys.stderr.write(" ".join(sentence.split()) + "\n")
    return code


@app.command()
def ingest(
    path: Annotated[str, typer.Argument(help="A zip, a folder of class folders, or sample:NAME.")],
    name: Annotated[str | None, typer.Option(help="What to call it; default: the file's name.")] = None,
    as_json: AsJson = False,
) -> None:
    """Take a dataset in."""
    from tl_core.cli import commands

    commands.ingest(path, name, as_json)


@app.command()
def train(
    dataset: Annotated[str, typer.Argument(metavar="DATASET_OR_PATH", help="A dataset's id or name, or a path.")],
    *,
    backbone: Annotated[str, typer.Option(help="A name that the command backbones lists.")] = DEFAULT_BACKBONE,
    from_scratch: Annotated[bool, typer.Option("--from-scratch", help="Start from random weights.")] = False,
    frozen_stages: Annotated[str | None, typer.Option(metavar="all|N", help="Stages kept as they are.")] = None,
    hidden_units: Annotated[int, typer.Option(help="Width of a hidden layer in the head; 0 for none.")] = 0,
    dropout: Annotated[float, typer.Option(help="Of the head, from 0 to below 1.")] = 0.0,
    epochs: Annotated[int, typer.Option(help="Times the model sees every training image.")] = 5,
    batch_size: Annotated[int, typer.Option(help="Images per optimizer step.")] = 32,
    optimizer: Annotated[str, typer.Option(help="adamw or sgd.")] = "adamw",
    lr: Annotated[float | None, typer.Option(help="Learning rate of the head.")] = None,
    backbone_lr: Annotated[float | None, typer.Option(help="Learning rate of unfrozen stages.")] = None,
    weight_decay: Annotated[float, typer.Option(help="Pull of every weight towards zero.")] = 0.01,
    seed: Annotated[int, typer.Option(help="Of the head's first weights, the order and the augmentation.")] = 0,
    no_augment: Annotated[bool, typer.Option("--no-augment", help="Show training images only as they are.")] = False,
    as_json: AsJson = False,
) -> None:
    """Train a model here and now, and test it once at the end."""
    from tl_core.cli import commands

    model = {
        "backbone": backbone,
        "pretrained": not from_scratch,
        "frozen_stages": commands.parse_frozen_stages(frozen_stages, from_scratch),
        "hidden_units": hidden_units,
        "dropout": dropout,
    }
    recipe = {
        "epochs": epochs,
        "batch_size": batch_size,
        "optimizer": optimizer,
        "learning_rate": lr,
        "backbone_learning_rate": backbone_lr,
        "weight_decay": weight_decay,
        "augment": not no_augment,
        "seed": seed,
    }
    commands.train(dataset, model, recipe, as_json)


@app.command()
def runs(as_json: AsJson = False) -> None:
    """List all runs, newest first."""
    from tl_core.cli import commands

    commands.runs(as_json)


@app.command()
def show(run: RunId, as_json: AsJson = False) -> None:
    """Show one run."""
    from tl_core.cli import commands

    commands.show(run, as_json)


@app.command()
def predict(
    run: RunId,
    images: Annotated[list[Path], typer.Argument(metavar="IMAGE…", help="Image files.")],
    top: Annotated[int, typer.Option(min=1, help="How many classes to name.")] = 5,
    as_json: AsJson = False,
) -> None:
    """Ask a run's model about images."""
    from tl_core.cli import commands

    commands.predict(run, images, top, as_json)


@app.command()
def backbones(as_json: AsJson = False) -> None:
    """List the backbones."""
    from tl_core.cli import commands

    commands.backbones(as_json)
