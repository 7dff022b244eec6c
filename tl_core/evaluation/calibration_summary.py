"""Summary of a model's calibration, in figures and in words."""

from dataclasses import dataclass

from tl_core.evaluation.scores import Judgement
from tl_core.text import confidence, count, number_of, percent

_TOO_WIDE = 30
"""Width of the accuracy's interval, in points, above which n is too small for a verdict."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """Calibration on the test set, before and after temperature scaling."""

    confidence: float
    """Mean confidence."""
    error: float
    """Expected calibration error, 0 to 1."""
    temperature: float | None
    """Temperature fitted on validation; None without mistakes or without stored predictions."""
    n_fitted: int
    """Number of validation images that the temperature was fitted on."""
    error_at_temperature: float | None

    def say(self, test: Judgement) -> str:
        """Describe the calibration in one paragraph, and the temperature in a second.

        Args:
            test: metrics of the same images.
        """
        gap = 100 * (self.confidence - test.accuracy.value)
        low = 100 * test.accuracy.low
        high = 100 * test.accuracy.high
        figures = f"its confidence is {confidence(self.confidence)} on average, and it is right on "
        figures += percent(test.accuracy.value)
        if low <= 100 * self.confidence <= high and high - low > _TOO_WIDE:
            return (
                f"{number_of(test.n, 'test image')} {'is' if test.n == 1 else 'are'} too few to "
                f"say whether it is as sure as it is right: {figures}, which on others could be "
                f"anything from {low:.0f} to {high:.0f} %."
            )
        # Within the interval of the accuracy, the difference may be chance.
        if low <= 100 * self.confidence <= high:
            verdict = "On the whole it is about as sure as it is right"
        else:
            verdict = f"It is too {'sure' if gap > 0 else 'unsure'} of itself"
        words = (
            f"{verdict}: {figures} of {count(test.n)} test images. From bar to bar the two lie "
            f"{100 * self.error:.1f} points apart (expected calibration error)."
        )
        if self.temperature is None or self.error_at_temperature is None:
            return words
        return f"{words}\n\n{self._say_temperature(self.temperature, self.error_at_temperature)}"

    def _say_temperature(self, temperature: float, error: float) -> str:
        """Say whether temperature scaling would help."""
        how = (
            "dividing its logits, the scores behind its probabilities, by a temperature of "
            f"{temperature:.2f}, fitted on {number_of(self.n_fitted, 'validation image')}"
        )
        before = f"{100 * self.error:.1f}"
        after = f"{100 * error:.1f}"
        # Compared as shown: a gain that rounding hides is none to the reader.
        if float(after) >= float(before):
            return (
                f"Making it {_surer(temperature)} would not help: {how}, would leave them {after} "
                "points apart."
            )
        changes = "It changes how sure it is, and no answer."
        return (
            f"It could be made {_surer(temperature)}: {how}, would make that {after} points. "
            f"{changes}"
        )


def _surer(temperature: float) -> str:
    return "less sure" if temperature > 1 else "surer"
