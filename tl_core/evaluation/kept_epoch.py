"""Explanation of why an epoch's weights were kept although another epoch has a lower loss."""

from collections.abc import Mapping

from tl_core.evaluation.proportions import Share
from tl_core.text import share


def why_kept(kept: int, lowest: int, right: Mapping[int, Share]) -> str:
    """State the rule by which an epoch was kept, with the figures of both epochs.

    The epoch of the highest validation accuracy is kept; the lower loss decides between equal ones.

    Args:
        kept: epoch whose weights were kept.
        lowest: epoch of the lowest validation loss.
        right: validation accuracy by epoch.

    Returns:
        A sentence; empty if both are the same epoch, or if an accuracy is unknown.
    """
    if kept == lowest or kept not in right or lowest not in right:
        return ""
    best = right[kept]
    other = right[lowest]
    # The best of several epochs is favoured by chance, so the wider, unpaired test is the fair one.
    chance = "" if best.is_apart_from(other) else ", a difference within chance"
    return (
        f"Epoch {kept} was kept for its validation accuracy: {_count(best)} images right; epoch "
        f"{lowest} has a lower loss but {_count(other)}{chance}."
    )


def _count(right: Share) -> str:
    return share(round(right.value * right.n), right.n)
