"""Whether a model is as sure as it is right, in figures and in words."""

from dataclasses import dataclass

from tl_core.evaluation.scores import Judgement
from tl_core.text import confidence, count, number_of, percent

_TOO_WIDE = 30
"""Points from end to end of the accuracy's interval in which any confidence would lie."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """Of the test set, as the model is and at the temperature that suits the validation set."""

    confidence: float
    """Mean over the answers."""
    error: float
    """Expected calibration error, a share."""
    temperature: float | None
    """None where it cannot be fitted: no mistake on validation, or its answers of the best epoch were not kept."""
    n_fitted: int
    """Validation images that the temperature was fitted on."""
    error_at_temperature: float | None

    def say(self, test: Judgement) -> str:
        """In sentences, the second about the temperature; in paragraphs. No user text.

        Args:
            test: of the same images.
        """
        gap = 100 * (self.confidence - test.accuracy.value)
        low, high = 100 * test.accuracy.low, 100 * test.accuracy.high
        figures = f"its confidence is {confidence(self.confidence)} on average, and it is right on "
        figures += percent(test.accuracy.value)
        if low <= 100 * self.confidence <= high and high - low > _TOO_WIDE:
            return (
                f"{number_of(test.n, 'test image')} {'is' if test.n == 1 else 'are'} too few to say whether it is as "
                f"sure as it is right: {figures}, which on others could be anything from {low:.0f} to {high:.0f} %."
            )
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
        """Whether it would help to make the model less sure, or surer, of all its answers."""
        how = (
            "dividing its logits, the scores behind its probabilities, by a temperature of "
            f"{temperature:.2f}, fitted on {number_of(self.n_fitted, 'validation image')}"
        )
        before, after = f"{100 * self.error:.1f}", f"{100 * error:.1f}"
        if float(after) >= float(before):
            return f"Making it {_surer(temperature)} would not help: {how}, would leave them {after} points apart."
        changes = "It changes how sure it is, and no answer."
        return f"It could be made {_surer(temperature)}: {how}, would make that {after} points. {changes}"


def _surer(temperature: float) -> str:
    return "less sure" if temperature > 1 else "surer"
