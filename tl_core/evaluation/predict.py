"""Prediction: a model applied to examples without gradients."""

from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from tl_core.backbones import Rest, TransferModel
from tl_core.features.examples import Examples
from tl_core.features.microbatches import Pieces
from tl_core.features.prefix import Autocast
from tl_core.records import Prediction


@dataclass(frozen=True, slots=True)
class Outputs:
    """Outputs of a model for every example, in the examples' order."""

    logits: Tensor
    """Logits [N, classes]: of a batch on its device; joined in float64 in main memory."""
    labels: Tensor
    """True labels, int64 [N]."""
    positions: tuple[int, ...]
    features: tuple[Tensor, ...] = ()
    """Inputs of the head by batch, float [B, features], on the device; may be empty."""

    @property
    def loss(self) -> float:
        """Mean cross-entropy in nats."""
        return float(torch.nn.functional.cross_entropy(self.logits, self.labels))

    @property
    def accuracy(self) -> float:
        return float(right_answers(self.logits, self.labels).double().mean())

    def predictions(self) -> tuple[Prediction, ...]:
        """Return one record per example, in order of position."""
        probabilities = self.logits.softmax(1).tolist()
        rows = sorted(zip(self.positions, self.labels.tolist(), probabilities, strict=True))
        return tuple(Prediction(position, label, tuple(p)) for position, label, p in rows)


def right_answers(logits: Tensor, labels: Tensor) -> Tensor:
    """Return which rows are right, bool [N], on the device; NaN is never right.

    The largest logit is finite exactly if all probabilities are.
    """
    largest, predicted = logits.max(1)
    return (predicted == labels) & largest.isfinite()


def join(parts: Sequence[Outputs]) -> Outputs:
    """Join the outputs of several batches in main memory."""
    return Outputs(
        # In float64, so that probabilities close to 1 stay distinct.
        torch.cat([part.logits for part in parts]).cpu().double(),
        torch.cat([part.labels for part in parts]).cpu(),
        tuple(position for part in parts for position in part.positions),
        tuple(features for part in parts for features in part.features),
    )


# PyTorch leaves the mode at each yield, so that the caller's own code runs as usual.
@torch.inference_mode()
def predict_batches(
    model: nn.Module, examples: Examples, autocast: Autocast = nullcontext
) -> Iterator[Outputs]:
    """Pass all examples through `model` in eval mode, batch by batch.

    On a GPU outputs may still be computed when they are yielded; reading them waits.

    Args:
        autocast: precision of all but the head; full precision by default.
    """
    was_training = model.training
    pieces = Pieces()
    model.eval()
    for batch in examples.once():
        features: tuple[Tensor, ...] = ()
        if isinstance(model, TransferModel | Rest):
            # The head is computed apart in float32, since rounded logits are often equal. A hook
            # on the head would be lost on a compiled model.
            with autocast():
                rounded = pieces.forward(model.features, batch.inputs)
            features = (_widened(rounded),)
            logits = pieces.forward(model.head, features[0])
        else:
            with autocast():
                logits = _widened(pieces.forward(model, batch.inputs))
        yield Outputs(logits, batch.labels, batch.positions, features)
    model.train(was_training)


def predict(model: nn.Module, examples: Examples, autocast: Autocast = nullcontext) -> Outputs:
    """Compute the outputs for all examples; see `predict_batches`."""
    return join(list(predict_batches(model, examples, autocast)))


def _widened(values: Tensor) -> Tensor:
    """Convert to float32, unless the values are wider."""
    return values.to(torch.promote_types(values.dtype, torch.float32))
