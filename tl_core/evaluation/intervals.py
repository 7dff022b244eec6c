"""95 % intervals from formulas, which unlike the bootstrap have a width where all are right."""

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

Floats = NDArray[np.float64]
Interval = tuple[float, float]
_Z = 1.96
# As many as bring the bisection to the precision of float64.
_HALVINGS = 50


def wilson_interval(right: float, n: float, z: float = _Z) -> Interval:
    """Compute Wilson's interval of a share (1927), valid for small n and shares near 0 and 1."""
    if n == 0:
        # Without images, any share is possible.
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
    """Compute Wilson's interval of a macro average of shares, at its effective sample size.

    With classes of equal size the effective size is the number of all images.

    Args:
        sizes: images behind each class's share; a class without images counts as one image.
    """
    effective_n = len(sizes) ** 2 / float((1 / np.maximum(sizes, 1)).sum())
    return wilson_interval(mean * effective_n, effective_n)


def mean_area_interval(areas: Floats, its: Floats, others: Floats) -> Interval:
    """Compute the 95 % interval of the macro ROC AUC, one class against the rest.

    Each image counts in every class's area, so the variance is taken as twice that of independent
    areas; this is exact for two classes, whose areas are equal.

    Args:
        areas: ROC AUC of each class.
        its: number of images of each class.
        others: number of images of all other classes.
    """
    k = len(areas)
    mean = float(areas.mean())
    low, high = (_area_end(areas, its, others, end) for end in (0.0, 1.0))
    factor = min(1.0, (2 / k) ** 0.5)
    down = factor * float(((areas - low) ** 2).mean() ** 0.5)
    up = factor * float(((high - areas) ** 2).mean() ** 0.5)
    return max(0.0, mean - down), min(1.0, mean + up)


def _area_end(areas: Floats, its: Floats, others: Floats, end: float) -> Floats:
    """Find one end of each area's interval by bisection (Newcombe 2006, method 5)."""
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
    """Compute Student's interval (1908) of the mean loss, with one loss added.

    The added loss exceeds the mean by that of `guessing`; without it, losses of easy images alone
    would exclude hard ones. It says nothing about lower losses, so the interval begins at the mean.
    """
    seen = np.append(losses, losses.mean() + guessing)
    n = len(seen)
    mean = float(seen.mean())
    # `scipy.stats` would give the same quantile, but takes long to import.
    half = float(stdtrit(n - 1, 0.975)) * float(seen.std(ddof=1)) / n**0.5
    return float(losses.mean()), mean + half
