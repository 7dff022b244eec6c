"""Bars of the most probable classes of an image, as HTML for the `drawing` component."""

from collections.abc import Sequence

from tl_core.text import confidence, html_text, shorten

STYLE = """<style>
.tl-bars { list-style: none; margin: 0; padding: 0; font-size: 0.875rem; }
.tl-bars li { display: grid; grid-template-columns: minmax(0, 1fr) auto;
  column-gap: 0.75rem; margin-top: 0.35rem; }
.tl-bars span { overflow-wrap: anywhere; }
.tl-bars b { font-weight: 400; font-variant-numeric: tabular-nums; }
.tl-bars li:first-child, .tl-bars li:first-child b { font-weight: 600; }
.tl-bars i { grid-column: 1 / -1; height: 0.375rem; border-radius: 0.2rem;
  background: color-mix(in srgb, currentColor 12%, transparent); }
.tl-bars i::before { content: ""; display: block; height: 100%; width: var(--share);
  border-radius: inherit; background: color-mix(in srgb, currentColor 45%, transparent); }
.tl-bars li:first-child i::before { background: var(--st-primary-color); }
</style>"""


def bars_html(top: Sequence[tuple[str, float]], true: str = "") -> str:
    """Return the list as HTML; the page needs `STYLE` once for all its lists.

    Args:
        top: (class, confidence), the most probable first. Classes are user text.
        true: true label, if it is known.
    """
    rows = "".join(_row(name, share, name == true) for name, share in top)
    return f'<ol class="tl-bars" aria-label="Most probable classes with confidence">{rows}</ol>'


def _row(name: str, share: float, is_true: bool) -> str:
    words = html_text(shorten(name, 60)) + (" (true label)" if is_true else "")
    # The bar is hidden from screen readers, which read the number beside it.
    return (
        f"<li><span>{words}</span><b>{html_text(confidence(share))}</b>"
        f'<i style="--share: {100 * share:.1f}%" aria-hidden="true"></i></li>'
    )
