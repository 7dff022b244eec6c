"""The run as a plain script: train.py, with torch, torchvision and pillow, as far as those can express it.

What torchvision has, network or weights, it has from there. Else backbone.py and start.pth lie beside it.
"""

from collections.abc import Iterator
from pathlib import Path
from pprint import pformat

from torch import nn

from tl_core.backbones import Backbone, TransferModel, anatomy, list_leaves
from tl_core.config import RunConfig
from tl_core.export import training_pieces as pieces
from tl_core.export.initial_weights import Start, Unrepeatable, find_start, needs_start
from tl_core.export.subject import Subject
from tl_core.export.training_skeleton import SKELETON
from tl_core.records import Preprocessing
from tl_core.training import make_plan


def write_training_script(subject: Subject, folder: Path) -> str:
    """Write train.py; gives a sentence on how close it comes.

    Raises:
        Unrepeatable: the run cannot be expressed; says why, as the end of a sentence.
    """
    reasons, start = list(why_not(subject)), None
    if not reasons and needs_start(subject):
        try:
            start = find_start(subject, _head_name(subject.checkpoint.backbone))
        except Unrepeatable as error:
            reasons.append(str(error))
    if reasons:
        raise Unrepeatable("; ".join(reasons))
    if start:
        start.write(folder)
    (folder / "train.py").write_text(training_script(subject, start), encoding="utf-8")
    return (
        f"`python train.py FOLDER`, with the folder of the images, trains it again. "
        f"{closeness(subject.run.config, start is not None)}"
    )


def why_not(subject: Subject) -> Iterator[str]:
    """What torch, torchvision and a short script cannot do as the run did it."""
    config = subject.run.config
    if subject.split is None:
        yield "the list of images is gone"
    if subject.run.facts.continues:
        yield "it carries on from another run, which a script would have to train first"
    not_plain = {
        "focal loss": config.train.loss == "focal",
        "the plateau schedule": config.train.schedule == "plateau",
        "mixup": config.train.mixup,
        "cutmix": config.train.cutmix,
        "averaged weights (EMA)": config.train.ema,
        "L2-SP": config.train.l2_sp,
    }
    if used := [name for name, is_used in not_plain.items() if is_used]:
        yield f"it used {' and '.join(used)}, which a short script would not repeat exactly"


def closeness(config: RunConfig, from_file: bool) -> str:
    """What may be expected of its figures."""
    weights = (
        " It begins from torchvision's weights, unless --weights names a file."
        * config.model.pretrained
    )
    if from_file:
        weights = (
            " It begins from start.pth, which holds every weight as it was before the first step."
        )
    if config.augment.is_on:
        return (
            "The images, their order, the first weights of the head and every setting are the same; crops and colours "
            "are drawn anew by torchvision, so the figures agree as closely as those of two seeds."
            + weights
        )
    return (
        "The images, their order, the first weights and every setting are the same, so with the same versions on a CPU "
        "the figures agree but for rounding." + weights
    )


def training_script(subject: Subject, start: Start | None = None) -> str:
    """Source code. Nothing in it is user text: images are known by their content, classes by their numbers."""
    config, checkpoint, train = subject.run.config, subject.checkpoint, subject.run.config.train
    head_name = start.head if start else _head_name(checkpoint.backbone)
    source = SKELETON.substitute(
        run=subject.run.id,
        closeness=pieces.wrapped(closeness(config, start is not None), ""),
        **_beginning(subject, start),
        stages=pformat(stage_names(checkpoint.model, head_name), width=110, compact=True),
        head_name=repr(head_name),
        phases=_phases(config, checkpoint.model),
        preprocess=pformat(_preprocess(checkpoint.preprocessing), width=110, sort_dicts=False),
        seed=train.seed,
        epochs=train.epochs,
        batch_size=train.images_per_batch,
        images_per_step="len(train)"
        if train.optimizer == "gd"
        else train.images_per_batch * train.accumulate,
        n_classes=len(checkpoint.classes),
        label_smoothing=train.label_smoothing,
        weight_decay=train.weight_decay,
        head=pieces.head(
            config.model, anatomy(checkpoint.backbone, config.model.image_size).features
        ),
        adapts=pieces.keep_still(config.model.batch_norm),
        augment=pieces.augment(config.augment, checkpoint.preprocessing),
        order=pieces.order(train.class_balance),
        class_weights=pieces.class_weights(train.class_balance),
        optimizer=pieces.optimizer(train),
        schedule=pieces.schedule(train),
        course=pieces.course(train.unfreeze),
        clip=pieces.clip(train.clip_norm),
        stopping=pieces.stopping(train),
    )
    return "\n".join(line.rstrip() for line in source.splitlines()) + "\n"


def _beginning(subject: Subject, start: Start | None) -> dict[str, str]:
    """The lines that say where network and weights come from."""
    model, backbone = subject.run.config.model, subject.checkpoint.backbone
    network = pieces.network(backbone, model.image_size)
    replace = pieces.surgery(backbone.classifier, backbone.family)
    if start:
        return {
            "beside": ",\nand start.pth with its first weights"
            + ", and backbone.py with its network" * bool(start.backbone),
            "library": "from backbone import make_backbone"
            if start.backbone
            else "import torchvision",
            "network": network,
            "surgery": pieces.put_head(start.head) if start.backbone else replace,
            "start": pieces.lines(
                1, "model.load_state_dict(torch.load(weights_file, weights_only=True))"
            ),
            "weights": 'default=HERE / "start.pth", help="a .pth file to begin from"',
        }
    weights = (
        pieces.published_weights(backbone)
        if model.pretrained
        else "    # It starts from these random weights."
    )
    return {
        "beside": "",
        "library": "import torchvision",
        "network": f"    torch.manual_seed(SEED)\n{network}\n{weights}",
        "surgery": replace,
        "start": "",
        "weights": 'help="a .pth file to begin from, in place of a download"',
    }


def stage_names(model: TransferModel, head_name: str) -> list[list[str]]:
    """For each stage the library's names of its modules and weights, as short as tells the stages apart."""
    names = [
        [name for name, _ in (*stage.named_parameters(), *_without_weights(stage))]
        for stage in model.stages
    ]
    found = []
    for own in names:
        others = [head_name, *(name for other in names if other is not own for name in other)]
        found.append(list(dict.fromkeys(_shortest(name, others) for name in own)))
    return found


def _without_weights(stage: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """Its layers that learn nothing, some of which drop at random while they train."""
    for name, module in stage.named_modules():
        is_layer = not [*module.children(), *module.parameters()]
        if is_layer and type(module) not in (nn.Identity, nn.Module):
            yield name, module


def _shortest(name: str, others: list[str]) -> str:
    parts = name.split(".")
    starts = (".".join(parts[:n]) for n in range(1, len(parts)))
    return next(
        (s for s in starts if not any(other == s or other.startswith(f"{s}.") for other in others)),
        name,
    )


def _head_name(backbone: Backbone) -> str:
    return f"{backbone.classifier}.2" if backbone.family == "squeezenet" else backbone.classifier


def _phases(config: RunConfig, model: TransferModel) -> str:
    lines = [
        f"    ({phase.first_epoch}, {phase.last_epoch}, {phase.frozen.stages}, "
        f"{_whole_modules(model, phase.frozen.modules)!r}, {[*phase.rates]!r}),"
        for phase in make_plan(config)
    ]
    return "[\n" + "\n".join(lines) + "\n]"


def _whole_modules(model: TransferModel, frozen: frozenset[str]) -> list[str]:
    """The largest modules that are frozen whole: those are still, such as a BatchNorm with an activation in it."""
    learning = [
        name for stage in model.stages for name, _ in list_leaves(stage) if name not in frozen
    ]
    return list(dict.fromkeys(_shortest(name, learning) for name in sorted(frozen)))


def _preprocess(pre: Preprocessing) -> dict[str, object]:
    return {
        "size": pre.size,
        "resize": pre.resize,
        "mean": list(pre.mean),
        "std": list(pre.std),
        "interpolation": pre.interpolation,
    }
