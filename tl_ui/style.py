"""The few looks that Streamlit's theme cannot say. Everything else is in .streamlit/config.toml."""

import streamlit as st

_STYLE = """<style>
/* The one filled button of a page may be a link, so that the browser's Back works. */
[class*="st-key-next"] a[data-testid="stPageLink-NavLink"] {
  background: #6d3fc0; padding: 0.5rem 1rem; border-radius: 0.5rem; width: fit-content; }
[class*="st-key-next"] a[data-testid="stPageLink-NavLink"] * { color: #fff; font-weight: 600; }
/* The navigation is slim: the page may begin sooner. */
[data-testid="stMainBlockContainer"] { padding-top: 4.5rem; }
/* Headings leave room for what they head, most of all on a phone; a long name breaks anywhere. */
[data-testid="stHeading"] { overflow-wrap: anywhere; }
[data-testid="stHeading"] h1 { font-size: 2.25rem; }
[data-testid="stHeading"] h2 { font-size: 1.75rem; }
[data-testid="stHeading"] h3 { font-size: 1.375rem; }
@media (max-width: 640px) {
  [data-testid="stHeading"] h1 { font-size: 1.75rem; }
  [data-testid="stHeading"] h2 { font-size: 1.375rem; }
  [data-testid="stHeading"] h3 { font-size: 1.2rem; }
}
/* Where there is room for it, what comes next stays in sight at the foot of the window. */
@media (min-width: 641px) and (min-height: 600px) {
  div:has(> .st-key-bar) { position: sticky; bottom: 0; z-index: 2; padding: 0.75rem 0;
    background: light-dark(#ffffff, #060509); border-top: 1px solid light-dark(#d9d6e2, #433e52); }
  [data-testid="stMain"]:has(.st-key-bar) { scroll-padding-bottom: 6rem; }
}
/* A bar that glides lays the page out anew for every frame, second after second. */
[data-testid="stProgress"] * { transition: none !important; }
/* The accent on its own tint is too faint to read on a dark page; the tint and the border say what is chosen. */
[data-testid="stButtonGroup"] button[data-selected="true"] { color: inherit !important; }
/* Figures in a column line up. */
[data-testid="stMetricValue"], [data-testid="stTable"] { font-variant-numeric: tabular-nums; }
[data-testid="stMetricValue"] { font-size: 1.75rem; }
</style>"""


def apply_style() -> None:
    st.html(_STYLE)
