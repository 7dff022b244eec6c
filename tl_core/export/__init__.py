"""Export of a run: model in open formats, parity check against the app, and documentation."""

from tl_core.export.checking import Figures, asked_words, busy_sentence
from tl_core.export.formats import FORMATS, USUAL, Format, choose_formats, parse_formats
from tl_core.export.package import Exported, export_run

__all__ = [
    "FORMATS",
    "USUAL",
    "Exported",
    "Figures",
    "Format",
    "asked_words",
    "busy_sentence",
    "choose_formats",
    "export_run",
    "parse_formats",
]
