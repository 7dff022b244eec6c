"""Findings of the doctor: what is wrong, in a sentence, and how it can be repaired."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    check: str
    """Name of what was checked, such as "rights" or "images"; programs may rely on it."""
    subject: str
    """Path below the home folder, or the id of a record."""
    sentence: str
    """Sentences on what is wrong; may hold user text."""
    advice: str
    """Sentence on what repairing does, or on what a person can do."""
    repair: Callable[[], None] | None = None
    """Function that repairs it; None where a person has to decide."""


@dataclass(frozen=True, slots=True)
class Examined:
    """Finding, and what became of it."""

    finding: Finding
    is_repaired: bool = False
    failure: str = ""
    """Reason why it could not be repaired."""
