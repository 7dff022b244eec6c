"""A grid of pictures with what the model said to each, as HTML for `st.html` and the `picker` component."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from tl_core.text import confidence, html_text, isolated, shorten

CAPTION_LENGTH = 60
"""Characters of a class name below a picture; the alternative text has all of it."""

# `st.html` knows nothing of the theme's variables, but inherits the page's text colour.
_STYLE = """<style>
.tl-gallery { display: grid; grid-template-columns: repeat(auto-fill, minmax(var(--tl-side), 1fr)); gap: 0.75rem; }
.tl-gallery figure { margin: 0; min-width: 0; }
.tl-gallery img { width: 100%; height: auto; aspect-ratio: 1; object-fit: contain; border-radius: 0.375rem;
  background: color-mix(in srgb, currentColor 8%, transparent); }
.tl-gallery figcaption { font-size: 0.875rem; line-height: 1.35; margin-top: 0.25rem; overflow-wrap: anywhere; }
.tl-gallery b { font-weight: 600; }
.tl-gallery span { display: block; }
.tl-gallery .tl-wrong img { outline: 2px dashed #d55e00; outline-offset: -2px; }
.tl-gallery .tl-right img { outline: 2px solid #009e73; outline-offset: -2px; }
</style>"""


@dataclass(frozen=True, slots=True)
class GalleryItem:
    src: str
    """Of the thumbnail route, with its token."""
    true: str
    """The class it is of. User text."""
    predicted: str | None = None
    """The class the model answered. User text."""
    confidence: float | None = None
    """In that answer, 0 to 1."""
    name: str = ""
    """Of the file, for the tooltip. User text."""
    href: str | None = None
    """Of the large picture, opened in a new tab."""
    pick: int | None = None
    """Instead: what the `picker` component tells when the picture is chosen."""

    @property
    def is_right(self) -> bool | None:
        if self.predicted is None:
            return None
        return self.predicted == self.true and (
            self.confidence is None or math.isfinite(self.confidence)
        )


def gallery_html(items: Sequence[GalleryItem], *, side: int = 128, captions: bool = True) -> str:
    """The grid; pictures load as they are scrolled to.

    Args:
        side: least width of a picture in pixels; the grid fills the row.
        captions: without them, only the alternative texts say what a picture is.
    """
    figures = "".join(_figure(item, side, captions) for item in items)
    return f'{_STYLE}<div class="tl-gallery" style="--tl-side: {side}px">{figures}</div>'


def _figure(item: GalleryItem, side: int, captions: bool) -> str:
    verdict = {None: "", True: ' class="tl-right"', False: ' class="tl-wrong"'}[item.is_right]
    picture = (
        f'<img src="{html_text(item.src)}" alt="{html_text(_alt(item))}" title="{html_text(item.name)}" '
        f'width="{side}" height="{side}" loading="lazy" decoding="async">'
    )
    if item.pick is not None:
        picture = f'<button type="button" data-pick="{item.pick}">{picture}</button>'
    elif item.href is not None:
        picture = f'<a href="{html_text(item.href)}" target="_blank">{picture}</a>'
    return f"<figure{verdict}>{picture}{_caption(item) if captions else ''}</figure>"


def _alt(item: GalleryItem) -> str:
    true = isolated(item.true)
    if item.predicted is None:
        return f"Image of {true}"
    sure = "" if item.confidence is None else f", {confidence(item.confidence)} confident"
    return f"{'Right' if item.is_right else 'Wrong'}: image of {true}, answered {isolated(item.predicted)}{sure}"


def _caption(item: GalleryItem) -> str:
    true = html_text(shorten(item.true, CAPTION_LENGTH))
    if item.predicted is None:
        return f"<figcaption>{true}</figcaption>"
    sure = (
        ""
        if item.confidence is None
        else f" ({html_text(confidence(item.confidence)).replace(' ', '&nbsp;')})"
    )
    if item.is_right:
        return f"<figcaption><b>✓ right</b><span>{true}{sure}</span></figcaption>"
    return (
        f"<figcaption><b>✗ wrong</b><span>Answered {html_text(shorten(item.predicted, CAPTION_LENGTH))}{sure}</span>"
        f"<span>Really {true}</span></figcaption>"
    )
