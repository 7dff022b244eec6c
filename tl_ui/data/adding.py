"""Importing a dataset through the browser: upload, sample or folder on the server."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path

import streamlit as st

from tl_core.data.samples import SAMPLES, sample_source
from tl_core.data.server_folders import server_source
from tl_core.data.sources import Source, uploaded_files
from tl_core.data.zips import ZipSource
from tl_core.errors import TransferLabError
from tl_core.text import about, count, number_of
from tl_ui.choice import choose
from tl_ui.components.upload import upload_dropzone
from tl_ui.data.import_jobs import Import
from tl_ui.data.loose_images import put_aside, take_loose_images
from tl_ui.data.reading_choice import ask_for_reading
from tl_ui.data.uploads import PersonUploads, new_upload_id
from tl_ui.markdown import literal
from tl_ui.people import current_person
from tl_ui.resources import get_imports, get_tokens, get_uploads, get_workspace


def add_data() -> None:
    """Show the drop zone, and the form for images that were dropped without a class."""
    uploads = get_uploads()
    sent = upload_dropzone(key="dropzone", token=_upload_token(), uploads=uploads)
    # Without folders nothing tells the classes; a zip may have folders inside.
    if sent and sent["loose"] and not uploads.get(sent["upload_id"]).is_zip:
        put_aside(sent["upload_id"])
        del st.session_state["upload_token"]
        st.rerun()
    if sent:
        _start(sent["folder_name"] or "Uploaded images", _opened_upload(uploads, sent["upload_id"]))
    if finished := take_loose_images():
        _start(*finished)


def add_sample() -> None:
    """Show the built-in samples with description, size and licence."""
    for column, sample in zip(st.columns(len(SAMPLES)), SAMPLES.values(), strict=True):
        with column.container(border=True, height="stretch"):
            st.markdown(f"**{sample.title}**")
            st.markdown(sample.description)
            st.caption(
                f"{number_of(sample.n, 'image')}, {len(sample.classes)} classes. {sample.licence}"
            )
            if st.button("Use this sample", key=f"sample-{sample.name}"):
                _start(sample.title, nullcontext(sample_source(sample.name)))


def add_server_folder() -> None:
    """Show the form for server folders, if the operator has allowed any, to those who lead."""
    allowed = get_workspace().settings.server_folders
    # They hold what belongs to the house: what of it a class may see, its teacher imports.
    if not allowed or not current_person().leads:
        return
    folders = ", ".join(literal(str(folder)) for folder in allowed)
    box = st.expander("A folder on the server", icon=":material/dns:")
    with box, st.form("server-folder", border=False):
        path = st.text_input(
            "Path of a folder or zip on the server", help=f"It must be inside {folders}."
        )
        if st.form_submit_button("Import"):
            try:
                source = server_source(path, allowed)
            except TransferLabError as error:
                st.error(literal(str(error)))
            else:
                _start(Path(path).stem or "Server folder", nullcontext(source))


def watch_import() -> None:
    """Show the progress of the import in the address, then its dataset or its error."""
    job = get_imports().get(st.query_params.get("import", ""))
    if job is None:
        return
    question = job.question
    if question and not question.is_answered:
        ask_for_reading(job, question)
        st.stop()
    st.fragment(_show_progress, run_every=None if job.is_finished else 0.5)(job)
    if not job.is_finished:
        st.stop()
    if job.result is None:
        st.error(literal(job.error), icon=":material/error:")
        return
    # The rerun then finds the new dataset in the address, as does a reload.
    if st.query_params.get("dataset") != job.result.record.id:
        choose("dataset", job.result.record.id)
        st.query_params["import"] = job.id
        st.rerun()
    if job.result.already_known:
        words = "These images were here already. Equal content is stored as one dataset."
        if job.result.was_in_bin:
            words = "These images were in the bin: their dataset was restored."
        st.info(words, icon=":material/info:")


def _show_progress(job: Import) -> None:
    question = job.question
    if job.is_finished or (question and not question.is_answered):
        # Only where the progress was shown, and once: else each drawing would cause the next.
        if st.session_state.get("watching") == job.id:
            del st.session_state["watching"]
            st.rerun()
        return
    st.session_state["watching"] = job.id
    progress = job.progress
    if progress is None:
        st.progress(0.0, "Waiting for another import to finish")
    elif not progress.total:
        st.progress(0.0, f"Looking through {literal(job.name)}")
    elif progress.phase == "comparing images":
        done = f"{count(progress.done)} of {count(progress.total)}"
        st.progress(progress.done / progress.total, f"Comparing images that look alike: {done}")
    else:
        done = f"{count(progress.done)} of {count(progress.total)} files"
        left = "" if job.seconds_left is None else f", {about(job.seconds_left)} left"
        st.progress(progress.done / progress.total, f"Reading images: {done}{left}")
    if st.button("Stop", key="stop-import"):
        job.cancel()


def _start(name: str, opening: AbstractContextManager[Source]) -> None:
    job = get_imports().start(name, opening)
    st.session_state.pop("upload_token", None)
    # In the address, so that a reload finds the import again.
    st.query_params["import"] = job.id
    st.rerun()


def _upload_token() -> str:
    """Return the token of the current upload; a new one resets the drop zone."""
    if "upload_token" not in st.session_state:
        st.session_state["upload_token"] = get_tokens().sign("upload", new_upload_id())
    return str(st.session_state["upload_token"])


@contextmanager
def _opened_upload(uploads: PersonUploads, upload_id: str) -> Iterator[Source]:
    # Entered in the import's thread, where nobody's page is drawn.
    with uploads.take(upload_id) as upload:
        files = upload.entries()
        yield ZipSource(files[0][1]) if upload.is_zip else uploaded_files(files)
