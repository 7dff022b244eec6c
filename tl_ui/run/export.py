"""Export of a run on its page: options, packing, download and the measured formats."""

from collections.abc import Sequence

import streamlit as st

from tl_core.export import FORMATS, USUAL, Figures, asked_words, busy_sentence, choose_formats
from tl_core.glossary import GLOSSARY
from tl_core.records import Run
from tl_core.text import number_of, share, size
from tl_ui.components.assets import url_base
from tl_ui.folding import unfolded
from tl_ui.job_view import follow, limit_said
from tl_ui.markdown import literal
from tl_ui.people import current_person
from tl_ui.resources import get_tokens, get_workspace
from tl_ui.run.export_jobs import (
    Packed,
    export_file,
    find_packing,
    packed_formats,
    packs,
    read_packed,
    start_packing,
)
from tl_ui.run.overview import has_model
from tl_ui.run.results import why_no_figures

_CONTENT = (
    "Take the model away in one zip that works without this app: the model as **ONNX** and "
    "**safetensors**, a short `predict.py` that reads images as this app does, the settings, the "
    "split, the figures, a model card"
)
_CONTENT_IF_TESTED = (
    ", every prediction of the test, and a **receipt**: up to 20 test images with the app's "
    "predictions, by which `verify.py` proves that the model still gives the same ones."
)
_USE = "pip install -r requirements.txt\npython predict.py photo.jpg\npython verify.py"


def show_export(run: Run) -> None:
    """Draw the export of a run that has a model and has ended."""
    if not has_model(run):
        return
    # Only a tested run needs figures: its export is checked against the answers of the test.
    if run.result and (why := why_no_figures(run)):
        st.caption(literal(f"It cannot be exported. {why}"))
        return
    if box := unfolded("Export", ":material/inventory_2:", f"export-open-{run.id}"):
        with box:
            _show_unfolded(run)


def _show_unfolded(run: Run) -> None:
    st.caption(GLOSSARY["export"])
    st.markdown(_CONTENT + (_CONTENT_IF_TESTED if run.result else "."))
    job = find_packing(get_workspace(), run.id)
    # The job outlives the page: a reader who comes back finds it still packing.
    if job and not job.is_over:
        st.fragment(follow, run_every=0.5)(job)
        return
    wanted = _choose(run, packed_formats(get_workspace(), run.id))
    # A failure with other formats does not concern those that are chosen now.
    if job and job.error and packs(job, wanted):
        st.error(literal(job.error), icon=":material/error:")
    if packed := read_packed(get_workspace(), run.id, wanted):
        _show_packed(run, wanted, packed)
    elif st.button("Make the zip", icon=":material/inventory_2:", key=f"export-{run.id}"):
        with limit_said():
            start_packing(get_workspace(), run.id, wanted, current_person().id)
            st.rerun()


def _choose(run: Run, packed: Sequence[str]) -> tuple[str, ...]:
    """Draw the optional formats and return all that are wanted.

    Args:
        packed: formats of the existing zip, which are ticked at first, so that its download shows.
    """
    wanted = list(USUAL)
    with st.container(horizontal=True, gap="medium"):
        for name, label in (("int8", "Also in 8 bits"), ("torchscript", "Also as TorchScript")):
            words = f"{FORMATS[name].sentence} {GLOSSARY[name]}"
            key = f"export-{name}-{run.id}"
            if st.checkbox(label, value=name in packed, help=words, key=key):
                wanted.append(name)
    return choose_formats(wanted)


def _show_packed(run: Run, wanted: tuple[str, ...], packed: Packed) -> None:
    # A link to a route: `st.download_button` would keep the whole zip in the server's memory.
    st.link_button(
        f"Download the zip ({size(packed.n_bytes)})",
        download_url(run, wanted),
        icon=":material/download:",
        type="secondary",
    )
    if packed.receipt:
        st.caption(receipt_words(packed.receipt))
    for sentence in packed.left_out:
        st.caption(f":material/info: {literal(sentence)}")
    if packed.figures:
        _show_figures(packed)
    st.caption("How to use it, where Python is installed:")
    # Without a receipt there is nothing for verify.py to compare with.
    st.code(_USE if packed.receipt else _USE.rpartition("\n")[0], language=None)
    if packed.has_training_script:
        st.caption(
            "train.py trains it again from the image folder; its first lines say what it needs."
        )


def _show_figures(packed: Packed) -> None:
    column = st.column_config.TextColumn
    st.dataframe(
        [figure_row(each) for each in packed.figures],
        hide_index=True,
        column_config={
            "One image": column(help="On this server's CPU, one image alone: the median."),
            "Same answer": column(help="Images that get the same answer as in the app."),
        },
        alt="Size, time for one image and right answers of each form of the model",
    )
    st.caption(
        f"{number_of(packed.parameters, 'parameter')}. {asked_words(packed.figures)} "
        f"{busy_sentence(packed.figures)}"
    )


def download_url(run: Run, wanted: tuple[str, ...]) -> str:
    name = export_file(get_workspace(), run.id, wanted).name
    return f"{url_base()}/api/runs/{run.id}/{name}?token={get_tokens().sign('export', run.id)}"


def receipt_words(receipt: dict[str, float]) -> str:
    """Return how the exported model was checked against the app."""
    images = number_of(int(receipt["n"]), "test image")
    return (
        f"Checked: asked by predict.py about {images}, the exported model gives the probabilities "
        "of the test but for rounding (their logarithms differ by "
        f"{_at_most(receipt['difference'])}). "
        f"verify.py fails from a difference of {receipt['tolerance']:.2g} on."
    )


def _at_most(difference: float) -> str:
    # Smaller differences would be shown as 0.00000, which claims too much.
    return "less than 0.00001" if difference < 1e-5 else f"at most {difference:.5f}"


def figure_row(figures: Figures) -> dict[str, str]:
    """Return a table row with the measurements of one format."""
    right = "–" if figures.right is None else share(figures.right, figures.n)
    return {
        "Form": FORMATS[figures.name].title,
        "Size": size(figures.n_bytes),
        "One image": f"{figures.milliseconds:.1f} ms",
        "Test images right": right,
        "Same answer": share(figures.same, figures.n),
    }
