"""What an export found out while it was made."""

from dataclasses import dataclass

from tl_core.export.checking import Figures
from tl_core.export.receipt import Receipt


@dataclass(frozen=True, slots=True)
class Facts:
    """What the export found out, beside what the run knows."""

    figures: tuple[Figures, ...]
    receipt: Receipt | None
    left_out: tuple[str, ...]
    int8: str
    """How the 8-bit file was made; empty where there is none."""
    training: str
    """How close train.py comes; empty where there is none."""
    parameters: int
    """Of the network with its head."""
    environment: dict[str, str]
    files: tuple[str, ...]
