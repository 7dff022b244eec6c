"""Predictions of several runs for the same test images, side by side."""

from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

from tl_core.glossary import GLOSSARY
from tl_core.records import Prediction, Run
from tl_core.runs.comparison import answers_side_by_side
from tl_core.runs.summary import class_names
from tl_core.text import confidence, count, html_text, isolated, number_of, shorten
from tl_ui.caching import cached_by_person
from tl_ui.compare.large_view import show_compared
from tl_ui.components.picker import picker
from tl_ui.dataset_view import thumbnail_url
from tl_ui.large_view import open_large
from tl_ui.resources import get_workspace
from tl_ui.run.images import images_of

PAGE = 12
# Doubled class names outweigh Streamlit's own rules for figures and lists.
_STYLE = """<style>
.tl-beside { display: grid; gap: 1rem;
  grid-template-columns: repeat(auto-fill, minmax(16rem, 1fr)); }
.tl-beside.tl-beside figure { margin: 0; display: grid; grid-template-columns: 96px 1fr;
  gap: 0.75rem; align-items: start; }
.tl-beside img { width: 96px; height: 96px; object-fit: cover; border-radius: 6px; }
.tl-beside figcaption { font-size: 0.875rem; line-height: 1.4; overflow-wrap: anywhere; }
.tl-beside.tl-beside ul { list-style: none; margin: 0.2rem 0 0; padding: 0; }
.tl-beside.tl-beside li { margin: 0; padding: 0; font-size: 0.875rem; }
</style>"""
_WHICH = {"apart": "They disagree", "wrong": "All are wrong", "all": "All images"}


@dataclass(frozen=True, slots=True)
class Beside:
    """Image with the prediction of every run, in the order of the runs."""

    position: int
    """Position in the first run's dataset."""
    true: int
    answers: tuple[Prediction, ...]

    @property
    def n_right(self) -> int:
        return sum(answer.is_right for answer in self.answers)


def beside(predictions: Sequence[Sequence[Prediction]]) -> list[Beside]:
    """Return the images that all runs were tested on; those with the fewest right answers first."""
    sides = [{p.position: p for p in side} for side in predictions]
    shared = sorted(set(sides[0]).intersection(*sides[1:]))
    rows = [Beside(i, sides[0][i].true, tuple(side[i] for side in sides)) for i in shared]
    return sorted(rows, key=lambda row: row.n_right)


def filtered(rows: Sequence[Beside]) -> dict[str, list[Beside]]:
    """Return the images for each choice of `_WHICH`."""
    return {
        "apart": [row for row in rows if len({p.predicted for p in row.answers}) > 1],
        "wrong": [row for row in rows if not row.n_right],
        "all": list(rows),
    }


def show_images(groups: Sequence[Sequence[Run]], labels: dict[str, str]) -> None:
    """Draw the test images of one of the groups.

    Args:
        groups: runs that were tested on the same images.
        labels: name of each run, by id.
    """
    if not groups:
        return
    st.header("Predictions side by side", anchor=False)
    st.caption("The same test images, as each run sees them.")
    place = 0
    if len(groups) > 1:
        joined = [", ".join(isolated(labels[run.id]) for run in group) for group in groups]
        place = st.selectbox(
            "Runs that were tested on the same images",
            # Numbers as options, since shortened names of two groups may be equal.
            range(len(groups)),
            format_func=lambda place: shorten(joined[place], 120),
        )
    _show_group(groups[place], labels, place)


@cached_by_person(16)
def _answers(run_ids: tuple[str, ...]) -> list[list[Prediction]]:
    """Return each run's predictions, under the positions in the first run's dataset.

    They can be cached, because a tested run never changes again.
    """
    store = get_workspace().store
    return answers_side_by_side(store, [store.get_run(run_id) for run_id in run_ids])


def _show_group(runs: Sequence[Run], labels: dict[str, str], place: int) -> None:
    choices = filtered(beside(_answers(tuple(run.id for run in runs))))
    # The key tells groups apart, because a default counts only for a new key.
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
    picked = picker(beside_html(runs, labels, chosen[:shown]), key=f"pictures-{key}")
    _open_picked(runs, labels, chosen, picked)
    n_left = len(chosen) - shown
    label = f"Show more ({count(n_left)} left)"
    if n_left > 0 and st.button(label, key=f"more-{place}-{which}"):
        # The images stand above the button, so that they are drawn already: hence the rerun.
        st.session_state[key] = shown + PAGE
        st.rerun()


def _open_picked(
    runs: Sequence[Run], labels: dict[str, str], rows: Sequence[Beside], picked: int | None
) -> None:
    images = images_of(runs[0])
    places = [place for place, row in enumerate(rows) if row.position == picked]
    if not places or not images:
        return

    def show(i: int) -> None:
        show_compared(runs, labels, images[rows[i].position], rows[i].answers)

    open_large("One test image", len(rows), places[0], show)


def beside_html(runs: Sequence[Run], labels: dict[str, str], rows: Sequence[Beside]) -> str:
    """Return a figure for each image, with the runs' predictions in its caption."""
    # Runs of one group have the same classes in the same order.
    names = class_names(runs[0], len(rows[0].answers[0].probabilities))
    figures = []
    for row in rows:
        true = html_text(shorten(names[row.true], 40))
        answers = "".join(
            f"<li>{_answer(labels[run.id], answer, names)}</li>"
            for run, answer in zip(runs, row.answers, strict=True)
        )
        caption = f"<figcaption>Really <b>{true}</b><ul>{answers}</ul></figcaption>"
        figures.append(f"<figure>{_picture(runs, row, true)}{caption}</figure>")
    return f'{_STYLE}<div class="tl-beside">{"".join(figures)}</div>'


def _picture(runs: Sequence[Run], row: Beside, true: str) -> str:
    """Return a thumbnail that can be picked; the image's number if the dataset was deleted.

    Args:
        true: name of the true class, as HTML.
    """
    images = images_of(runs[0])
    if not images:
        return f"<span>Image {row.position + 1}</span>"
    dataset_id = runs[0].config.data.dataset_id
    sha256 = images[row.position].sha256
    thumbnail = html_text(thumbnail_url(dataset_id, sha256))
    alt = f"Image of {true}, which {number_of(row.n_right, 'run')} of {len(runs)} got right"
    picture = f'<img src="{thumbnail}" alt="{alt}" loading="lazy">'
    return f'<button type="button" data-pick="{row.position}">{picture}</button>'


def _answer(name: str, answer: Prediction, names: Sequence[str]) -> str:
    mark = "✓" if answer.is_right else "✗"
    predicted = html_text(shorten(names[answer.predicted], 40))
    # Number and percent sign stay on one line; escaped first, or the entity would be, too.
    sure = html_text(confidence(answer.confidence)).replace(" ", "&nbsp;")
    return f"{mark} {html_text(name)}: <b>{predicted}</b> ({sure})"
