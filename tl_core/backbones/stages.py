"""Units grouped into stages: what a person freezes, counted from the input."""

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
    """Where a network is cut, and how its features are pooled."""

    names: tuple[str, ...]
    ends: tuple[str, ...]
    """For each stage, the name of the step whose value it hands on."""
    pooled: bool
    """Whether the last stage hands on features [B, F]; otherwise it is a map, [B, C, H, W], to be averaged."""


def find_stages(units: list[Unit], library: str) -> Stages:
    """Stages are runs of units with the same output shape; a network of one shape is cut at its blocks instead."""
    body, tail = _part_tail(units, library)
    groups = _by_shape(body)
    if len(groups) < _FEWEST_STAGES:
        groups = _split_biggest(groups)
    groups = _join_stem(groups)
    while len(groups) > MOST_STAGES:
        groups = _merge_smallest(groups)
    groups[-1] = groups[-1] + tail
    pooled = len(groups[-1][-1].shape) == 1
    return Stages(tuple(_names(groups)), tuple(units[-1].end for units in groups), pooled)


def channels_first(shape: tuple[int, ...]) -> tuple[int, ...]:
    """A map's shape as (channels, height, width), also where the network keeps its channels last (Swin)."""
    if len(shape) == 3 and shape[0] == shape[1] != shape[2]:  # maps are square
        return shape[2], shape[0], shape[1]
    return shape


def _part_tail(units: Group, library: str) -> tuple[Group, Group]:
    """(all up to the last map or tokens, what follows and must be kept). Plain pooling we do ourselves."""
    last = max(
        (i for i, unit in enumerate(units, 1) if _has_positions(unit.shape)), default=len(units)
    )
    while (
        "AdaptiveAvgPool" in units[last - 1].kind
    ):  # VGG's, to the very size that its own images have there
        last -= 1
    body, tail = units[:last], units[last:]
    shape = body[-1].shape
    other_width = library == "timm" and bool(tail) and tail[-1].shape[0] != shape[0]
    plain = len(shape) == 3 and channels_first(shape) == shape and not other_width
    return body, [] if plain and not any(unit.parameters for unit in tail) else tail


def _has_positions(shape: tuple[int, ...]) -> bool:
    """Whether it is a map of more than one position, or a row of tokens."""
    return len(shape) == 2 or (len(shape) == 3 and shape[-1] > 1)


def _by_shape(units: Group) -> list[Group]:
    """A unit without weights joins those before it; where it makes the map smaller (pooling) the stage ends."""
    groups: list[Group] = []
    closed = True
    for unit in units:
        before = groups[-1][-1].shape if groups else ()
        stays = bool(groups) and (not unit.parameters or not _parameters(groups[-1]))
        ends_stem = len(groups) == 1 and bool(unit.blocks) and _is_plain(groups[0])
        if stays or (before == unit.shape and not closed and not ends_stem):
            groups[-1].append(unit)
        else:
            groups.append([unit])
        closed = not unit.parameters and prod(unit.shape) < prod(before)
    return groups


def _split_biggest(groups: list[Group]) -> list[Group]:
    """Cut the group with most weights in front of each of its blocks, or of every few where there are many."""
    place = max(range(len(groups)), key=lambda i: _parameters(groups[i]))
    units = groups[place]
    kinds = Counter(kind for unit in units for kind in unit.blocks)
    if not kinds:
        return groups
    block = kinds.most_common(1)[0][0]
    starts = [i for i, unit in enumerate(units) if block in unit.blocks]
    step = -(-len(starts) // (MOST_STAGES - 2))
    bounds = sorted({0, *starts[::step], len(units)})
    return [*groups[:place], *(units[a:b] for a, b in pairwise(bounds)), *groups[place + 1 :]]


def _join_stem(groups: list[Group]) -> list[Group]:
    """All in front of the first block is one stem; a network without blocks stays as it is."""
    first = next((i for i, units in enumerate(groups) if not _is_plain(units)), 0)
    return (
        groups
        if first < 2
        else [[unit for units in groups[:first] for unit in units], *groups[first:]]
    )


def _merge_smallest(groups: list[Group]) -> list[Group]:
    """Join the two neighbours that have the fewest weights together."""
    place = min(
        range(len(groups) - 1), key=lambda i: _parameters(groups[i]) + _parameters(groups[i + 1])
    )
    return [*groups[:place], groups[place] + groups[place + 1], *groups[place + 2 :]]


def _names(groups: list[Group]) -> list[str]:
    """stem, stage1 …, top; block1 … where there are only plain layers; patches, blocks1 … of a transformer."""
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
