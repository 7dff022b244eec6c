"""Which tensors of a file belong where in a library's network, and what to say about those that do not."""

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
"""Other images, or another image size, change the shape of a layer or two; more is another architecture."""
_AUXILIARY = ("AuxLogits.", "aux1.", "aux2.")
"""Second classifiers of Inception and GoogLeNet, for training from scratch."""


@dataclass(frozen=True, slots=True)
class WeightsReport:
    """Which tensors of a backbone came out of a file, and which did not. All names are the library's or the file's."""

    source: str
    fitted: int
    """Tensors of the backbone that were filled."""
    missing: tuple[str, ...] = ()
    """Not in the file."""
    unexpected: tuple[str, ...] = ()
    """In the file, but not in the backbone."""
    misshapen: tuple[str, ...] = ()
    """In both, but of another shape or kind."""
    adapted: tuple[str, ...] = ()
    """Fitted after resampling to the image size."""

    @property
    def sentence(self) -> str:
        """For the person who started the run."""
        lost = self.missing + self.misshapen
        total = self.fitted + len(lost)
        if lost:
            do = "did not and starts" if len(lost) == 1 else "did not and start"
            said = f"{self.fitted} of {total} tensors fitted from {self.source}; {len(lost)} {do} at random: "
            said += f"{name_some(lost)}."
        else:
            said = f"All {total} tensors of the backbone come from {self.source}."
        if self.adapted:
            said += f" Resampled to the image size: {name_some(self.adapted)}."
        if self.unexpected:
            said += f" Not used from the file: {name_some(self.unexpected)}."
        return said


@dataclass(frozen=True, slots=True)
class Match:
    """What would be loaded, and what is wrong with the rest."""

    fitting: dict[str, Tensor]
    """By the library's names."""
    report: WeightsReport
    misshapen: tuple[str, ...]
    """In words: the shape that is and the one that should be."""
    share: float
    """Of the backbone's parameters that would be filled, 0..1."""
    clashing: float
    """Of the backbone's parameters that have another shape in the file, 0..1."""


def match_tensors(
    backbone: Backbone, model: nn.Module, given: Mapping[str, Tensor], source: str
) -> Match:
    """Find the backbone's tensors in `given`, whatever stands before their names.

    Args:
        model: the library's, with its classifier, which is left out; may be on the meta device, like `given`.
        given: as `read_tensors` gives them.
        source: where they are from, for the report.
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
        if best.report.missing or best.report.misshapen:
            other = _compare(wanted, attempt(translate, model, inside), inside)
            best = max(best, other, key=lambda match: match.share)
    unexpected = best.report.unexpected + outside
    return replace(best, report=replace(best.report, source=source, unexpected=unexpected))


def load_matched(model: nn.Module, match: Match) -> None:
    """Copy the fitting tensors into the model.

    Not with `load_state_dict`: some networks rebuild layers there when the file does not say its version.
    """
    own = model.state_dict()
    with torch.no_grad():
        for name, tensor in match.fitting.items():
            own[name].copy_(tensor)


def refuse_unless_complete(backbone: Backbone, match: Match) -> None:
    """For a file that claims to hold this very backbone.

    Raises:
        WeightsMismatch: something is missing, unknown or misshapen.
    """
    if faults := _faults(match):
        raise WeightsMismatch(
            f"The weights in {match.report.source} do not fit {backbone.name}: {faults}. "
            "Use a file saved from this very architecture."
        )


def refuse_unless_usable(backbone: Backbone, match: Match) -> None:
    """For a file that someone chose.

    Raises:
        WeightsMismatch: it would fill less than half of the backbone's parameters, or is of another architecture.
    """
    if match.share < _USABLE_SHARE or match.clashing > _CLASHING_SHARE:
        report = match.report
        total = report.fitted + len(report.missing) + len(report.misshapen)
        raise WeightsMismatch(
            f"The weights in {report.source} do not fit {backbone.name}: they fill only {report.fitted} of its {total} "
            f"tensors, {match.share:.0%} of its parameters; {_faults(match)}. "
            "Choose the backbone that they were saved from, or other weights."
        )


def name_some(names: tuple[str, ...]) -> str:
    """The first few names, and how many more there are."""
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
    """What a backbone needs, its classifier left out."""

    backbone: Backbone
    tensors: Mapping[str, Tensor]
    parameters: frozenset[str]
    """Which of the tensors are learned."""


def _compare(wanted: _Wanted, given: Mapping[str, Tensor], in_file: Mapping[str, Tensor]) -> Match:
    """`given` is what is in the file, perhaps translated."""
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
        and tensor.is_floating_point() == expected.is_floating_point()
    )


def _counts(name: str) -> bool:
    """BatchNorm's counter is a tensor, but old files lack it and nothing depends on it."""
    return not name.endswith("num_batches_tracked")


def _is_left_out(backbone: Backbone, name: str) -> bool:
    return name.startswith((backbone.classifier + ".", *_AUXILIARY))


def _shape(tensor: Tensor) -> str:
    return " × ".join(map(str, tensor.shape)) or "a single number"
