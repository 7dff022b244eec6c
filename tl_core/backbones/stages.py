"""Stages: consecutive units of a network, which are frozen together."""

from collections import Counter
from dataclasses import dataclass
from itertools import pairwise
from math import prod

from tl_core.backbones.tracing import Unit

MOST_STAGES = 14
_FEWEST_STAGES = 4

Group = list[Unit]


@dataclass(frozen=True, slots=True)
class Stages:
    """Places where a network is cut into stages."""

    names: tuple[str, ...]
    ends: tuple[str, ...]
    """Name of the step that computes each stage's output."""
    pooled: bool
    """True if the last stage gives features [B, F]; otherwise it gives a map [B, C, H, W]."""


def find_stages(units: list[Unit], library: str) -> Stages:
    """Group units of equal output shape into stages; cut a network of one shape at its blocks."""
    body, tail = _part_tail(units, library)
    groups = _by_shape(body)
    if len(groups) < _FEWEST_STAGES:
        groups = _split_biggest(groups)
    groups = _join_stem(groups)
    while len(groups) > MOST_STAGES:
        groups = _merge_smallest(groups)
    # Joined last: layers behind the last map are too small for a stage of their own.
    groups[-1] = groups[-1] + tail
    pooled = len(groups[-1][-1].shape) == 1
    return Stages(tuple(_names(groups)), tuple(units[-1].end for units in groups), pooled)


def channels_first(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return a map's shape as (channels, height, width), also if channels come last (Swin)."""
    # Maps are square, so that two equal sides at the front are height and width.
    if len(shape) == 3 and shape[0] == shape[1] != shape[2]:
        return shape[2], shape[0], shape[1]
    return shape


def _part_tail(units: Group, library: str) -> tuple[Group, Group]:
    """Split into the units up to the last map or tokens, and those behind it that must stay.

    Plain global pooling is left out, since `TransferModel` has its own.
    """
    last = max(
        (i for i, unit in enumerate(units, 1) if _has_positions(unit.shape)), default=len(units)
    )
    # VGG pools to the size that maps of its own image size have anyway.
    while "AdaptiveAvgPool" in units[last - 1].kind:
        last -= 1
    body = units[:last]
    tail = units[last:]
    shape = body[-1].shape
    # torchvision's VGG and AlexNet flatten their map, which changes the width, too, but is replaced
    # by pooling.
    other_width = library == "timm" and bool(tail) and tail[-1].shape[0] != shape[0]
    plain = len(shape) == 3 and channels_first(shape) == shape and not other_width
    if plain and not any(unit.parameters for unit in tail):
        return body, []
    return body, tail


def _has_positions(shape: tuple[int, ...]) -> bool:
    """Return True for a map of more than one position, or a sequence of tokens."""
    return len(shape) == 2 or (len(shape) == 3 and shape[-1] > 1)


def _by_shape(units: Group) -> list[Group]:
    """Group by output shape. Units without weights join the group before; pooling ends a stage."""
    groups: list[Group] = []
    closed = True
    for unit in units:
        before = groups[-1][-1].shape if groups else ()
        stays = bool(groups) and (not unit.parameters or not _parameters(groups[-1]))
        # The first block begins a stage even where the stem has left the shape as it is.
        ends_stem = len(groups) == 1 and bool(unit.blocks) and _is_plain(groups[0])
        if stays or (before == unit.shape and not closed and not ends_stem):
            groups[-1].append(unit)
        else:
            groups.append([unit])
        closed = not unit.parameters and prod(unit.shape) < prod(before)
    return groups


def _split_biggest(groups: list[Group]) -> list[Group]:
    """Cut the group with most weights in front of its blocks, or of every few if there are many."""
    place = max(range(len(groups)), key=lambda i: _parameters(groups[i]))
    units = groups[place]
    kinds = Counter(kind for unit in units for kind in unit.blocks)
    if not kinds:
        return groups
    block = kinds.most_common(1)[0][0]
    starts = [i for i, unit in enumerate(units) if block in unit.blocks]
    # Two stages are left for what lies in front of the blocks and behind them.
    step = -(-len(starts) // (MOST_STAGES - 2))
    bounds = sorted({0, *starts[::step], len(units)})
    return [*groups[:place], *(units[a:b] for a, b in pairwise(bounds)), *groups[place + 1 :]]


def _join_stem(groups: list[Group]) -> list[Group]:
    """Join all groups in front of the first block into one stem."""
    first = next((i for i, units in enumerate(groups) if not _is_plain(units)), 0)
    if first < 2:
        return groups
    stem = [unit for units in groups[:first] for unit in units]
    return [stem, *groups[first:]]


def _merge_smallest(groups: list[Group]) -> list[Group]:
    """Join the two neighbouring groups that have the fewest weights together."""
    place = min(
        range(len(groups) - 1), key=lambda i: _parameters(groups[i]) + _parameters(groups[i + 1])
    )
    return [*groups[:place], groups[place] + groups[place + 1], *groups[place + 2 :]]


def _names(groups: list[Group]) -> list[str]:
    """Name stages: stem, stage1 …, top; block1 … of plain layers; patches, blocks1 … of tokens."""
    plain = [_is_plain(units) for units in groups]
    if len(groups) == 1:
        return ["whole"]
    if all(plain):
        return [f"block{i}" for i in range(1, len(groups) + 1)]
    if all(len(units[-1].shape) == 2 for units in groups[1:-1]):
        return ["patches", *(f"blocks{i}" for i in range(1, len(groups)))]
    names = [f"stage{i}" for i in range(1, len(groups) + 1)]
    if plain[0]:
        names = ["stem", *names[:-1]]
    if plain[-1]:
        names[-1] = "top"
    return names


def _parameters(units: Group) -> int:
    return sum(unit.parameters for unit in units)


def _is_plain(units: Group) -> bool:
    return not any(unit.blocks for unit in units)
