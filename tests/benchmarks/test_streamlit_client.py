"""The client sees what a browser tab would see, of a small app that stands for the real one."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from waiting import PATIENCE

from benchmarks import streamlit_client
from benchmarks.serving import Server
from benchmarks.streamlit_client import Session, Unanswered

MAIN = """
import streamlit as st
pages = [st.Page("first.py", default=True), st.Page("second.py")]
st.navigation(pages, position="hidden").run()
"""
FIRST = """
import streamlit as st
st.title("First")
word = st.text_input("Word")
st.markdown(f"The word is {word}.")
colour = st.selectbox("Colour", ["red", "green"])
if st.button("Count"):
    st.session_state["n"] = st.session_state.get("n", 0) + 1
st.markdown(f"{st.session_state.get('n', 0)} {colour}")
if st.button("Move on"):
    st.switch_page("second.py")
if st.button("Fail"):
    raise ValueError("as it was told")
st.page_link("second.py", label="To the second", query_params={"run": "7"})
"""
SECOND = """
import streamlit as st
st.title("Second")
st.markdown(f"Run {st.query_params.get('run')}")

@st.fragment(run_every=0.05)
def tick():
    st.session_state["ticks"] = st.session_state.get("ticks", 0) + 1
    st.markdown(f"Tick {st.session_state['ticks']}")
    if st.session_state["ticks"] == 5:
        st.rerun()

if st.session_state.get("ticks", 0) < 5:
    tick()
else:
    st.markdown("The end")
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder: Path = tmp_path_factory.mktemp("app")
    for name, text in {"main": MAIN, "first": FIRST, "second": SECOND}.items():
        (folder / f"{name}.py").write_text(text)
    server = Server(folder, os.sched_getaffinity(0), app=folder / "main.py")
    yield server
    server.stop()


def with_session(server: Server, use: Callable[[Session], Awaitable[None]]) -> tuple[list, list]:
    """Use a session that shows the first page; return complaints and the times of refreshes."""
    complaints: list[str] = []
    refreshes: list[float] = []

    async def main():
        session = Session(
            *(server.url, "", None, complaints.append),
            lambda _kind, seconds: refreshes.append(seconds),
        )
        assert await session.open() > 0
        try:
            await use(session)
        finally:
            await session.leave()

    asyncio.run(main())
    return complaints, refreshes


async def until(check: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not check():
            await asyncio.sleep(0.01)


def test_what_is_typed_chosen_and_pressed_changes_the_page(server):
    async def use(session):
        assert session.page == "" and session.says("First") and session.says("0 red")
        await session.type("Word", "fish")
        await session.choose("Colour", "green")
        await session.press("Count")
        assert session.says("The word is fish.") and session.says("1 green")
        assert not session.says("0 green")

    assert with_session(server, use) == ([], [])


def test_a_link_carries_its_query_and_what_is_gone_is_not_there(server, monkeypatch):
    monkeypatch.setattr(streamlit_client, "_ELEMENT_SECONDS", 0)

    async def use(session):
        await session.follow("To the second")
        assert session.page == "second" and session.says("Run 7")
        assert not session.says("First") and not session.has("button")
        with pytest.raises(KeyError, match="no button 'Count'"):
            await session.press("Count")

    with_session(server, use)


def test_an_answer_is_there_once_the_page_that_a_button_leads_to_is(server):
    async def use(session):
        await session.press("Move on", "second")
        assert session.page == "second" and session.says("Second")

    assert with_session(server, use)[0] == []


def test_fragments_refresh_until_the_page_needs_them_no_more(server):
    async def use(session):
        await session.follow("To the second")
        await until(lambda: session.says("The end"))
        assert not session.says("Tick")

    complaints, refreshes = with_session(server, use)
    assert complaints == [] and len(refreshes) >= 3 and min(refreshes) > 0


def test_an_error_on_the_page_is_a_complaint(server):
    async def use(session):
        await session.press("Fail")

    (complaint,), _ = with_session(server, use)
    assert "ValueError" in complaint or "error" in complaint.lower()


def test_a_session_that_lost_its_connection_is_taken_up_again(server):
    async def use(session):
        await session.press("Count")
        await session.leave()
        await session.come_back()
        assert session.says("1 red")

    assert with_session(server, use)[0] == []


def test_a_session_that_the_server_does_not_know_is_lost(server):
    async def use(session):
        await session.leave()
        session.id = "of-nobody"
        with pytest.raises(Unanswered, match="session was lost"):
            await session.come_back()

    with_session(server, use)
