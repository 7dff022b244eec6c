"""The list of runs on a wide screen, laid out by Chromium."""

from browsing import chromium
from filled_pages import add_run, dataset, open_page, pictures, workspace

from tl_core.records import RunState
from tl_ui.components.assets import read_asset

__all__ = ["add_run", "dataset", "workspace"]
LINES = """selector => [...document.querySelectorAll(selector)].map(cell => {
  const range = document.createRange()
  range.selectNodeContents(cell)
  return new Set([...range.getClientRects()].map(line => Math.round(line.top))).size
})"""


def test_the_long_name_of_an_optimizer_takes_no_room_from_the_other_columns(add_run):
    for optimizer in ("adamw", "nesterov"):
        add_run(2, state=RunState.COMPLETED, tested=True, settings={"optimizer": optimizer})
    style = read_asset("run_list/run_list.css")
    rows = pictures(open_page("runs"))
    with chromium() as browser:
        # The width of a page's content in a window of 1440 pixels.
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        page.set_content(f'<body style="margin:0"><style>{style}</style><div class="runs">{rows}')
        assert page.evaluate(LINES, "td.state") == [1, 1]
        assert page.evaluate(LINES, "td.epochs") == [3, 2]
        assert page.evaluate("document.documentElement.scrollWidth") == 1280
