"""Warnings, before a run, about figures that will rest on few images."""

import math
from collections.abc import Iterator, Mapping

from tl_core.data.names import quoted
from tl_core.text import natural_key, number_of

FEW_TO_TEST = 30
"""Number of test images below which an accuracy near one half has a 95 % interval wider than a
third of the scale."""
FEW_TO_CHECK = 10
"""Number of validation images below which the choice of the best epoch is nearly chance."""
FEW_TO_LEARN = 5
"""Number of training images of a class below which a warning is given."""
_Z = 1.96
"""Quantile of the standard normal distribution for a 95 % interval."""


def few_warnings(n_train: Mapping[str, int], n_val: int, n_test: int) -> Iterator[str]:
    """Warn about each side of the split that is small, but not empty.

    Args:
        n_train: training images by class.
    """
    small = sorted((name for name, n in n_train.items() if 0 < n < FEW_TO_LEARN), key=natural_key)
    if small:
        of_these = "it" if len(small) == 1 else "these classes"
        yield (
            f"Fewer than {FEW_TO_LEARN} training images: {quoted(small)}. What is learned of "
            f"{of_these} depends on what those few happen to show."
        )
    if 0 < n_val < FEW_TO_CHECK:
        yield (
            f"With only {number_of(n_val, 'validation image')}, it is nearly chance which epoch is "
            "kept as the best."
        )
    if warning := few_test_warning(n_test):
        yield warning


def few_test_warning(n_test: int) -> str:
    """Warn, before the test, that its images are few; empty if they are not, or if it has none."""
    if not 0 < n_test < FEW_TO_TEST:
        return ""
    return (
        f"With only {number_of(n_test, 'test image')}, {_possible(n_test)}, and its 95 % "
        f"interval will be up to {100 * widest_interval(n_test):.0f} points wide. About 100 "
        "test images are needed to know it to ± 10 points."
    )


def widest_interval(n: int) -> float:
    """Return the largest width of Wilson's 95 % interval for `n` images: half of them correct."""
    # Wilson's formula simplifies to this at a share of one half.
    return _Z / math.sqrt(n + _Z**2)


def _possible(n: int) -> str:
    # Up to four images, all possible values fit into one sentence.
    if n > 4:
        return f"each is {100 / n:.0f} % of the accuracy"
    *some, last = (f"{100 * right / n:.0f}" for right in range(n + 1))
    return f"the accuracy can only be {', '.join(some)} or {last} %"
