"""Options, links and next steps on a phone: whole, and beside each other in order."""

from itertools import pairwise

import pytest
from browsing import opened, wait_for_script
from making_runs import TINY, import_folder, make_colours, open_home, run_config

from tl_core.facts import RunFacts
from tl_core.runners import InlineRunner

EDGES = """() => [...document.querySelectorAll(
  '[data-testid=stButtonGroup] button:not(label button)')].map(option => {
    const { borderLeftColor: left, borderRightColor: right } = getComputedStyle(option)
    return [left, right]
  })"""
CUT_LINKS = """() => [...document.querySelectorAll(
  '[data-testid=stMainBlockContainer] [data-testid=stPageLink-NavLink] p')]
  .filter(words => words.scrollWidth > words.clientWidth)
  .map(words => words.textContent)"""
STEPS = """() => [...document.querySelectorAll('.st-key-steps a, .st-key-steps button')]
  .filter(step => step.offsetParent)
  .map(step => {
    const { left, top, bottom } = step.getBoundingClientRect()
    return { left, top, bottom }
  })"""


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    home = tmp_path_factory.mktemp("home")
    workspace = open_home(home)
    dataset = import_folder(workspace, make_colours(tmp_path_factory.mktemp("given") / "colours"))
    for seed in range(2):
        run = InlineRunner(workspace).submit(run_config(dataset, TINY, epochs=1, seed=seed))
        workspace.store.update_run(run.id, facts=RunFacts(comparison="c0ffee42"))
    workspace.store.close()
    return home


@pytest.fixture
def phone(browser, server):
    with opened(browser, server, 390, 844) as page:
        yield page


@pytest.fixture
def runs(home):
    workspace = open_home(home)
    yield [run.id for run in workspace.store.list_runs()]
    workspace.store.close()


def test_options_beside_the_chosen_one_keep_their_edges(phone, runs):
    phone.goto(f"/compare?runs={','.join(runs)}")
    phone.get_by_text("All images").wait_for()
    wait_for_script(phone)
    edges = phone.evaluate(EDGES)
    assert len(edges) == 3
    assert "rgba(0, 0, 0, 0)" not in [colour for pair in edges for colour in pair]


def test_the_link_to_a_comparison_is_whole(phone):
    phone.goto("/optimizers")
    phone.get_by_text("2 of 2 tested").wait_for()
    wait_for_script(phone)
    assert phone.evaluate(CUT_LINKS) == []


def test_next_steps_of_a_run_stand_below_each_other_and_stay_there(phone, runs):
    phone.goto(f"/run?run={runs[0]}")
    phone.get_by_text("Train again with changes").wait_for()
    early = phone.evaluate(STEPS)
    phone.get_by_role("link", name="Download the report").wait_for()
    wait_for_script(phone)
    late = phone.evaluate(STEPS)
    assert [late[0], late[-1]] == [early[0], early[-1]]
    gaps = [lower["top"] - upper["bottom"] for upper, lower in pairwise(late)]
    assert min(gaps) >= 0 and max(gaps) <= 24
    assert max(step["left"] for step in late) - min(step["left"] for step in late) <= 1
