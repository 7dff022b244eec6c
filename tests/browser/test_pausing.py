"""Pausing, resuming and finishing a run in a real browser."""

import re

import pytest
from browsing import complaints, opened, standing_still, until_true
from making_runs import import_folder, make_colours, open_home, run_config
from waiting import wait_until

from tl_core.facts import RunFacts
from tl_core.locks import hold_lock
from tl_core.records import RunState
from tl_core.runners import enqueue
from tl_ui.optimizers.curves import LOOKS

EPOCHS = 60
"""So many that the run is still under way when a busy machine comes to stop it."""


@pytest.fixture(scope="module")
def colours(home, tmp_path_factory):
    """Return (workspace of the server, a dataset of 30 images in it)."""
    workspace = open_home(home)
    yield (
        workspace,
        import_folder(workspace, make_colours(tmp_path_factory.mktemp("given") / "colours")),
    )
    workspace.store.close()


@pytest.fixture
def page(browser, server):
    with opened(browser, server) as page:
        yield page


def test_a_run_is_paused_resumed_and_finished(page, colours):
    workspace, dataset = colours
    said = complaints(page)
    run = enqueue(workspace, run_config(dataset, frozen_stages=-2, image_size=32, epochs=EPOCHS))
    wait_until(lambda: workspace.store.get_run(run.id).epochs_done, "the first epoch")
    with standing_still(workspace, run):
        page.goto(f"/run?run={run.id}")
        page.get_by_text(re.compile("Pause: keeps all of the .*finished epoch")).wait_for()
        page.get_by_role("button", name="Pause").click()
        wait_until(lambda: workspace.store.asked_of(run.id) == "pause", "what the click asks for")
    page.get_by_role("button", name="Resume").wait_for()
    paused = workspace.store.get_run(run.id)
    assert paused.state is RunState.PAUSED
    assert 1 <= paused.epochs_done < EPOCHS
    curve = [
        point for point in workspace.store.list_metrics(run.id) if point.epoch <= paused.epochs_done
    ]

    page.reload()
    page.get_by_text(f"It goes on with epoch {paused.epochs_done + 1} of {EPOCHS}").wait_for()
    page.get_by_role("button", name="Resume").click()
    page.get_by_text(re.compile(r"Right on \d+ of \d+ test images")).wait_for()
    points = workspace.store.list_metrics(run.id)
    assert points[: len(curve)] == curve
    assert [point.epoch for point in points if point.name == "learning_rate"] == list(
        range(1, EPOCHS + 1)
    )
    page.get_by_role("button", name="Continue for more epochs").wait_for()
    page.goto("/runs")
    page.get_by_text("1 run. Tick several").wait_for()
    assert said == []


def test_curves_of_eight_optimizers_lie_over_each_other_and_survive_a_reload(page, colours):
    workspace, dataset = colours
    said = complaints(page)
    with hold_lock(workspace.artifacts.claim_lock):  # they begin once the page is open
        for name in LOOKS:
            run = enqueue(workspace, run_config(dataset, optimizer=name, image_size=32))
            workspace.store.update_run(run.id, facts=RunFacts(comparison="c1"))
        page.goto("/optimizers?comparison=c1")
        page.get_by_role("button", name="Stop all").wait_for()
    page.get_by_text(re.compile("Most often right: .*Their intervals")).wait_for()
    page.reload()
    lines = "(plot.data || []).filter(line => line.x.length).length"
    plots = f"[...document.querySelectorAll('.js-plotly-plot')].map(plot => {lines})"
    until_true(page, f"JSON.stringify({plots}) === '[8,8]'")
    page.get_by_role("button", name="Stop all").wait_for(state="detached")
    assert said == []
