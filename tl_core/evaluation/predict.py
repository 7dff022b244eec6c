"""Run a model over examples without gradients."""

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
    """What a model said about every example, in the examples' order."""

    logits: Tensor
    """[N, classes]: of a batch as the model said them, where it said them; joined float64, in main memory."""
    labels: Tensor
    """Int64 [N]."""
    positions: tuple[int, ...]
    features: tuple[Tensor, ...] = ()
    """What entered the model's head, float [B, features] by batch, on the device; none where it has no head of ours."""

    @property
    def loss(self) -> float:
        """Mean cross-entropy in nats."""
        return float(torch.nn.functional.cross_entropy(self.logits, self.labels))

    @property
    def accuracy(self) -> float:
        return float(right_answers(self.logits, self.labels).double().mean())

    def predictions(self) -> tuple[Prediction, ...]:
        """One record an example, in order of position."""
        rows = zip(
            self.positions, self.labels.tolist(), self.logits.softmax(1).tolist(), strict=True
        )
        return tuple(
            Prediction(position, label, tuple(p))
            for position, label, p in sorted(rows, key=lambda r: r[0])
        )


def right_answers(logits: Tensor, labels: Tensor) -> Tensor:
    """Of each row, bool [N], on the device: as `Prediction.is_right`, what is not a number is never right.

    The largest logit is a finite number exactly where all probabilities are.
    """
    largest, answers = logits.max(1)
    return (answers == labels) & largest.isfinite()


def join(parts: Sequence[Outputs]) -> Outputs:
    """Outputs of several batches as one, brought to main memory together."""
    return Outputs(
        torch.cat([part.logits for part in parts]).cpu().double(),
        torch.cat([part.labels for part in parts]).cpu(),
        tuple(position for part in parts for position in part.positions),
        tuple(features for part in parts for features in part.features),
    )


@torch.inference_mode()
def predict_batches(
    model: nn.Module, examples: Examples, autocast: Autocast = nullcontext
) -> Iterator[Outputs]:
    """Pass all examples through `model`, in eval mode, a batch at a time.

    On a GPU the work may still be under way: to read what a batch's outputs are is to wait for it.

    Args:
        autocast: in which all but a head of ours is computed; full precision unless it is given.
    """
    was_training, pieces = model.training, Pieces()
    model.eval()
    for batch in examples.once():
        features: tuple[Tensor, ...] = ()
        if isinstance(model, TransferModel | Rest):
            # In two steps, as a hook on the head would be lost on a model that was compiled, and rounded logits are
            # often equal.
            with autocast():
                entered = pieces.forward(model.features, batch.inputs)
            features = (_widened(entered),)
            logits = pieces.forward(model.head, features[0])
        else:
            with autocast():
                logits = _widened(pieces.forward(model, batch.inputs))
        yield Outputs(logits, batch.labels, batch.positions, features)
    model.train(was_training)


def predict(model: nn.Module, examples: Examples, autocast: Autocast = nullcontext) -> Outputs:
    """What the model says about all examples, as in `predict_batches`."""
    return join(list(predict_batches(model, examples, autocast)))


def _widened(values: Tensor) -> Tensor:
    """As float32, unless they are wider."""
    return values.to(torch.promote_types(values.dtype, torch.float32))
