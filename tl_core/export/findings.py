"""Findings of an export, collected while it is made."""

from dataclasses import dataclass

from tl_core.export.checking import Figures
from tl_core.export.receipt import Receipt


@dataclass(frozen=True, slots=True)
class Findings:
    """Findings of an export, in addition to the facts of its run."""

    figures: tuple[Figures, ...]
    receipt: Receipt | None
    left_out: tuple[str, ...]
    int8: str
    """Sentence on how the 8-bit file was made; empty where there is none."""
    training: str
    """Markdown on how to use train.py and how close it comes; empty where there is none."""
    parameters: int
    """Number of weights and biases, with the head."""
    environment: dict[str, str]
    files: tuple[str, ...]
