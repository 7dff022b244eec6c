"""Matching of a file's tensors to a network, and the report on those that do not fit."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from tl_core.backbones.catalog import Backbone
from tl_core.backbones.weights_translate import TRANSLATIONS, attempt, current_name, strip_prefix
from tl_core.errors import WeightsMismatch

_NAMED_AT_MOST = 4
_USABLE_SHARE = 0.5
_CLASHING_SHARE = 0.1
"""Largest share of parameters with other shapes; more means another architecture."""
_AUXILIARY = ("AuxLogits.", "aux1.", "aux2.")
"""Auxiliary classifiers of Inception and GoogLeNet, for training from scratch."""


@dataclass(frozen=True, slots=True)
class WeightsReport:
    """Tensors of a backbone that a file provided, and those that it did not."""

    source: str
    fitted: int
    """Number of the backbone's tensors that were loaded."""
    missing: tuple[str, ...] = ()
    """Tensors of the backbone that are not in the file."""
    unexpected: tuple[str, ...] = ()
    """Tensors of the file that are not in the backbone."""
    misshapen: tuple[str, ...] = ()
    """Tensors that have another shape or kind in the file."""
    adapted: tuple[str, ...] = ()
    """Tensors that were resampled to the image size."""

    @property
    def sentence(self) -> str:
        """Report in words, for the person who started the run."""
        lost = self.missing + self.misshapen
        total = self.fitted + len(lost)
        if lost:
            do = "did not and starts" if len(lost) == 1 else "did not and start"
            said = (
                f"{self.fitted} of {total} tensors fitted from {self.source}; "
                f"{len(lost)} {do} at random: {name_some(lost)}."
            )
        else:
            said = f"All {total} tensors of the backbone come from {self.source}."
        if self.adapted:
            said += f" Resampled to the image size: {name_some(self.adapted)}."
        if self.unexpected:
            said += f" Not used from the file: {name_some(self.unexpected)}."
        return said


@dataclass(frozen=True, slots=True)
class Match:
    """Tensors to load, and what is wrong with the rest."""

    fitting: dict[str, Tensor]
    """Tensors by the library's names."""
    report: WeightsReport
    misshapen: tuple[str, ...]
    """Sentences with the shape in the file and the shape that is needed."""
    share: float
    """Share of the backbone's parameters that would be loaded, 0 to 1."""
    clashing: float
    """Share of the backbone's parameters that have another shape in the file, 0 to 1."""


def match_tensors(
    backbone: Backbone, model: nn.Module, given: Mapping[str, Tensor], source: str
) -> Match:
    """Find the backbone's tensors in `given`, under any prefix.

    Args:
        model: the library's network with its classifier, which is ignored; may be on meta.
        given: tensors from `read_tensors`; may be on meta.
        source: origin of the tensors, for the report.
    """
    expected = {
        name: tensor
        for name, tensor in model.state_dict().items()
        if not _is_left_out(backbone, name)
    }
    inside, outside = strip_prefix(
        {current_name(name): tensor for name, tensor in given.items()}, expected
    )
    wanted = _Wanted(backbone, expected, frozenset(name for name, _ in model.named_parameters()))
    best = _compare(wanted, inside, inside)
    for translate in TRANSLATIONS:
        # A file that fits needs no translation, which could misread it.
        if best.report.missing or best.report.misshapen:
            other = _compare(wanted, attempt(translate, model, inside), inside)
            # Of equals `max` keeps the first, so that a translation has to gain something.
            best = max(best, other, key=lambda match: match.share)
    unexpected = best.report.unexpected + outside
    return replace(best, report=replace(best.report, source=source, unexpected=unexpected))


def load_matched(model: nn.Module, match: Match) -> None:
    """Copy the fitting tensors into the model.

    Some networks rebuild layers in `load_state_dict` if the file has no version, so it is avoided.
    """
    own = model.state_dict()
    with torch.no_grad():
        for name, tensor in match.fitting.items():
            own[name].copy_(tensor)


def refuse_unless_complete(backbone: Backbone, match: Match) -> None:
    """Refuse a file of this very backbone that does not fit completely.

    Raises:
        WeightsMismatch: something is missing, unknown or misshapen.
    """
    if faults := _faults(match):
        raise WeightsMismatch(
            f"The weights in {match.report.source} do not fit {backbone.name}: {faults}. "
            "Use a file saved from this very architecture."
        )


def refuse_unless_usable(backbone: Backbone, match: Match) -> None:
    """Refuse a chosen file that fits poorly.

    Raises:
        WeightsMismatch: it fills less than half of the parameters, or is another architecture.
    """
    if match.share < _USABLE_SHARE or match.clashing > _CLASHING_SHARE:
        report = match.report
        total = report.fitted + len(report.missing) + len(report.misshapen)
        raise WeightsMismatch(
            f"The weights in {report.source} do not fit {backbone.name}: they fill only "
            f"{report.fitted} of its {total} tensors, {100 * match.share:.0f} % of its parameters; "
            f"{_faults(match)}. Choose the backbone that they were saved from, or other weights."
        )


def name_some(names: tuple[str, ...]) -> str:
    """Join the first few names, and say how many more there are."""
    more = len(names) - _NAMED_AT_MOST
    return ", ".join(names[:_NAMED_AT_MOST]) + (f" and {more} more" if more > 0 else "")


def _faults(match: Match) -> str:
    report = match.report
    kinds = (
        ("it lacks ", report.missing),
        ("it has the unknown ", report.unexpected),
        ("", match.misshapen),
    )
    return "; ".join(what + name_some(names) for what, names in kinds if names)


@dataclass(frozen=True, slots=True)
class _Wanted:
    """Tensors that a backbone needs, without its classifier."""

    backbone: Backbone
    tensors: Mapping[str, Tensor]
    parameters: frozenset[str]
    """Names of the tensors that are learned."""


def _compare(wanted: _Wanted, given: Mapping[str, Tensor], in_file: Mapping[str, Tensor]) -> Match:
    """Compare `given`, the tensors of the file, perhaps translated, with the wanted ones."""
    expected = wanted.tensors
    fitting = {
        name: given[name]
        for name in expected
        if name in given and _fits(given[name], expected[name])
    }
    misshapen = tuple(
        name for name in expected if name in given and name not in fitting and _counts(name)
    )
    changed = (
        name for name in fitting if name in in_file and in_file[name].shape != fitting[name].shape
    )
    unexpected = (
        name for name in given if name not in expected and not _is_left_out(wanted.backbone, name)
    )
    sizes = {name: expected[name].numel() for name in expected if name in wanted.parameters}
    report = WeightsReport(
        source="",
        fitted=sum(map(_counts, fitting)),
        missing=tuple(name for name in expected if name not in given and _counts(name)),
        unexpected=tuple(unexpected),
        misshapen=misshapen,
        adapted=tuple(changed),
    )
    in_words = tuple(
        f"{name} is {_shape(given[name])}, not {_shape(expected[name])}" for name in misshapen
    )
    whole = max(1, sum(sizes.values()))
    share = sum(size for name, size in sizes.items() if name in fitting) / whole
    clashing = sum(size for name, size in sizes.items() if name in misshapen) / whole
    return Match(fitting, report, in_words, share, clashing)


def _fits(tensor: Tensor, expected: Tensor) -> bool:
    return (
        tensor.shape == expected.shape
        # `copy_` would turn integers into floats, or floats into integers, without a word.
        and tensor.is_floating_point() == expected.is_floating_point()
    )


def _counts(name: str) -> bool:
    """Return False for BatchNorm's counter: old files lack it, and nothing depends on it."""
    return not name.endswith("num_batches_tracked")


def _is_left_out(backbone: Backbone, name: str) -> bool:
    return name.startswith((backbone.classifier + ".", *_AUXILIARY))


def _shape(tensor: Tensor) -> str:
    return " × ".join(map(str, tensor.shape)) or "a single number"
