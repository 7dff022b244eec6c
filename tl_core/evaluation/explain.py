"""Where in an image a model sees a class: Grad-CAM, and occlusion, which covers the image piece by piece."""

import math
from collections.abc import Callable, Iterator
from functools import partial
from typing import Literal, get_args

import torch
from torch import Tensor, fx, nn
from torch.nn.functional import relu

from tl_core.backbones import TransferModel
from tl_core.backbones.stages import channels_first
from tl_core.backbones.tracing import cut, find_units
from tl_core.errors import NotExplainable

Method = Literal["grad-cam", "occlusion"]
METHODS: tuple[Method, ...] = get_args(Method)

_AT_ONCE = 4
"""Covered copies of an image that pass the network together."""

Change = Callable[[Tensor], Tensor]


def heat_map(
    model: TransferModel, image: Tensor, label: int, method: Method = "grad-cam"
) -> Tensor:
    """Where the model sees a class in what it is shown. The model is left as it is, and others may use it meanwhile.

    Args:
        model: in eval mode.
        image: float [1, 3, side, side], normalised, on the model's device.
        label: of the class, whether it is the answer or not.

    Returns:
        Float32 [side, side] in main memory, from 0 to 1, which is the strongest place; all 0 where nothing speaks for
        the class.

    Raises:
        NotExplainable: the method has no hold on this network, or the answer is no number.
    """
    with torch.no_grad():
        if not model(image).isfinite().all():
            raise NotExplainable(
                "The model's answer to this image is not a number, so nothing can be said about where it comes from. "
                "Train again with a smaller learning rate."
            )
    found = (
        _grad_cam(model, image, label) if method == "grad-cam" else _occlusion(model, image, label)
    )
    heat = relu(found.detach().float().cpu())[0, 0]
    if not heat.isfinite().all():
        raise NotExplainable(
            "The numbers behind this heat-map became too large to be added up. Try the other method."
        )
    return heat / heat.max() if heat.max() > 0 else heat


class _Scores(nn.Module):
    """A network's logits made scores; `entry` is where captum looks in, so that it hooks nothing of the model."""

    def __init__(self, network: nn.Module, restore: Change, score: Change) -> None:
        super().__init__()
        self.entry = nn.Identity()
        self._network, self._restore, self._score = network, restore, score

    def forward(self, values: Tensor) -> Tensor:
        return self._score(self._network(self._restore(self.entry(values))))


def _centred(logits: Tensor) -> Tensor:
    """Less their mean. Unlike bare logits, of which a sigmoid's first is always 0, probabilities alone decide them."""
    return logits - logits.mean(1, keepdim=True)


def _log_odds(logits: Tensor) -> Tensor:
    """Of each class against all others: they rise and fall with its probability, and still do so next to 0 and 1."""
    others = torch.eye(logits.shape[1], dtype=torch.bool, device=logits.device)
    rest = logits[:, None].masked_fill(others, -torch.inf).logsumexp(2)
    return logits - rest


def _occlusion(model: TransferModel, image: Tensor, label: int) -> Tensor:
    """How much the log-odds fall when squares of three eighths of the side are covered: [1, 1, side, side]."""
    from captum.attr import Occlusion

    side = image.shape[-1]
    window, stride = max(1, 3 * side // 8), max(1, side // 8)
    with torch.no_grad():
        found: Tensor = Occlusion(_Scores(model, _as_it_is, _log_odds)).attribute(
            image,
            sliding_window_shapes=(3, window, window),
            strides=(3, stride, stride),
            baselines=_mean_colour(image),
            target=label,
            perturbations_per_eval=_AT_ONCE,
        )
    return found[:, :1]  # all three channels are covered together


def _mean_colour(image: Tensor) -> Tensor:
    """Squares of it hide colours as well as shapes, with fainter edges than grey ones would bring into most images."""
    return image.mean((2, 3), keepdim=True).expand_as(image)


def _grad_cam(model: TransferModel, image: Tensor, label: int) -> Tensor:
    """After Selvaraju et al. (2017), https://arxiv.org/abs/1610.02391, as large as the image: [1, 1, side, side]."""
    from captum.attr import LayerAttribution, LayerGradCam

    values, rest = deepest_grid(model, image)
    grid, restore = _as_grid(values)
    scores = _Scores(rest, restore, _centred)
    found = LayerGradCam(scores, scores.entry).attribute(grid.detach().requires_grad_(), label)
    whole: Tensor = LayerAttribution.interpolate(found, image.shape[-2:], "bilinear")
    return whole


def deepest_grid(model: TransferModel, image: Tensor) -> tuple[Tensor, nn.Module]:
    """The last values in the network that still lie in a grid, and the network that makes logits of them.

    As a rule these are the last map before pooling. Of a transformer that answers from its class token it is what goes
    into the last block: whatever the last block makes of the image's own tokens, nobody looks at.

    Returns:
        (Values of one image in their own layout: a map, channels first or last, or tokens; the rest of the network.)

    Raises:
        NotExplainable: the network keeps no grid, or could not be cut where it does.
    """
    stages, inputs = list(model.stages), [image]
    with torch.no_grad():
        for stage in stages:
            inputs.append(stage(inputs[-1].clone()))  # some begin with what changes its input
        for place in reversed(range(len(stages))):
            for front, back in _cuts(stages[place], inputs[place]):
                values = front(inputs[place].clone())
                rest = nn.Sequential(back, *stages[place + 1 :], model.pool)
                if _is_grid(values) and _matters(values, rest):
                    return values, nn.Sequential(rest, model.head)
    raise NotExplainable(
        "Grad-CAM needs a place in the network where its values still lie as in the image, and none was found in this "
        "one at this image size. Occlusion works with every network."
    )


def _cuts(stage: nn.Module, given: Tensor) -> Iterator[tuple[nn.Module, nn.Module]]:
    """The stage in two, the deepest cut first: behind its end, then between any two steps where one value flows."""
    yield stage, nn.Identity()
    if isinstance(stage, fx.GraphModule):
        *inner, last = [unit.end for unit in find_units(stage, stage.graph, given.clone())]
        for end in reversed(inner):
            front, back = cut(stage, stage.graph, [end, last])
            yield front, back
    elif hasattr(stage, "forward_features"):  # one of timm's that could not be traced
        yield _Step(stage.forward_features), _Step(stage.forward_head)  # type: ignore[arg-type]


class _Step(nn.Module):
    """A method of a network as a module."""

    def __init__(self, do: Change) -> None:
        super().__init__()
        self._do = do

    def forward(self, values: Tensor) -> Tensor:
        return self._do(values)


def _is_grid(values: Tensor) -> bool:
    return values.ndim in (3, 4) and _as_grid(values)[0].shape[-1] > 1


@torch.enable_grad()
def _matters(values: Tensor, rest: nn.Module) -> bool:
    """Whether what the rest of the network gives depends on any position of the grid."""
    grid, restore = _as_grid(values)
    grid = grid.detach().requires_grad_()
    features: Tensor = rest(restore(grid.clone()))
    # Not simply their sum, which layer normalisation keeps at 0.
    direction = torch.randn(features.shape, generator=torch.Generator().manual_seed(0)).to(
        features.device
    )
    (gradient,) = torch.autograd.grad((features * direction).sum(), grid, allow_unused=True)
    return gradient is not None and bool(gradient.count_nonzero())


def _as_grid(values: Tensor) -> tuple[Tensor, Change]:
    """As [B, C, H, W], and the way back to the layout they came in."""
    if values.ndim == 3:
        side = math.isqrt(values.shape[1])
        extra, tokens = (
            values[:, : -(side**2)],
            values[:, -(side**2) :],
        )  # class tokens and the like come first
        return tokens.transpose(1, 2).reshape(len(values), -1, side, side), partial(
            _as_tokens, extra
        )
    if channels_first(tuple(values.shape[1:])) != tuple(values.shape[1:]):
        return values.permute(0, 3, 1, 2), _channels_last
    return values, _as_it_is


def _as_tokens(extra: Tensor, grid: Tensor) -> Tensor:
    return torch.cat([extra, grid.flatten(2).transpose(1, 2)], 1)


def _channels_last(grid: Tensor) -> Tensor:
    return grid.permute(0, 2, 3, 1)


def _as_it_is(values: Tensor) -> Tensor:
    return values
