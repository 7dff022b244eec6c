"""Heat-maps: Grad-CAM and occlusion show which parts of an image speak for a class."""

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
"""Batch size of the covered copies of an image."""

Change = Callable[[Tensor], Tensor]


def heat_map(
    model: TransferModel, image: Tensor, label: int, method: Method = "grad-cam"
) -> Tensor:
    """Compute the heat-map of a class. The model is not changed, so others may use it meanwhile.

    Args:
        model: in eval mode.
        image: float [1, 3, side, side], normalised, on the model's device.
        label: the class to explain, predicted or not.

    Returns:
        Float32 [side, side] in main memory, 0 to 1; all 0 if nothing speaks for the class.

    Raises:
        NotExplainable: the method does not apply to this network, or the logits are not finite.
    """
    with torch.no_grad():
        if not model(image).isfinite().all():
            raise NotExplainable(
                "The model's answer to this image is not a number, so nothing can be said about "
                "where it comes from. Train again with a smaller learning rate."
            )
    explain = _grad_cam if method == "grad-cam" else _occlusion
    found = explain(model, image, label)
    # Negative values speak against the class and have no place on the map.
    heat = relu(found.detach().float().cpu())[0, 0]
    if not heat.isfinite().all():
        raise NotExplainable(
            "The numbers behind this heat-map became too large to be added up. Try the other "
            "method."
        )
    return heat / heat.max() if heat.max() > 0 else heat


class _Scores(nn.Module):
    """Network whose logits are turned into scores; captum hooks `entry`, and not the model."""

    def __init__(self, network: nn.Module, restore: Change, score: Change) -> None:
        super().__init__()
        self.entry = nn.Identity()
        self._network = network
        self._restore = restore
        self._score = score

    def forward(self, values: Tensor) -> Tensor:
        return self._score(self._network(self._restore(self.entry(values))))


def _centred(logits: Tensor) -> Tensor:
    """Subtract the mean logit, so that the scores depend on the probabilities alone."""
    return logits - logits.mean(1, keepdim=True)


def _log_odds(logits: Tensor) -> Tensor:
    """Compute the log-odds of each class against all others, which do not saturate."""
    others = torch.eye(logits.shape[1], dtype=torch.bool, device=logits.device)
    # Minus infinity leaves each class out of the sum of the others.
    rest = logits[:, None].masked_fill(others, -torch.inf).logsumexp(2)
    return logits - rest


def _occlusion(model: TransferModel, image: Tensor, label: int) -> Tensor:
    """Compute the drop of the log-odds when squares are covered, [1, 1, side, side].

    Squares have three eighths of the image's side.
    """
    from captum.attr import Occlusion

    side = image.shape[-1]
    window = max(1, 3 * side // 8)
    # Six positions in each direction, 36 in all.
    stride = max(1, side // 8)
    with torch.no_grad():
        found: Tensor = Occlusion(_Scores(model, _as_it_is, _log_odds)).attribute(
            image,
            sliding_window_shapes=(3, window, window),
            strides=(3, stride, stride),
            baselines=_mean_colour(image),
            target=label,
            perturbations_per_eval=_AT_ONCE,
        )
    # All three channels are covered together, so that one holds the result.
    return found[:, :1]


def _mean_colour(image: Tensor) -> Tensor:
    """Return the image's mean colour, whose squares add fainter edges than grey ones."""
    return image.mean((2, 3), keepdim=True).expand_as(image)


def _grad_cam(model: TransferModel, image: Tensor, label: int) -> Tensor:
    """Compute Grad-CAM, [1, 1, side, side] (Selvaraju et al. 2017, arXiv:1610.02391)."""
    from captum.attr import LayerAttribution, LayerGradCam

    values, rest = deepest_grid(model, image)
    grid, restore = _as_grid(values)
    scores = _Scores(rest, restore, _centred)
    # Gradients are needed from here to the logits, not through the whole network.
    found = LayerGradCam(scores, scores.entry).attribute(grid.detach().requires_grad_(), label)
    whole: Tensor = LayerAttribution.interpolate(found, image.shape[-2:], "bilinear")
    return whole


def deepest_grid(model: TransferModel, image: Tensor) -> tuple[Tensor, nn.Module]:
    """Find the last activations that lie in a grid, and the network from there to the logits.

    Usually this is the last map before pooling. For a transformer with a class token it is the
    input of the last block, since the head ignores that block's other tokens.

    Returns:
        Activations of one image (a map, channels first or last, or tokens), and the rest of the
        network.

    Raises:
        NotExplainable: the network has no grid, or cannot be cut there.
    """
    stages = list(model.stages)
    inputs = [image]
    with torch.no_grad():
        for stage in stages:
            # A stage may begin with an operation in place.
            inputs.append(stage(inputs[-1].clone()))
        for place in reversed(range(len(stages))):
            for front, back in _cuts(stages[place], inputs[place]):
                values = front(inputs[place].clone())
                rest = nn.Sequential(back, *stages[place + 1 :], model.pool)
                if _is_grid(values) and _matters(values, rest):
                    return values, nn.Sequential(rest, model.head)
    raise NotExplainable(
        "Grad-CAM needs a place in the network where its values still lie as in the image, and "
        "none was found in this one at this image size. Occlusion works with every network."
    )


def _cuts(stage: nn.Module, given: Tensor) -> Iterator[tuple[nn.Module, nn.Module]]:
    """Yield the stage cut in two, the deepest cut first: behind its end, then between units."""
    yield stage, nn.Identity()
    if isinstance(stage, fx.GraphModule):
        *inner, last = [unit.end for unit in find_units(stage, stage.graph, given.clone())]
        for end in reversed(inner):
            front, back = cut(stage, stage.graph, [end, last])
            yield front, back
    # A network of timm that could not be traced is one stage.
    elif hasattr(stage, "forward_features"):
        yield _Step(stage.forward_features), _Step(stage.forward_head)  # type: ignore[arg-type]


class _Step(nn.Module):
    """Module that calls a method of a network."""

    def __init__(self, do: Change) -> None:
        super().__init__()
        self._do = do

    def forward(self, values: Tensor) -> Tensor:
        return self._do(values)


def _is_grid(values: Tensor) -> bool:
    return values.ndim in (3, 4) and _as_grid(values)[0].shape[-1] > 1


# The search runs without gradients, but this test needs one.
@torch.enable_grad()
def _matters(values: Tensor, rest: nn.Module) -> bool:
    """Return True if the rest of the network depends on any position of the grid."""
    grid, restore = _as_grid(values)
    grid = grid.detach().requires_grad_()
    features: Tensor = rest(restore(grid.clone()))
    # The plain sum would not do: layer normalisation keeps it at 0.
    generator = torch.Generator().manual_seed(0)
    # Drawn on the CPU, since a GPU's generator would give other numbers.
    direction = torch.randn(features.shape, generator=generator).to(features.device)
    # An unused grid is an answer here and not an error.
    (gradient,) = torch.autograd.grad((features * direction).sum(), grid, allow_unused=True)
    return gradient is not None and bool(gradient.count_nonzero())


def _as_grid(values: Tensor) -> tuple[Tensor, Change]:
    """Return the values as [B, C, H, W], and a function that restores their layout."""
    if values.ndim == 3:
        side = math.isqrt(values.shape[1])
        # Class tokens and the like come first.
        extra = values[:, : -(side**2)]
        tokens = values[:, -(side**2) :]
        grid = tokens.transpose(1, 2).reshape(len(values), -1, side, side)
        return grid, partial(_as_tokens, extra)
    if channels_first(tuple(values.shape[1:])) != tuple(values.shape[1:]):
        return values.permute(0, 3, 1, 2), _channels_last
    return values, _as_it_is


def _as_tokens(extra: Tensor, grid: Tensor) -> Tensor:
    return torch.cat([extra, grid.flatten(2).transpose(1, 2)], 1)


def _channels_last(grid: Tensor) -> Tensor:
    return grid.permute(0, 2, 3, 1)


def _as_it_is(values: Tensor) -> Tensor:
    return values
