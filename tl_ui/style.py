"""CSS that Streamlit's theme cannot express; the rest is in .streamlit/config.toml."""

import streamlit as st

_STYLE = """<style>
/* The one filled button of a page may be a link, so that the browser's Back works. */
[class*="st-key-next"] a[data-testid="stPageLink-NavLink"] {
  background: #6d3fc0; padding: 0.5rem 1rem; border-radius: 0.5rem; width: fit-content; }
[class*="st-key-next"] a[data-testid="stPageLink-NavLink"] * { color: #fff; font-weight: 600; }
/* The menu lies in the header, whose own buttons are at its right end. */
.st-key-menu { position: fixed; top: 0; left: 12rem; z-index: 1000000; width: auto !important;
  height: 3.75rem; max-width: calc(100vw - 16rem); flex-wrap: nowrap !important;
  align-items: center; overflow-x: auto; scrollbar-width: none; }
.st-key-menu > div { flex: none; width: auto !important; }
.st-key-menu a[data-testid="stPageLink-NavLink"] { padding: 0.375rem 0.75rem; }
.st-key-menu-here a[data-testid="stPageLink-NavLink"] {
  background: light-dark(rgb(23 20 31 / 0.06), rgb(236 233 243 / 0.12)); }
.st-key-menu-here a[data-testid="stPageLink-NavLink"] * { font-weight: 600; }
/* Who is signed in stands at the right end of the header, left of Streamlit's own buttons. */
.st-key-person { position: fixed; top: 0; right: 3.5rem; z-index: 1000000; width: auto !important;
  height: 3.75rem; max-width: 12rem; justify-content: center; }
body:has(.st-key-person) .st-key-menu { max-width: calc(100vw - 27rem); }
/* A link of our own HTML, which would be blue; a popover's content lies outside of the page, and
   knows of its theme only by the colour of its text. */
.tl-link, .tl-link:visited { color: inherit; font-weight: 600; }
/* The button of an open popover, whose shade of the accent cannot be read on a dark page. */
[data-testid="stPopover"] button[aria-expanded="true"] {
  color: light-dark(#5b31a8, #c4adf5) !important; }
/* What was deleted is said below the menu, wherever the page is scrolled to. It takes room of its
   own, so that it covers nothing at the top of the page. */
div:has(> .st-key-undo) { position: sticky; top: 4.25rem; z-index: 999; align-items: center;
  margin: 1rem 0; pointer-events: none; }
.st-key-undo { width: max-content !important; max-width: calc(100vw - 2rem); pointer-events: auto;
  background: light-dark(#ffffff, #060509); box-shadow: 0 0.25rem 1rem rgb(0 0 0 / 0.2); }
/* The navigation bar is slim, so the page can begin higher. */
[data-testid="stMainBlockContainer"] { padding-top: 3.5rem; }
div:has(> [class*="st-key-hidden"]), [class*="st-key-hidden"] { position: absolute; }
/* Smaller headings leave room for the content, most of all on a phone; long names wrap. */
[data-testid="stHeading"] { overflow-wrap: anywhere; }
[data-testid="stHeading"] h1 { font-size: 2.25rem; }
[data-testid="stHeading"] h2 { font-size: 1.75rem; }
[data-testid="stHeading"] h3 { font-size: 1.375rem; }
/* A wide table has a list of cards in its place on a phone. */
div:has(> [class*="st-key-phone-only"]) { display: none; }
@media (max-width: 640px) {
  div:has(> [class*="st-key-phone-only"]) { display: flex; }
  div:has(> [class*="st-key-wide-only"]) { display: none; }
  [class*="st-key-phone-only"] a[data-testid="stPageLink-NavLink"] { padding-left: 0; }
  /* A phone has no room beside the name, so the menu has a row of its own below it. */
  .st-key-menu { top: 2.75rem; left: 0; right: 0; height: 2.75rem; max-width: none;
    background: light-dark(#ffffff, #060509); padding: 0 0.25rem; }
  .st-key-menu a[data-testid="stPageLink-NavLink"] { padding: 0.375rem 0.4rem; }
  body:has(.st-key-person) .st-key-menu { max-width: none; }
  body:has(.st-key-person) .st-key-menu a[data-testid="stPageLink-NavLink"] {
    padding: 0.375rem 0.25rem; }
  .st-key-person { height: 2.75rem; max-width: 50vw; }
  [data-testid="stHeader"] { height: 2.75rem; min-height: 2.75rem; }
  [data-testid="stHeaderLogo"] { height: 1.5rem; }
  [data-testid="stMainBlockContainer"] { padding-top: 5rem; }
  div:has(> .st-key-undo) { top: 6rem; }
  /* Below the menu, which stays usable. */
  [data-testid="stToastContainer"] { top: 6rem !important; }
  /* Options that do not fit beside each other are pills, each with edges of its own. */
  [data-testid="stButtonGroup"] > div { gap: 0.375rem; }
  [data-testid="stButtonGroup"] button { border-radius: 0.5rem !important; margin: 0 !important; }
  /* Streamlit leaves out the edge that an option shares with the chosen one beside it. */
  [data-testid="stButtonGroup"] button:not([data-selected="true"]) {
    border-color: light-dark(#d9d6e2, #433e52) !important; }
  /* Next steps stand below each other, all at the same distance and at the same edge. */
  .st-key-steps { row-gap: 0.5rem !important; }
  .st-key-steps a[data-testid="stPageLink-NavLink"] { padding-left: 0; }
  .st-key-steps [class*="st-key-next"] a[data-testid="stPageLink-NavLink"] { padding-left: 1rem; }
  [data-testid="stHeading"] h1 { font-size: 1.75rem; }
  [data-testid="stHeading"] h2 { font-size: 1.375rem; }
  [data-testid="stHeading"] h3 { font-size: 1.2rem; }
}
/* The next step stays in view at the bottom of the window: on a large screen with the words beside
   it, on a phone alone. There the boxes around it must not hold it, so they are taken away. */
div:has(> .st-key-bar), .st-key-bar div:has(> [class*="st-key-next"]) {
  --tl-edge: 1px solid light-dark(#d9d6e2, #433e52); --tl-ground: light-dark(#ffffff, #060509); }
@media (min-width: 641px) and (min-height: 600px) {
  div:has(> .st-key-bar) { position: sticky; bottom: 0; z-index: 2; padding: 0.75rem 0;
    background: var(--tl-ground); border-top: var(--tl-edge); }
  [data-testid="stMain"]:has(.st-key-bar) { scroll-padding-bottom: 6rem; }
}
@media (max-width: 640px) {
  div:has(> .st-key-bar), .st-key-bar, .st-key-bar div:has([class*="st-key-next"]) {
    display: contents; }
  .st-key-bar div:has(> [class*="st-key-next"]) { display: block; width: 100%; position: sticky;
    bottom: 0; z-index: 2; padding: 0.75rem 0; background: var(--tl-ground);
    border-top: var(--tl-edge); }
  [data-testid="stMain"]:has(.st-key-bar) { scroll-padding-bottom: 6rem; }
}
/* Links that are sentences wrap where the page is narrow; the menu's own never do. */
[data-testid="stMainBlockContainer"] a[data-testid="stPageLink-NavLink"] * { white-space: normal; }
.st-key-menu a[data-testid="stPageLink-NavLink"] * { white-space: nowrap !important; }
/* What is still loading is drawn lower than it will be, and would push the page down. */
.st-key-metrics .stElementContainer { min-height: 7.3rem; }
.st-key-report .stElementContainer { min-width: 10.5rem; min-height: 2.5rem; }
[class*="st-key-dataset-choice"], [class*="st-key-class-"], [class*="st-key-run-choice"] {
  min-height: 4.25rem; }
/* An animated progress bar makes the browser lay the page out again for every frame. */
[data-testid="stProgress"] * { transition: none !important; }
/* The accent on its own tint has too little contrast on a dark page; tint and border suffice. */
[data-testid="stButtonGroup"] button[data-selected="true"] { color: inherit !important; }
/* Digits of equal width line up in a column. */
[data-testid="stMetricValue"], [data-testid="stTable"] { font-variant-numeric: tabular-nums; }
[data-testid="stMetricValue"] { font-size: 1.75rem; }
</style>"""


def apply_style() -> None:
    st.html(_STYLE)
