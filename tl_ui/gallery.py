"""Images with their classes and predictions, as HTML for `st.html` and the `picker` component."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from tl_core.text import confidence, html_text, isolated, shorten

_Image = TypeVar("_Image")
CAPTION_LENGTH = 60
"""Longest class name below an image, in characters; the alternative text has all of it."""
GALLERY_SIDE = 128
"""Minimum width of an image in a gallery, in pixels, where nothing else is asked for."""
PER_ROW = 10
"""Images in a class's row; a narrow page shows the first half of them."""

_ROW_SIDE = 128
"""Size of a row's images for the layout before they load; the columns decide it then."""
# `st.html` cannot use the theme's variables, but inherits the page's text colour.
_STYLE = """<style>
.tl-gallery { display: grid; gap: 0.75rem;
  grid-template-columns: repeat(auto-fill, minmax(var(--tl-side), 1fr)); }
.tl-gallery figure { margin: 0; min-width: 0; }
.tl-gallery img { width: 100%; height: auto; aspect-ratio: 1; object-fit: contain;
  border-radius: 0.375rem; background: color-mix(in srgb, currentColor 8%, transparent); }
.tl-gallery figcaption { font-size: 0.875rem; line-height: 1.35; margin-top: 0.25rem;
  overflow-wrap: anywhere; }
.tl-gallery b { font-weight: 600; }
.tl-gallery span { display: block; }
.tl-gallery .tl-wrong img { outline: 2px dashed #d55e00; outline-offset: -2px; }
.tl-gallery .tl-right img { outline: 2px solid #009e73; outline-offset: -2px; }
.tl-row { display: grid; grid-template-columns: minmax(0, 9rem) minmax(0, 1fr); gap: 0.75rem;
  align-items: center; margin-bottom: 0.5rem; }
.tl-row > b { font-weight: 600; overflow-wrap: anywhere; }
.tl-row .tl-gallery { grid-template-columns: repeat(var(--tl-columns), minmax(0, 1fr));
  gap: 0.5rem; }
@media (max-width: 640px) {
  .tl-row { grid-template-columns: minmax(0, 1fr); gap: 0.25rem; }
  .tl-row .tl-gallery {
    grid-template-columns: repeat(calc(var(--tl-columns) / 2), minmax(0, 1fr)); }
  .tl-row figure:nth-child(n + 6) { display: none; }
}
</style>"""


@dataclass(frozen=True, slots=True)
class GalleryItem:
    src: str
    """Address of the thumbnail, with its token."""
    true: str
    """True label. User text."""
    predicted: str | None = None
    """Predicted label. User text."""
    confidence: float | None = None
    """Probability of the predicted label, 0 to 1."""
    name: str = ""
    """File name, for the tooltip. User text."""
    href: str | None = None
    """Address of the large image, opened in a new tab."""
    pick: int | None = None
    """Number that the `picker` component reports when the image is chosen; replaces `href`."""

    @property
    def is_right(self) -> bool | None:
        if self.predicted is None:
            return None
        # After a training that diverged, confidences are NaN and the first label means nothing.
        return self.predicted == self.true and (
            self.confidence is None or math.isfinite(self.confidence)
        )


@dataclass(frozen=True, slots=True)
class ClassRow:
    name: str
    """Name of the class. User text."""
    items: Sequence[GalleryItem]
    """At most `PER_ROW` images."""


def spread(images: Sequence[_Image], n: int) -> list[_Image]:
    """Return at most `n` images at equal distances, since neighbours often look alike."""
    step = max(1.0, len(images) / n)
    return [images[int(place * step)] for place in range(min(n, len(images)))]


def class_rows_html(rows: Sequence[ClassRow], columns: int = PER_ROW) -> str:
    """Return a row of images for each class, its name before them, in columns that line up."""
    shown = "".join(
        f'<div class="tl-row"><b>{html_text(shorten(row.name, CAPTION_LENGTH))}</b>'
        f'<div class="tl-gallery" style="--tl-columns: {columns}">'
        f"{''.join(_figure(item, _ROW_SIDE, False) for item in row.items)}</div></div>"
        for row in rows
    )
    return _STYLE + shown


def gallery_html(
    items: Sequence[GalleryItem], *, side: int = GALLERY_SIDE, captions: bool = True
) -> str:
    """Return the grid; images load when they are scrolled into view.

    Args:
        side: minimum width of an image, in pixels; the grid fills the row.
        captions: False leaves only the alternative texts to name the labels.
    """
    figures = "".join(_figure(item, side, captions) for item in items)
    return f'{_STYLE}<div class="tl-gallery" style="--tl-side: {side}px">{figures}</div>'


def caption_lengths(item: GalleryItem) -> list[int]:
    """Return about how many characters each paragraph of an image's caption has."""
    true = min(len(item.true), CAPTION_LENGTH)
    if item.predicted is None:
        return [true]
    sure = len(" (96.9 %)") if item.confidence is not None else 0
    if item.is_right:
        return [len("✓ right"), true + sure]
    predicted = min(len(item.predicted), CAPTION_LENGTH)
    return [len("✗ wrong"), len("Predicted ") + predicted + sure, len("True label ") + true]


def _figure(item: GalleryItem, side: int, captions: bool) -> str:
    outline = {None: "", True: ' class="tl-right"', False: ' class="tl-wrong"'}[item.is_right]
    # The size reserves room for images that load later, so that the page does not jump.
    picture = (
        f'<img src="{html_text(item.src)}" alt="{html_text(_alt(item))}" '
        f'title="{html_text(item.name)}" width="{side}" height="{side}" loading="lazy" '
        'decoding="async">'
    )
    if item.pick is not None:
        picture = f'<button type="button" data-pick="{item.pick}">{picture}</button>'
    elif item.href is not None:
        picture = f'<a href="{html_text(item.href)}" target="_blank">{picture}</a>'
    caption = _caption(item) if captions else ""
    return f"<figure{outline}>{picture}{caption}</figure>"


def _alt(item: GalleryItem) -> str:
    true = isolated(item.true)
    if item.predicted is None:
        return f"Image of {true}"
    sure = "" if item.confidence is None else f", {confidence(item.confidence)} confident"
    verdict = "Right" if item.is_right else "Wrong"
    return f"{verdict}: image of {true}, predicted {isolated(item.predicted)}{sure}"


def _caption(item: GalleryItem) -> str:
    true = html_text(shorten(item.true, CAPTION_LENGTH))
    if item.predicted is None:
        return f"<figcaption>{true}</figcaption>"
    sure = ""
    if item.confidence is not None:
        # Number and unit stay on one line.
        sure = f" ({html_text(confidence(item.confidence)).replace(' ', '&nbsp;')})"
    # In signs and words too, for readers who cannot tell the outlines' colours apart.
    if item.is_right:
        return f"<figcaption><b>✓ right</b><span>{true}{sure}</span></figcaption>"
    predicted = html_text(shorten(item.predicted, CAPTION_LENGTH))
    return (
        f"<figcaption><b>✗ wrong</b><span>Predicted {predicted}{sure}</span>"
        f"<span>True label {true}</span></figcaption>"
    )
