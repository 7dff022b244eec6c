"""Facts about an export, collected while it is made."""

from dataclasses import dataclass

from tl_core.export.checking import Figures
from tl_core.export.receipt import Receipt


@dataclass(frozen=True, slots=True)
class Findings:
    """Facts about an export that the run itself does not record."""

    figures: tuple[Figures, ...]
    receipt: Receipt | None
    left_out: tuple[str, ...]
    """Sentences on files that are missing, with the reason."""
    int8: str
    """Sentence on how the 8-bit file was quantised; empty without such a file."""
    training: str
    """Markdown on how to use train.py and how exact it is; empty without train.py."""
    parameters: int
    """Number of weights and biases, including the head."""
    environment: dict[str, str]
    files: tuple[str, ...]
    """Names of the files in the top folder."""
