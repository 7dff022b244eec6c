"""The same test images, and what each of several runs says to them."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import streamlit as st

from tl_core.glossary import GLOSSARY
from tl_core.records import Prediction, Run
from tl_core.runs.comparison import answers_side_by_side
from tl_core.runs.summary import class_names
from tl_core.text import confidence, count, html_text, isolated, number_of, shorten
from tl_ui.dataset_view import image_url, thumbnail_url
from tl_ui.resources import get_workspace
from tl_ui.run.images import images_of

PAGE = 12
_STYLE = """<style>
.tl-beside { display: grid; grid-template-columns: repeat(auto-fill, minmax(16rem, 1fr)); gap: 1rem; }
.tl-beside.tl-beside figure { margin: 0; display: grid; grid-template-columns: 96px 1fr; gap: 0.75rem;
  align-items: start; }
.tl-beside img { width: 96px; height: 96px; object-fit: cover; border-radius: 6px; }
.tl-beside figcaption { font-size: 0.875rem; line-height: 1.4; overflow-wrap: anywhere; }
.tl-beside.tl-beside ul { list-style: none; margin: 0.2rem 0 0; padding: 0; }
.tl-beside.tl-beside li { margin: 0; padding: 0; font-size: 0.875rem; }
</style>"""
_WHICH = {"apart": "They disagree", "wrong": "All are wrong", "all": "All images"}


@dataclass(frozen=True, slots=True)
class Beside:
    """One image and every run's answer to it, in the order of the runs."""

    position: int
    """In the first run's dataset."""
    true: int
    answers: tuple[Prediction, ...]

    @property
    def n_right(self) -> int:
        return sum(answer.is_right for answer in self.answers)


def beside(predictions: Sequence[Sequence[Prediction]]) -> list[Beside]:
    """The images that all runs were tested on, those first that fewest of them got right."""
    sides = [{p.position: p for p in side} for side in predictions]
    shared = set(sides[0]).intersection(*sides[1:])
    found = [Beside(i, sides[0][i].true, tuple(side[i] for side in sides)) for i in sorted(shared)]
    return sorted(found, key=lambda each: each.n_right)


def filtered(found: Sequence[Beside]) -> dict[str, list[Beside]]:
    """By what to show: those with different answers, those that nobody got right, and all."""
    apart = [each for each in found if len({answer.predicted for answer in each.answers}) > 1]
    return {
        "apart": apart,
        "wrong": [each for each in found if not each.n_right],
        "all": list(found),
    }


def show_images(groups: Sequence[Sequence[Run]], labels: dict[str, str]) -> None:
    """Of groups of runs, each tested on the same images."""
    if not groups:
        return
    st.header("The same images, as each run sees them", anchor=False)
    place = 0
    if len(groups) > 1:
        names = [
            shorten(", ".join(isolated(labels[run.id]) for run in group), 120) for group in groups
        ]
        words = "Runs that were tested on the same images"
        place = st.selectbox(words, range(len(groups)), format_func=names.__getitem__)
    _show_group(groups[place], labels, place)


@lru_cache(maxsize=16)
def _answers(run_ids: tuple[str, ...]) -> list[list[Prediction]]:
    """Of tested runs, which never change again; under the positions of the first one's dataset."""
    store = get_workspace().store
    return answers_side_by_side(store, [store.get_run(run_id) for run_id in run_ids])


def _show_group(runs: Sequence[Run], labels: dict[str, str], place: int) -> None:
    choices = filtered(beside(_answers(tuple(run.id for run in runs))))
    which = st.segmented_control(
        "Show",
        list(_WHICH),
        default="apart" if choices["apart"] else "all",
        required=True,
        format_func=lambda key: f"{_WHICH[key]} ({count(len(choices[key]))})",
        help=GLOSSARY["confidence"],
        key=f"beside-{place}",
    )
    key = f"beside-{place}-{which}"
    shown = st.session_state.get(key, PAGE)
    chosen = choices[which]
    if not chosen:
        st.markdown("There is no such image.")
        return
    st.html(beside_html(runs, labels, chosen[:shown]))
    if (left := len(chosen) - shown) > 0 and st.button(
        f"Show more ({count(left)} left)", key=f"more-{place}-{which}"
    ):
        st.session_state[key] = shown + PAGE
        st.rerun()


def beside_html(runs: Sequence[Run], labels: dict[str, str], found: Sequence[Beside]) -> str:
    images, dataset_id = images_of(runs[0]), runs[0].config.data.dataset_id
    names = class_names(runs[0], len(found[0].answers[0].probabilities))
    figures = []
    for each in found:
        true = html_text(shorten(names[each.true], 40))
        picture = f"<span>Image {each.position + 1}</span>"
        if images:
            sha256 = images[each.position].sha256
            thumbnail, large = (
                html_text(make(dataset_id, sha256)) for make in (thumbnail_url, image_url)
            )
            alt = (
                f"Image of {true}, which {number_of(each.n_right, 'run')} of {len(runs)} got right"
            )
            picture = f'<a href="{large}" target="_blank"><img src="{thumbnail}" alt="{alt}" loading="lazy"></a>'
        rows = "".join(
            f"<li>{_answer(labels[run.id], answer, names)}</li>"
            for run, answer in zip(runs, each.answers, strict=True)
        )
        figures.append(
            f"<figure>{picture}<figcaption>Really <b>{true}</b><ul>{rows}</ul></figcaption></figure>"
        )
    return f'{_STYLE}<div class="tl-beside">{"".join(figures)}</div>'


def _answer(name: str, answer: Prediction, names: Sequence[str]) -> str:
    mark = "✓" if answer.is_right else "✗"
    said = html_text(shorten(names[answer.predicted], 40))
    sure = html_text(confidence(answer.confidence)).replace(" ", "&nbsp;")
    return f"{mark} {html_text(name)}: <b>{said}</b> ({sure})"
