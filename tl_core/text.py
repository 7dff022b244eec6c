"""Text: user text made safe to show, and numbers formatted for people."""

import html
import math
import re
import unicodedata
from collections.abc import Callable, Hashable, Iterable
from typing import TypeVar

_Item = TypeVar("_Item")
# Without tab, line feed and carriage return, which text may hold; with marks that turn the
# direction, and with lone surrogates, which cannot be encoded.
_CONTROLS = "\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff"
_ENDS = "\n\r\u2029"
"""Characters that end a paragraph, and with it an isolate (Unicode Annex 9, rule P1)."""
_ISOLATE = re.compile(f"\u2068([^{_CONTROLS}{_ENDS}]*)\u2069")
_CONTROL = re.compile(f"{_ISOLATE.pattern}|[{_CONTROLS}]")
_PARAGRAPH = re.compile(f"[^{_ENDS}]+")
_DIGITS = re.compile("([0-9]+)")
_ISOLATE_MARKS = re.compile("[\u2068\u2069]")
_RIGHT_TO_LEFT = {"R", "AL", "AN"}
_LINE_BREAKS = str.maketrans(
    {"\n": "␊", "\r": "␍", "\t": "␉", "\u2028": "\ufffd", "\u2029": "\ufffd"}
)
# Absolute paths up to their last part. In quotes they may hold spaces; an address of the web begins
# with a word, and so is none.
_FOLDERS = re.compile(
    r"""(?P<quote>['"])(?:[A-Za-z]:)?[\\/](?:\\.|(?!(?P=quote)).)*[\\/]"""
    r"""|(?<![^\s(\[=,;`])(?:[A-Za-z]:)?[\\/]+(?:[^\s\\/'"]+[\\/]+)+"""
)
# No line is broken at this space, so that numbers stay whole.
_THIN_SPACE = "\u202f"


def visible(text: str) -> str:
    """Show control characters, and marks that turn the direction of the text around them, as �.

    Isolates as `isolated` makes them turn nothing around them and stay.
    """
    return _CONTROL.sub(_show_control, text)


def _show_control(found: re.Match[str]) -> str:
    inside = found[1]
    if inside is None:
        return "\ufffd"
    return found[0] if _reads_from_the_right(inside) else f"\ufffd{inside}\ufffd"


def isolated(text: str) -> str:
    """Wrap user text that reads from right to left, so that the words around it keep their order.

    Other text is only made `visible`. Every paragraph is wrapped by itself. Isolating again, also
    within a sentence that holds isolated text, changes nothing.
    """
    return _PARAGRAPH.sub(_isolate_paragraph, visible(text))


def _isolate_paragraph(found: re.Match[str]) -> str:
    paragraph = found[0]
    outside = _ISOLATE.sub("", paragraph)
    if not _reads_from_the_right(outside):
        return paragraph
    # Inner marks go, so that isolating twice gives the same text.
    return f"\u2068{_ISOLATE_MARKS.sub('', paragraph)}\u2069"


def _reads_from_the_right(text: str) -> bool:
    """Return True if any character has a right-to-left direction."""
    # ASCII has no right-to-left letters, and this check is far faster than the next.
    if text.isascii():
        return False
    return any(unicodedata.bidirectional(letter) in _RIGHT_TO_LEFT for letter in text)


def one_line(text: str) -> str:
    """Make text `visible`, and show line breaks and tabs as marks, too."""
    return visible(text).translate(_LINE_BREAKS)


def without_folders(words: str) -> str:
    """Return the words of an error with the last part of each absolute path, such as a file's name.

    Visitors have no business knowing where a server keeps its files.
    """
    return _FOLDERS.sub(lambda found: found["quote"] or "", words)


def html_text(text: str) -> str:
    """Escape user text for HTML, also inside a quoted attribute."""
    return html.escape(isolated(text), quote=True)


def plotly_text(text: str) -> str:
    """Escape user text for Plotly, which renders a few HTML tags."""
    return html.escape(isolated(text), quote=False)


def shorten(text: str, length: int = 120) -> str:
    """Cut `text` to `length` characters; the last is an ellipsis if it was cut."""
    return text if len(text) <= length else text[: length - 1].rstrip() + "…"


def natural_key(text: str) -> tuple[tuple[str | int, ...], str]:
    """Return a key that sorts numbers in names by value: 2 before 10, img2 before img10."""
    pieces: list[str | int] = []
    # Texts and digits alternate and begin with a text, so that no text meets a number.
    for place, piece in enumerate(_DIGITS.split(text)):
        if place % 2 == 0:
            pieces.append(piece)
        else:
            # Compared by length, then as text: Python refuses to read very long numbers.
            digits = piece.lstrip("0")
            pieces += [len(digits), digits]
    # The text itself decides between equal numbers, such as 1 and 01.
    return tuple(pieces), text


def rarest_first(items: Iterable[_Item], *, by: Callable[[_Item], Hashable]) -> list[_Item]:
    """Return the items in groups of equal `by`, the smallest group first.

    A list of which only the beginning is seen then shows every kind of item as soon as it can.
    """
    groups: dict[Hashable, list[_Item]] = {}
    for item in items:
        groups.setdefault(by(item), []).append(item)
    return [item for group in sorted(groups.values(), key=len) for item in group]


def percent(fraction: float) -> str:
    """Format `0.861` as `86.1 %`."""
    return f"{100 * fraction:.1f} %" if math.isfinite(fraction) else "not a number"


def confidence(probability: float) -> str:
    """Format a probability as a percentage that never rounds to 0 or 100 %: `> 99.9 %`."""
    if not math.isfinite(probability):
        return "not a number"
    if 0.9995 <= probability < 1:
        return "> 99.9 %"
    return "< 0.1 %" if 0 < probability < 0.0005 else percent(probability)


def count(n: int) -> str:
    """Format `12345` as `12 345`; four digits stay together."""
    return f"{n:,}".replace(",", _THIN_SPACE) if n >= 10_000 else str(n)


def number_of(n: int, one: str, many: str | None = None) -> str:
    """Format a number with its noun: `1 image`, `2 images`."""
    return f"{count(n)} {one if n == 1 else many or one + 's'}"


def share(part: int, whole: int) -> str:
    """Format a share of a total: `327 of 380`."""
    return f"{count(part)} of {count(whole)}"


def size(n_bytes: float) -> str:
    """Format bytes as `12.3 MB`, in powers of ten as file managers do."""
    if n_bytes < 1000:
        return f"{n_bytes:.0f} bytes"
    for unit, factor in (("kB", 1e3), ("MB", 1e6)):
        # What would be rounded to 1000.0 takes the next unit.
        if n_bytes < 999.95 * factor:
            return f"{n_bytes / factor:.1f} {unit}"
    return f"{n_bytes / 1e9:.1f} GB"


def duration(seconds: float) -> str:
    """Format a measured duration: `12 s`, `3 min 20 s`, `2 h 5 min`."""
    whole = round(seconds)
    if whole < 60:
        return f"{seconds:.1f} s" if seconds < 9.95 else f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def between(low: float, high: float) -> str:
    """Format a range of durations, rounded outwards: `30 seconds to 2 minutes`."""
    first, unit = _rounded_duration(low, math.floor)
    last, last_unit = _rounded_duration(high, math.ceil)
    if (first, unit) == (last, last_unit):
        return f"about {_with_unit(last, unit)}"
    start = str(first) if unit == last_unit else _with_unit(first, unit)
    return f"{start} to {_with_unit(last, last_unit)}"


def _rounded_duration(seconds: float, to_whole: Callable[[float], int]) -> tuple[int, str]:
    """Round to a number of seconds, minutes or hours that has about one digit."""
    if seconds < 10:
        return max(1, to_whole(seconds)), "second"
    if seconds <= 55:
        return 5 * to_whole(seconds / 5), "second"
    if seconds <= 55 * 60:
        return max(1, to_whole(seconds / 60)), "minute"
    return max(1, to_whole(seconds / 3600)), "hour"


def _with_unit(n: int, unit: str) -> str:
    return f"{n} {unit}{'s' * (n != 1)}"


def about(seconds: float) -> str:
    """Format an expected duration, no finer than an estimate allows: `about 2 minutes`."""
    if seconds < 10:
        return "a few seconds"
    # From here on the number would be rounded to 60 seconds, which is a minute.
    if seconds < 55:
        return f"about {round(seconds / 10) * 10} seconds"
    if seconds < 55 * 60:
        minutes = max(1, round(seconds / 60))
        return f"about {minutes} minute{'s' * (minutes > 1)}"
    hours = max(1, round(seconds / 3600))
    return f"about {hours} hour{'s' * (hours > 1)}"
