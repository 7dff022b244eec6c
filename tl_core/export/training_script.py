"""The run as a plain script: train.py, with torch, torchvision and pillow, as far as those can express it."""

from collections.abc import Iterator
from pathlib import Path
from pprint import pformat

from tl_core.backbones import TransferModel, anatomy
from tl_core.config import RunConfig
from tl_core.export import training_pieces as pieces
from tl_core.export.subject import Subject
from tl_core.export.training_skeleton import SKELETON
from tl_core.records import Preprocessing
from tl_core.training import make_plan


def write_training_script(subject: Subject, folder: Path) -> str:
    """Write train.py where the run can be expressed.

    Returns:
        A sentence on how close it comes, or on why it is left out.
    """
    reasons = list(why_not(subject))
    if reasons:
        return f"There is no training script: {'; '.join(reasons)}."
    (folder / "train.py").write_text(training_script(subject), encoding="utf-8")
    return f"`python train.py FOLDER`, with the folder of the images, trains it again. {closeness(subject.run.config)}"


def why_not(subject: Subject) -> Iterator[str]:
    """What torch, torchvision and a short script cannot do as the run did it."""
    config, backbone = subject.run.config, subject.checkpoint.backbone
    if subject.split is None:
        yield "the list of images is gone"
    if backbone.library != "torchvision":
        yield f"its backbone is from the library {backbone.library}, and not among torchvision's"
    if config.model.pretrained and config.model.weights != "imagenet":
        yield "it began from weights of its own"
    if config.model.pretrained and config.model.image_size and backbone.family in ("vit", "maxvit", "swin", "swin_v2"):
        yield "its weights were resampled to another image size"
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


def closeness(config: RunConfig) -> str:
    """What may be expected of its figures."""
    weights = " It begins from torchvision's weights, unless --weights names a file." * config.model.pretrained
    if config.augment.is_on:
        return (
            "The images, their order, the first weights of the head and every setting are the same; crops and colours "
            "are drawn anew by torchvision, so the figures agree as closely as those of two seeds." + weights
        )
    return (
        "The images, their order, the first weights and every setting are the same, so with the same versions on a CPU "
        "the figures agree but for rounding." + weights
    )


def training_script(subject: Subject) -> str:
    """Source code. Nothing in it is user text: images are known by their content, classes by their numbers."""
    config, checkpoint = subject.run.config, subject.checkpoint
    family, train = checkpoint.backbone.family, config.train
    head_name = _head_name(checkpoint.backbone.classifier, family)
    source = SKELETON.substitute(
        run=subject.run.id,
        closeness=pieces.wrapped(closeness(config), ""),
        backbone=repr(checkpoint.backbone.name),
        options=pieces.model_options(family, config.model.image_size),
        stages=pformat(stage_names(checkpoint.model, head_name), width=110, compact=True),
        head_name=repr(head_name),
        phases=_phases(config),
        preprocess=pformat(_preprocess(checkpoint.preprocessing), width=110, sort_dicts=False),
        seed=train.seed,
        epochs=train.epochs,
        batch_size=train.images_per_batch,
        images_per_step="len(train)" if train.optimizer == "gd" else train.images_per_batch * train.accumulate,
        n_classes=len(checkpoint.classes),
        label_smoothing=train.label_smoothing,
        weight_decay=train.weight_decay,
        weights=pieces.start_weights(checkpoint.backbone, config.model.pretrained),
        head=pieces.head(config.model, anatomy(checkpoint.backbone, config.model.image_size).features),
        surgery=pieces.surgery(checkpoint.backbone.classifier, family),
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


def stage_names(model: TransferModel, head_name: str) -> list[list[str]]:
    """For each stage the library's names of its modules and weights, as short as tells the stages apart."""
    names = [[name for name, _ in stage.named_parameters()] for stage in model.stages]
    found = []
    for own in names:
        others = [head_name, *(name for other in names if other is not own for name in other)]
        found.append(list(dict.fromkeys(_shortest(name, others) for name in own)))
    return found


def _shortest(name: str, others: list[str]) -> str:
    parts = name.split(".")
    starts = (".".join(parts[:n]) for n in range(1, len(parts)))
    return next((s for s in starts if not any(other == s or other.startswith(f"{s}.") for other in others)), name)


def _head_name(classifier: str, family: str) -> str:
    return f"{classifier}.2" if family == "squeezenet" else classifier


def _phases(config: RunConfig) -> str:
    lines = [
        f"    ({phase.first_epoch}, {phase.last_epoch}, {phase.frozen.stages}, {sorted(phase.frozen.modules)!r}, "
        f"{[*phase.rates]!r}),"
        for phase in make_plan(config)
    ]
    return "[\n" + "\n".join(lines) + "\n]"


def _preprocess(pre: Preprocessing) -> dict[str, object]:
    return {
        "size": pre.size,
        "resize": pre.resize,
        "mean": list(pre.mean),
        "std": list(pre.std),
        "interpolation": pre.interpolation,
    }
