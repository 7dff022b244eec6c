"""95 % intervals from formulas: unlike resampling, they know that 36 of 36 right is not always right."""

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

Floats = NDArray[np.float64]
Interval = tuple[float, float]
_Z = 1.96
_HALVINGS = 50


def wilson_interval(right: float, n: float, z: float = _Z) -> Interval:
    """95 % interval of a share, after Wilson (1927): honest for small n and for shares near 0 and 1."""
    if n == 0:
        return 0.0, 1.0
    share = right / n
    spread = z * z / n
    centre = (share + spread / 2) / (1 + spread)
    half = z * ((share * (1 - share) + spread / 4) / n) ** 0.5 / (1 + spread)
    # Rounding may pass the share.
    low = max(0.0, min(share, centre - half))
    high = min(1.0, max(share, centre + half))
    return low, high


def mean_share_interval(mean: float, sizes: Floats) -> Interval:
    """Wilson's interval of a plain mean of classes' shares.

    It is that of a single share of as many images as would tell it as well.

    With classes of one size that are all images together, and the interval is that of the accuracy.

    Args:
        sizes: images that each class's share is of; a class of none is taken for one of a single image.
    """
    worth = len(sizes) ** 2 / float((1 / np.maximum(sizes, 1)).sum())
    return wilson_interval(mean * worth, worth)


def mean_area_interval(areas: Floats, its: Floats, others: Floats) -> Interval:
    """95 % interval of a plain mean of areas under ROC curves, each of one class against the rest.

    Each image is in every class's area, which makes the mean vary about as much as if the variances of independent
    ones were doubled: exactly so with two classes, whose areas are the same.

    Args:
        areas: [classes], and of each its images and those of the others.
    """
    k = len(areas)
    mean = float(areas.mean())
    low, high = (_area_end(areas, its, others, end) for end in (0.0, 1.0))
    down, up = (
        min(1.0, (2 / k) ** 0.5) * ((away**2).mean()) ** 0.5 for away in (areas - low, high - areas)
    )
    return max(0.0, mean - float(down)), min(1.0, mean + float(up))


def _area_end(areas: Floats, its: Floats, others: Floats, end: float) -> Floats:
    """One end of each interval after Newcombe (2006), method 5: the farthest area whose own spread reaches `areas`."""
    near = areas.copy()
    far = np.full_like(areas, end)
    more = (its + others) / 2 - 1
    for _ in range(_HALVINGS):
        middle = (near + far) / 2
        factor = 1 + more * ((1 - middle) / (2 - middle) + middle / (1 + middle))
        reaches = np.abs(areas - middle) <= _Z * np.sqrt(
            middle * (1 - middle) * factor / (its * others)
        )
        near = np.where(reaches, middle, near)
        far = np.where(reaches, far, middle)
    return near


def mean_loss_interval(losses: Floats, guessing: float) -> Interval:
    """Student's interval (1908) of the mean of losses, with one more added.

    The added loss is worse than their mean by that of `guessing`.

    Without that one, as many images as were easy would say that none is hard; downwards it says nothing, so there the
    interval ends at the mean.
    """
    seen = np.append(losses, losses.mean() + guessing)
    n = len(seen)
    mean = float(seen.mean())
    half = float(stdtrit(n - 1, 0.975)) * float(seen.std(ddof=1)) / n**0.5
    return float(losses.mean()), mean + half
