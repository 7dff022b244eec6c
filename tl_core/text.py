"""User text made harmless, and numbers made readable."""

import html
import math
import re
import unicodedata

_CONTROLS = "\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff"
_ISOLATE = re.compile(f"\u2068[^{_CONTROLS}]*\u2069")
_CONTROL = re.compile(f"({_ISOLATE.pattern})|[{_CONTROLS}]")
_MARKS = re.compile("[\u2068\u2069]")
_THIN_SPACE = "\u202f"


def visible(text: str) -> str:
    """Control characters, and marks that turn the direction of the text around them, shown as �.

    An isolate that is closed again, as `isolated` makes them, turns nothing around it and stays.
    """
    return _CONTROL.sub(lambda found: found[1] or "\ufffd", text)


def isolated(text: str) -> str:
    """User text within a sentence: what reads from right to left leaves the order of the words around it alone.

    Other text is only made `visible`. Done again to a sentence that holds isolated text, it changes nothing.
    """
    shown = visible(text)
    bare = _ISOLATE.sub("", shown)
    is_turning = not bare.isascii() and any(
        unicodedata.bidirectional(letter) in ("R", "AL", "AN") for letter in bare
    )
    return f"\u2068{_MARKS.sub('', shown)}\u2069" if is_turning else shown


def html_text(text: str) -> str:
    """User text for HTML, also inside a quoted attribute."""
    return html.escape(isolated(text), quote=True)


def plotly_text(text: str) -> str:
    """User text for Plotly, which renders a handful of HTML tags."""
    return html.escape(isolated(text), quote=False)


def shorten(text: str, length: int) -> str:
    """At most `length` characters, the last an ellipsis where some were left out."""
    return text if len(text) <= length else text[: length - 1].rstrip() + "…"


def percent(fraction: float) -> str:
    """`0.861` as `86.1 %`."""
    return f"{100 * fraction:.1f} %" if math.isfinite(fraction) else "not a number"


def confidence(probability: float) -> str:
    """A percentage that says 0 or 100 only where it is: `> 99.9 %`."""
    if not math.isfinite(probability):
        return "not a number"
    if 0.9995 <= probability < 1:
        return "> 99.9 %"
    return "< 0.1 %" if 0 < probability < 0.0005 else percent(probability)


def count(n: int) -> str:
    """`12345` as `12 345`; four digits stay together."""
    return f"{n:,}".replace(",", _THIN_SPACE) if n >= 10_000 else str(n)


def number_of(n: int, one: str, many: str | None = None) -> str:
    """`1 image`, `2 images`."""
    return f"{count(n)} {one if n == 1 else many or one + 's'}"


def share(part: int, whole: int) -> str:
    """`327 of 380`."""
    return f"{count(part)} of {count(whole)}"


def size(n_bytes: float) -> str:
    """`12.3 MB`, in powers of ten as file managers show them."""
    if n_bytes < 1000:
        return f"{n_bytes:.0f} bytes"
    for unit, factor in (("kB", 1e3), ("MB", 1e6)):
        if n_bytes < 999.95 * factor:
            return f"{n_bytes / factor:.1f} {unit}"
    return f"{n_bytes / 1e9:.1f} GB"


def duration(seconds: float) -> str:
    """`12 s`, `3 min 20 s`, `2 h 5 min`: what was measured."""
    whole = round(seconds)
    if whole < 60:
        return f"{seconds:.1f} s" if seconds < 9.95 else f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def about(seconds: float) -> str:
    """`about 2 minutes`: what is expected, no finer than can be known."""
    if seconds < 10:
        return "a few seconds"
    if seconds < 55:
        return f"about {round(seconds / 10) * 10} seconds"
    if seconds < 55 * 60:
        minutes = max(1, round(seconds / 60))
        return f"about {minutes} minute{'s' * (minutes > 1)}"
    hours = max(1, round(seconds / 3600))
    return f"about {hours} hour{'s' * (hours > 1)}"
