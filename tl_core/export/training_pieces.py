"""The lines of train.py that depend on a run's settings; all of them our own text and numbers."""

import textwrap
from collections.abc import Sequence

from tl_core.backbones import Backbone
from tl_core.config import AugmentConfig, ModelConfig, TrainConfig
from tl_core.records import Preprocessing
from tl_core.training.schedules import ONE_CYCLE_END, ONE_CYCLE_RISE, ONE_CYCLE_START

_INCEPTIONS = ("googlenet", "inception")


def wrapped(text: str, indent: str) -> str:
    return textwrap.fill(text, 118, initial_indent=indent, subsequent_indent=indent)


def lines(depth: int, *texts: str) -> str:
    """Each on a line of its own, so many levels deep; none at all where there is none."""
    return "\n".join("    " * depth + text for text in texts)


# The network


def model_options(family: str, image_size: int | None) -> str:
    """What is given to the library beside the name."""
    if family in _INCEPTIONS:
        return ", transform_input=False, aux_logits=False, init_weights=True"
    if image_size and family == "vit":
        return f", image_size={image_size}"
    return f", input_size=({image_size}, {image_size})" if image_size and family == "maxvit" else ""


def network(backbone: Backbone, image_size: int | None) -> str:
    """The library's, or the one that was written out where train.py cannot have the library."""
    if backbone.library != "torchvision":
        return lines(1, "model = make_backbone()")
    options = model_options(backbone.family, image_size)
    return lines(
        1, f"model = torchvision.models.get_model({backbone.name!r}, weights=None{options})"
    )


def published_weights(backbone: Backbone) -> str:
    """Torchvision's, downloaded or from a file."""
    recipe = backbone.weights.source.rpartition(" ")[2]
    return lines(
        1,
        f'recipe = torchvision.models.get_model_weights({backbone.name!r})["{recipe}"]',
        "state = torch.load(weights_file, weights_only=True) if weights_file else recipe.get_state_dict()",
        "own = model.state_dict()",
        "fitting = {name: tensor for name, tensor in state.items() if name in own and tensor.shape == own[name].shape}",
        "lost = [name for name in own if name not in fitting and not belongs(name, [HEAD.split('.')[0]])]",
        "assert not lost, f'These weights are of another network: they lack {lost[:3]}.'",
        "own.update(fitting)",
        "model.load_state_dict(own)",
    )


def head(config: ModelConfig, features: int) -> str:
    """As `tl_core.backbones.heads` makes it, in the same order, so that the same chance fills it."""
    n_out = "1" if config.output == "sigmoid" else "N_CLASSES"
    layers, before = list[str](), str(features)
    for width in (*map(str, config.hidden_units), n_out):
        layers += [f"nn.Dropout({config.dropout})"] if config.dropout else []
        layers += [f"nn.Linear({before}, {width})", "nn.ReLU()"]
        before = width
    layers.pop()
    if config.output == "sigmoid":
        layers.append("nn.ZeroPad1d((1, 0))")  # one output z as the two logits 0 and z
    return lines(1, "head = nn.Sequential(", *(f"    {layer}," for layer in layers), ")")


def put_head(name: str) -> str:
    """In the place of that name."""
    parent, _, last = name.rpartition(".")
    return lines(
        1, f"model.{parent}[{last}] = head" if last.isdecimal() else f"model.{name} = head"
    )


def surgery(classifier: str, family: str) -> str:
    """The library's classifier replaced; features are means over the map, also where the library keeps positions."""
    if family == "squeezenet":
        return lines(
            1, "model.classifier = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), head)"
        )
    if family in ("vgg", "alexnet"):
        return lines(1, "model.avgpool = nn.AdaptiveAvgPool2d(1)") + "\n" + put_head(classifier)
    return (lines(1, "model.dropout = nn.Identity()") + "\n") * (family in _INCEPTIONS) + put_head(
        classifier
    )


def keep_still(batch_norm: str) -> str:
    return (
        ""
        if batch_norm == "frozen"
        else " and not isinstance(module, nn.modules.batchnorm._BatchNorm)"
    )


# The images


def augment(config: AugmentConfig, pre: Preprocessing) -> str:
    """`varied(file)`: a training image as an epoch sees it."""
    if not config.is_on:
        return "varied = as_it_is"
    cut = f"scale=({config.crop}, 1.0), interpolation=v2.InterpolationMode.{pre.interpolation.upper()}, antialias=True"
    changes = {
        f"v2.RandomResizedCrop({pre.size}, {cut})": config.crop < 1,
        "v2.RandomHorizontalFlip()": config.flip,
        "v2.RandomVerticalFlip()": config.vertical_flip,
        f"v2.RandomRotation({config.rotation}, v2.InterpolationMode.BILINEAR)": config.rotation,
        f"v2.ColorJitter({config.colour}, {config.colour}, {config.colour})": config.colour,
        "v2.TrivialAugmentWide()": config.policy == "trivial",
        "v2.RandAugment()": config.policy == "rand",
        f"v2.RandomApply([v2.GaussianBlur(9, (0.3, 1.5))], {config.blur})": config.blur,
        f"v2.RandomErasing({config.erasing})": config.erasing,
    }
    read = "v2.functional.pil_to_tensor(open_rgb(file, {**PREPROCESS, 'resize': 2 * PREPROCESS['resize']}))"
    return "\n".join(
        [
            "VARY = v2.Compose(",
            lines(1, "[", *(f"    {change}," for change, is_on in changes.items() if is_on), "]"),
            ")",
            "",
            "",
            "def varied(file):",
            lines(1, f"return VARY({read})" if config.crop < 1 else "return VARY(as_it_is(file))"),
        ]
    )


def order(class_balance: str) -> str:
    if class_balance != "sampling":
        return lines(
            1, "return np.random.default_rng((SEED, epoch)).permutation(len(labels)).tolist()"
        )
    return lines(
        1,
        "shares = 1 / np.bincount(labels)[labels]  # every class as likely as any other",
        "generator = np.random.default_rng((SEED, epoch, 1))",
        "return generator.choice(len(labels), len(labels), p=shares / shares.sum()).tolist()",
    )


def class_weights(class_balance: str) -> str:
    if class_balance != "weights":
        return lines(1, "class_weights = None")
    return lines(
        1,
        "counts = np.bincount(labels, minlength=N_CLASSES)",
        "shares = np.where(counts > 0, counts.sum() / ((counts > 0).sum() * np.maximum(counts, 1)), 0)",
        "class_weights = torch.tensor(shares, dtype=torch.float32, device=device)",
    )


# How it learns


def optimizer(train: TrainConfig) -> str:
    name = {
        "gd": "SGD(groups)",
        "sgd": "SGD(groups)",
        "momentum": f"SGD(groups, momentum={train.momentum})",
        "nesterov": f"SGD(groups, momentum={train.momentum}, nesterov={train.momentum > 0})",
        "adagrad": "Adagrad(groups)",
        "rmsprop": f"RMSprop(groups, momentum={train.momentum})",
        "adam": "Adam(groups)",
        "adamw": "AdamW(groups)",
    }[train.optimizer]
    return f"torch.optim.{name}"


def schedule(train: TrainConfig) -> str:
    """`factor(step, steps, length)`: what the rates are multiplied by in a step of a course of `length` steps."""
    body: Sequence[str]
    if train.schedule == "one-cycle":
        body = (
            "step, last = min(step, length - 1), length - 1",
            f"peak = max(0.0, {ONE_CYCLE_RISE} * length - 1)",
            "if step < peak:",
            f"    return cosine({ONE_CYCLE_START}, 1.0, step / peak)",
            f"return cosine(1.0, {ONE_CYCLE_END}, (step - peak) / (last - peak)) if last > peak else 1.0",
        )
    else:
        course = {
            "step": f"{train.decay} ** (step // ({train.step_epochs} * steps))",
            "exponential": f"{train.decay} ** (step / steps)",
            "cosine": "cosine(1.0, 0.0, step / max(1, length - warm_up))",
            "constant": "1.0",
        }[train.schedule]
        body = (
            f"warm_up = {f'max(1, round(length * {train.warm_up}))' if train.warm_up else 0}",
            "step = min(step, length - 1)",
            *(["if step < warm_up:", "    return (step + 1) / warm_up"] if train.warm_up else []),
            "step -= warm_up",
            f"return {course}",
        )
    return "\n".join(
        [
            "def cosine(start, end, share):",
            lines(1, "return end + (start - end) * 0.5 * (1 + math.cos(math.pi * share))", ""),
            "",
            "def factor(step, steps, length):",
            lines(
                1,
                '"""What the rates are multiplied by in that step; `steps` make an epoch, `length` a course."""',
            ),
            lines(1, *body),
        ]
    )


def course(unfreeze: str) -> str:
    """Where the course of the learning rate starts, and how long it is."""
    if unfreeze == "two-phase":
        return lines(2, "start, length = first, steps * (last - first + 1)")
    return lines(2, "start, length = 1, steps * EPOCHS")


def clip(norm: float) -> str:
    if not norm:
        return lines(5, "# Here gradients could be clipped; the run did not.")
    return lines(
        5, f"nn.utils.clip_grad_norm_([p for p in model.parameters() if p.requires_grad], {norm})"
    )


def stopping(train: TrainConfig) -> str:
    if not train.early_stopping:
        return ""
    better = f"loss < lowest - {train.min_delta}"
    return lines(
        3,
        "if first == PHASES[-1][0]:",
        f"    unimproved, lowest = (0, loss) if {better} else (unimproved + 1, lowest)",
        f"    if unimproved >= {train.early_stopping}:",
        "        break",
    )
