"""The learning-rate finder: a child process measures, this follows it, and its suggestion can be taken over."""

import contextlib
import json
import logging
import os
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st

from tl_core.config import RunConfig
from tl_core.text import GLOSSARY, about, number_of
from tl_ui.components.live_chart import chart
from tl_ui.knobs import as_text, flat, get_form
from tl_ui.markdown import literal
from tl_ui.plan_charts import finding_chart, rate_words

_log = logging.getLogger(__name__)
ROOT = Path(__file__).parents[1]
MOST_SECONDS = 15 * 60
"""After this a measurement is given up."""


@dataclass(slots=True)
class Search:
    """One measurement, on its way or over."""

    config: RunConfig
    progress_file: Path
    id: str = field(default_factory=lambda: uuid.uuid4().hex[:12])
    started: float = field(default_factory=time.monotonic)
    finding: dict[str, Any] | None = None
    """`rates`, `losses`, `suggestion`, `reason`: what was found."""
    error: str = ""
    """A sentence; it may hold user text."""
    process: subprocess.Popen[str] | None = None
    leash: int = -1
    """The end of a pipe that is open as long as this process lives: the child ends with it."""
    was_stopped: bool = False

    @property
    def is_over(self) -> bool:
        return self.finding is not None or bool(self.error)

    def fraction(self) -> float:
        """How much of it is done, 0 to 1, as far as it has said."""
        try:
            said = json.loads(self.progress_file.read_text(encoding="utf-8"))
            return min(1.0, max(0.0, float(said["fraction"])))
        except (OSError, ValueError, KeyError, TypeError):
            return 0.0

    def seconds_left(self) -> float | None:
        done = self.fraction()
        return (time.monotonic() - self.started) * (1 - done) / done if done > 0.02 else None

    def stop(self) -> None:
        self.was_stopped = True
        if self.process and self.process.poll() is None:
            self.process.terminate()


class Finder:
    """At most one measurement at a time on this server; closing the page loses nothing, and it ends with the server."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._current: Search | None = None

    def start(self, config: RunConfig) -> Search | None:
        """Begin to measure; None while another measurement is on its way."""
        with self._lock:
            if self._current and not self._current.is_over:
                return None
            place = Path(tempfile.gettempdir()) / f"transferlab-lr-{uuid.uuid4().hex}.json"
            search = self._current = Search(config, place)
            leash, search.leash = os.pipe()
            try:
                search.process = subprocess.Popen(  # noqa: S603 - our own program, and no shell
                    command(config, place),
                    cwd=ROOT,
                    stdin=leash,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    text=True,
                    encoding="utf-8",
                    errors="replace",
                )
            except OSError as error:
                os.close(search.leash)
                search.error = f"The measurement could not be started ({error.strerror})."
                return search
            finally:
                os.close(leash)
        threading.Thread(target=_follow, args=(search,), name=f"lr-find-{search.id}", daemon=True).start()
        return search


@cache
def get_finder() -> Finder:
    return Finder()


def command(config: RunConfig, progress_file: Path) -> list[str]:
    settings = [f"--set={name}={_plain(value)}" for name, value in flat(config).items()]
    where = ["--json", "--progress-file", str(progress_file)]
    return [sys.executable, "-m", "tl_ui.leash", "lr-find", config.data.dataset_id, *where, *settings]


def _plain(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else as_text(value)


def _follow(search: Search) -> None:
    process = search.process
    assert process is not None
    try:
        out, err = process.communicate(timeout=MOST_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        search.error = f"The measurement took more than {about(MOST_SECONDS).removeprefix('about ')} and was given up."
        return
    finally:
        os.close(search.leash)
        for file in (search.progress_file, search.progress_file.with_name(f"{search.progress_file.name}.unfinished")):
            file.unlink(missing_ok=True)
    if search.was_stopped:
        search.error = "The measurement was stopped."
        return
    with contextlib.suppress(ValueError, TypeError):
        found = json.loads(out)
        if process.returncode == 0 and {"rates", "losses", "suggestion"} <= set(found):
            search.finding = found
            return
    _log.warning("The learning-rate finder ended with %s: %s", process.returncode, err[-2000:])
    said = err.strip().splitlines()[-1:] if process.returncode == 2 else []
    search.error = said[0] if said else "The measurement ended without a result; try again, or with smaller batches."


# On the page


def show_finder(config: RunConfig) -> None:
    """The button, the way it goes, and what it found, for these settings."""
    st.markdown("**Let it be measured**", help=GLOSSARY["learning-rate finder"])
    search: Search | None = st.session_state.get("lr-search")
    running = st.session_state["lr-polls"] = search is not None and not search.is_over
    st.fragment(_part, run_every=1 if running else None)(config)


def _part(config: RunConfig) -> None:
    search: Search | None = st.session_state.get("lr-search")
    running = search is not None and not search.is_over
    if running != st.session_state["lr-polls"] or st.session_state.pop("lr-used", False):
        st.rerun()  # to begin, or end, looking every second; to draw the rate that was taken over
    if search is not None and running:
        _show_progress(search)
        return
    st.button(
        "Find a learning rate" if search is None else "Measure again",
        icon=":material/speed:",
        on_click=_start,
        args=(config,),
        help="Trains a copy for some hundred steps at a rising rate, and throws it away. No run is made.",
    )
    if st.session_state.pop("lr-busy", False):
        st.info("Another measurement is on its way on this server; try again in a minute.")
    if search is None:
        return
    if search.finding is None:
        st.warning(literal(search.error))
    else:
        _show_finding(search, config)


def _start(config: RunConfig) -> None:
    search = get_finder().start(config)
    if search is None:
        st.session_state["lr-busy"] = True
        return
    st.session_state["lr-search"] = search


def _show_progress(search: Search) -> None:
    left = search.seconds_left()
    words = "Loading the network and the images…" if left is None else f"Measuring: {about(left)} left."
    st.progress(search.fraction(), text=words)
    st.button("Stop measuring", icon=":material/stop:", on_click=search.stop)


def _show_finding(search: Search, config: RunConfig) -> None:
    assert search.finding is not None
    suggestion = search.finding["suggestion"]
    chart(finding_chart(search.finding["rates"], search.finding["losses"], suggestion), key="lr-finding")
    st.markdown(literal(str(search.finding.get("reason", ""))))
    if n := search.finding.get("n"):
        st.caption(f"Tried on {number_of(n, 'training image')}.")
    if not _is_alike(search.config, config):
        st.caption("Measured with other settings than those chosen now.")
    if suggestion and get_form()["learning_rate"] == _rounded(suggestion):
        st.markdown(":material/check: This rate is set.")
    elif suggestion:
        st.button(f"Use {rate_words(suggestion)}", icon=":material/check:", on_click=_use, args=(suggestion,))


def _rounded(rate: float) -> str:
    return as_text(float(f"{rate:.2g}"))


def _is_alike(one: RunConfig, other: RunConfig) -> bool:
    """Whether a rate that suits the one suits the other."""
    names = ("optimizer", "momentum", "batch_size", "accumulate", "loss", "class_balance", "mixup", "cutmix")
    same_steps = all(getattr(one.train, name) == getattr(other.train, name) for name in names)
    return same_steps and one.model == other.model and one.data.dataset_id == other.data.dataset_id


def _use(suggestion: float) -> None:
    """The rate of the stages keeps its share of the head's."""
    form = get_form()
    head, stages = (_number(form[name]) for name in ("learning_rate", "backbone_learning_rate"))
    if head and stages:
        form["backbone_learning_rate"] = _rounded(stages / head * suggestion)
    form["learning_rate"] = _rounded(suggestion)
    st.session_state["lr-used"] = True


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
