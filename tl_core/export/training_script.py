"""Source code of train.py, a plain script that repeats a run without this app."""

from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from jinja2 import Environment, PackageLoader, StrictUndefined, Undefined
from torch import nn

from tl_core.backbones import Backbone, constructor_options
from tl_core.backbones.heads import OneOutput
from tl_core.config import TrainConfig
from tl_core.export.initial_weights import Unrepeatable, initial_weights, needs_initial_weights
from tl_core.export.network_names import frozen_names, head_name, stage_names
from tl_core.export.subject import Subject
from tl_core.training import make_plan
from tl_core.training.schedules import ONE_CYCLE_END, ONE_CYCLE_RISE, ONE_CYCLE_START


class _Code(str):
    """Text that becomes source code unchanged; never user text."""


def _as_source(value: object) -> object:
    """Write a value as a Python literal, so that no user text can become code."""
    # Jinja raises its error about an undefined name only if it gets the value unchanged.
    return value if isinstance(value, _Code | Undefined) else repr(value)


_templates = Environment(  # noqa: S701 (not HTML; `finalize` keeps values data)
    loader=PackageLoader("tl_core", "export"),
    # A name misspelt in the template must fail here, not in the finished script.
    undefined=StrictUndefined,
    finalize=_as_source,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
)
_templates.filters["code"] = _Code


def write_training_script(subject: Subject, folder: Path) -> str:
    """Write train.py and, if it needs one, start.pth; return Markdown on how to use it.

    Raises:
        Unrepeatable: a script cannot repeat the run; the message ends a sentence.
    """
    if reasons := list(why_not(subject)):
        raise Unrepeatable("; ".join(reasons))
    if needs_initial_weights(subject):
        torch.save(initial_weights(subject), folder / "start.pth")
    (folder / "train.py").write_text(training_script(subject), encoding="utf-8")
    return (
        "`python train.py FOLDER`, with the folder of the images, repeats the training after "
        f"`pip install {_requirements(subject.checkpoint.backbone)}`. {closeness(subject)}"
    )


def why_not(subject: Subject) -> Iterator[str]:
    """Yield the reasons why a short script cannot repeat the run."""
    config = subject.run.config
    if subject.split is None:
        yield "the list of images is gone"
    if subject.run.facts.continues:
        yield "the run continues another run, which a script would have to repeat first"
    not_plain = {
        "focal loss": config.train.loss == "focal",
        "the plateau schedule": config.train.schedule == "plateau",
        "mixup": config.train.mixup,
        "cutmix": config.train.cutmix,
        "averaged weights (EMA)": config.train.ema,
        "L2-SP": config.train.l2_sp,
    }
    if used := [name for name, is_used in not_plain.items() if is_used]:
        yield f"the run used {' and '.join(used)}, which a short script cannot repeat exactly"


def closeness(subject: Subject) -> str:
    """Write sentences on how close the script's results come to the run's."""
    config = subject.run.config
    if config.augment.is_on:
        text = (
            "The images, their order, the initial weights of the head and all settings are the "
            "same; torchvision draws other augmentations, so the results agree as closely as "
            "those of two seeds."
        )
    else:
        text = (
            "The images, their order, the initial weights and all settings are the same, so with "
            "the same versions on a CPU the results agree except for rounding."
        )
    if needs_initial_weights(subject):
        return f"{text} It starts from start.pth, which holds all weights before the first step."
    if config.model.pretrained:
        return f"{text} It starts from torchvision's weights, which torchvision downloads."
    return text


def training_script(subject: Subject) -> str:
    """Render the source code of train.py.

    It contains no user text: images are identified by their content, classes by their numbers.
    """
    config = subject.run.config
    checkpoint = subject.checkpoint
    backbone = checkpoint.backbone
    from_file = needs_initial_weights(subject)
    is_published = config.model.pretrained and not from_file
    return _templates.get_template("train.py.jinja").render(
        run=subject.run.id,
        files=_files(from_file),
        requirements=_requirements(backbone),
        closeness=closeness(subject),
        library=backbone.library,
        family=backbone.family,
        backbone=backbone.name,
        options=constructor_options(backbone, config.model.image_size),
        published=backbone.weights.source.rpartition(" ")[2] if is_published else None,
        from_file=from_file,
        n_classes=len(checkpoint.classes),
        preprocessing=checkpoint.preprocessing,
        stages=stage_names(backbone, checkpoint.model),
        head_name=head_name(backbone),
        head_place=_place(head_name(backbone)),
        head=[_layer(module) for module in checkpoint.model.head.children()],
        phases=_phases(subject),
        optimizer=_optimizer(config.train),
        read="augmented" if config.augment.is_on else "unaugmented",
        one_cycle={"rise": ONE_CYCLE_RISE, "start": ONE_CYCLE_START, "end": ONE_CYCLE_END},
        train=config.train,
        model=config.model,
        augment=config.augment,
    )


def _files(from_file: bool) -> str:
    weights = ", start.pth with the initial weights" if from_file else ""
    return (
        f"The script needs split.csv{weights}, predict.py and the folder decoding, which read "
        "images as the app does, in its own folder."
    )


def _requirements(backbone: Backbone) -> str:
    """Write pip's arguments: the packages that train.py imports, in the versions used here."""
    names = ["torch", "torchvision", "pillow", "numpy"]
    if backbone.library == "timm":
        names.insert(2, "timm")
    # The package index has no local versions such as 2.6.0+cpu.
    return " ".join(f"{name}=={version(name).partition('+')[0]}" for name in names)


def _place(name: str) -> str:
    """Write a module's name as the target of an assignment: `classifier.1` as `classifier[1]`."""
    parent, _, last = name.rpartition(".")
    return f"{parent}[{last}]" if last.isdecimal() else name


def _layer(module: nn.Module) -> str:
    """Write a layer of the head as source code."""
    if isinstance(module, OneOutput):
        # A zero before z gives the two logits whose softmax is the sigmoid.
        return "nn.ZeroPad1d((1, 0))"
    # The `repr` of torch's layers is a call of their constructor.
    return f"nn.{module!r}"


def _optimizer(train: TrainConfig) -> str:
    return {
        "gd": "SGD(groups)",
        "sgd": "SGD(groups)",
        "momentum": f"SGD(groups, momentum={train.momentum})",
        # PyTorch refuses Nesterov's method without momentum.
        "nesterov": f"SGD(groups, momentum={train.momentum}, nesterov={train.momentum > 0})",
        "adagrad": "Adagrad(groups)",
        "rmsprop": f"RMSprop(groups, momentum={train.momentum})",
        "adam": "Adam(groups)",
        "adamw": "AdamW(groups)",
    }[train.optimizer]


def _phases(subject: Subject) -> list[tuple[Any, ...]]:
    backbone = subject.checkpoint.backbone
    model = subject.checkpoint.model
    return [
        (
            phase.first_epoch,
            phase.last_epoch,
            phase.frozen.stages,
            frozen_names(backbone, model, phase.frozen.modules),
            list(phase.rates),
        )
        for phase in make_plan(subject.run.config)
    ]
