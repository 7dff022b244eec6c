"""Cards of published runs: headline, whose it is, a glance at its images."""

from collections.abc import Sequence

import streamlit as st

from tl_core.records import Run
from tl_core.runs.summary import headline, recipe_words, when
from tl_core.text import html_text, shorten
from tl_ui.gallery import spread
from tl_ui.markdown import literal, whole_figures
from tl_ui.navigation import link
from tl_ui.people import name_of
from tl_ui.resources import get_workspace
from tl_ui.run.annotations import run_title
from tl_ui.run.published import sample_url

_ON_A_PAGE = 24
_PICTURES = 4


def show_cards(runs: Sequence[Run]) -> None:
    """Draw a card for each run, two beside each other where there is room."""
    last_page = (len(runs) - 1) // _ON_A_PAGE
    page = 0
    if last_page:
        pages = range(last_page + 1)
        page = st.selectbox("Page", pages, format_func=lambda n: f"{n + 1} of {last_page + 1}")
    shown = runs[page * _ON_A_PAGE : (page + 1) * _ON_A_PAGE]
    columns = st.columns(2)
    for place, run in enumerate(shown):
        with columns[place % 2], st.container(border=True):
            _show_card(run)


def _show_card(run: Run) -> None:
    st.subheader(literal(shorten(run_title(run), 60)), anchor=False)
    by = literal(shorten(name_of(run.owner), 40))
    published = when(run.published_at or run.created_at, st.context.timezone)
    st.markdown(f"**{by}** · {published} · {literal(recipe_words(run.config))}")
    if run.result:
        st.markdown(f"**{whole_figures(headline(run.result))}**")
    _show_glance(run)
    link("run", "Curves, confusion matrix and more", icon=":material/arrow_forward:", run=run.id)


def _show_glance(run: Run) -> None:
    # They come class by class, and the first ones would be of one class.
    images = get_workspace().store.list_sample_images(run.id) if run.shows_images else []
    pictures = "".join(
        f'<img src="{html_text(sample_url(run.id, image.sha256))}" loading="lazy" '
        f'alt="{html_text(image.class_name)}" height="80" style="border-radius:0.375rem">'
        for image in spread(images, _PICTURES)
    )
    if pictures:
        st.html(f'<div style="display:flex;gap:0.5rem;flex-wrap:wrap">{pictures}</div>')
