"""Link that downloads a small text, which the page itself holds.

`st.download_button` puts the file under an address of the server at which everyone who is told it
finds it, whoever it belongs to.
"""

import base64

from tl_core.text import html_text
from tl_ui.components.drawing import drawing

_STYLE = """<style>
.tl-download { display: inline-block; padding: 0.25rem 0.75rem; border-radius: 0.5rem;
  border: 1px solid var(--st-border-color); color: inherit; text-decoration: none;
  line-height: 1.6; }
.tl-download:hover, .tl-download:focus-visible { border-color: var(--st-primary-color);
  color: var(--st-link-color); }
</style>"""


def download_link(label: str, content: str, name: str, *, key: str) -> None:
    """Draw the link.

    Args:
        label: plain text.
        name: of the file that the browser saves, with its suffix.
        key: unique on the page.
    """
    data = base64.b64encode(content.encode(errors="replace")).decode()
    drawing(
        f'{_STYLE}<a class="tl-download" download="{html_text(name)}" '
        f'href="data:text/csv;charset=utf-8;base64,{data}">⤓ {html_text(label)}</a>',
        key=key,
    )
