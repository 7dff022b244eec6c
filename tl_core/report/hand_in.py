"""Reports of everyone's tested runs, packed into one zip for whoever marks them."""

import re
import unicodedata
import zipfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tl_core.errors import RunNotReady, TransferLabError
from tl_core.files import replacing
from tl_core.records import OPERATOR, Person, Run
from tl_core.report.build import report_html
from tl_core.runs.predictor import Predictor
from tl_core.runs.summary import recipe_words, when
from tl_core.spreadsheet import as_csv
from tl_core.store import Artifacts, Store
from tl_core.store.queries import RunQuery
from tl_core.text import shorten

_HEADS = (
    *("folder", "person", "report", "run", "title", "dataset", "recipe"),
    *("test accuracy", "test images", "ended"),
)
_UNSAFE = re.compile(r"[^\w .()-]+")
# Names that Windows keeps for devices, whatever their suffix.
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\.|$)", re.IGNORECASE)
_LONGEST_NAME = 60


@dataclass(frozen=True, slots=True)
class HandIn:
    """Content of a zip of reports."""

    n_reports: int
    n_people: int
    left_out: tuple[str, ...]
    """Sentences on runs that have no report. May hold user text."""


def write_hand_in(
    store: Store,
    artifacts: Artifacts,
    path: Path,
    on_progress: Callable[[float, str], None],
    load: Callable[[str], Predictor],
) -> HandIn:
    """Write the reports of all tested runs to a zip, one folder a person, whole or not at all.

    A list of them lies beside the folders, as CSV.

    Args:
        store: the house's own, or one bound to somebody who leads.
        artifacts: bound likewise.
        on_progress: called with the share that is done, 0 to 1, and words on what is next.
        load: returns the model of a run, by id, for the heat-maps.

    Raises:
        OSError: the zip cannot be written.
    """
    runs = list(_tested(store))
    rows: list[tuple[object, ...]] = []
    left_out: list[str] = []
    with replacing(path) as file, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for done, (folder, person, run) in enumerate(runs):
            on_progress(done / len(runs), f"Report {done + 1} of {len(runs)}")
            name = f"{folder}/{safe_name(run.title or run.dataset_name)} {run.id}.html"
            try:
                page = report_html(store, artifacts, run.id, _model(load, run))
            except TransferLabError as error:
                left_out.append(f"{person.name}, run {run.id}: {error}")
                continue
            # One report at a time is in memory, however many there are.
            archive.writestr(name, page.encode(errors="replace"))
            rows.append(_row(folder, person, name, run))
        # With a byte order mark, by which Excel knows UTF-8.
        archive.writestr("reports.csv", as_csv(_HEADS, rows).encode("utf-8-sig", errors="replace"))
    return HandIn(len(rows), len({row[0] for row in rows}), tuple(left_out))


def safe_name(text: str) -> str:
    """Return a text as part of a file name that every system takes; never empty."""
    cleaned = _UNSAFE.sub("_", unicodedata.normalize("NFC", shorten(text, _LONGEST_NAME)))
    # Windows drops spaces and dots at the end.
    cleaned = cleaned.strip(" ._") or "unnamed"
    return f"_{cleaned}" if _RESERVED.match(cleaned) else cleaned


def _tested(store: Store) -> Iterator[tuple[str, Person, Run]]:
    """Yield folder, person and run, ordered by person and then by age."""
    people = [OPERATOR, *store.list_people()]
    taken: set[str] = set()
    for person in people:
        if person.removed_at is not None:
            continue
        runs = [run for run in store.list_runs(RunQuery(owner=person.id)) if run.result]
        folder = safe_name(person.name or "This server")
        # Two names may differ in nothing that a file name can hold.
        if folder.casefold() in taken:
            folder = f"{folder} {person.id}"
        taken.add(folder.casefold())
        for run in reversed(runs):
            yield folder, person, run


def _model(load: Callable[[str], Predictor], run: Run) -> Predictor | None:
    # A report without heat-maps is better than none.
    with suppress(RunNotReady, OSError):
        return load(run.id)
    return None


def _row(folder: str, person: Person, name: str, run: Run) -> tuple[object, ...]:
    assert run.result is not None
    return (
        folder,
        person.name,
        name,
        run.id,
        run.title,
        run.dataset_name,
        recipe_words(run.config),
        round(run.result.accuracy, 4),
        run.result.n,
        when(run.finished_at or run.created_at, None),
    )
