"""Long names of classes and models on a phone stay inside their columns, measured in Chromium."""

from itertools import pairwise
from pathlib import Path

import plotly
import pytest
from browsing import ROOT, chromium

from tl_core.charts import confusion_chart
from tl_core.evaluation.probes import PROBES
from tl_core.records import Prediction
from tl_ui.gallery import PER_ROW, ClassRow, GalleryItem, class_rows_html, gallery_html
from tl_ui.probe_charts import probes_chart

PHONE = {"width": 390, "height": 844}
NAMES = [
    "Überraschungsei & Söhne (2024) – final_FINAL",
    "W" * 200,
    "<b>Donaudampfschifffahrtselektrizitätenhauptbetriebswerk</b>",
    "\u05d0\u05d1\u05d2" * 40,
    "🦊" * 90,
]
COLOURS = (
    "--st-text-color:#111; --st-background-color:#fff; --st-primary-color:#63c; --st-font:sans"
)
PAGE = f'<body style="margin:16px; {COLOURS}">'

# Text may be wider than its element: only a range around it tells where its letters end.
LETTERS_OUTSIDE = """selector => {
  const found = []
  for (const box of document.querySelectorAll(selector)) {
    const range = document.createRange()
    range.selectNodeContents(box)
    for (const line of range.getClientRects()) {
      const { left, right } = box.getBoundingClientRect()
      if (line.left < left - 1 || line.right > right + 1) found.push(box.textContent.slice(0, 20))
    }
  }
  return found
}"""
OVERFLOW = "document.documentElement.scrollWidth - innerWidth"
BOXES = """selector => [...document.querySelectorAll(selector)].map(element => {
  const { left, right, top, bottom } = element.getBoundingClientRect()
  return { left, right, top, bottom }
})"""


@pytest.fixture(scope="module")
def phone():
    with chromium() as browser:
        context = browser.new_context(viewport=PHONE)
        yield context.new_page()
        context.close()


def draw(page, chart):
    """Draw a chart as the app and the report do."""
    page.set_content(f'{PAGE}<figure style="margin:0"><div id="plot"></div></figure>')
    page.add_script_tag(path=Path(plotly.__file__).parent / "package_data" / "plotly.min.js")
    page.add_script_tag(path=ROOT / "tl_core" / "charts" / "theme.js")
    page.evaluate(
        """async ([figure, height]) => {
          const plot = document.querySelector("#plot")
          const { data, layout } = withTheme(figure, plot, height)
          await Plotly.newPlot(plot, data, layout, { displayModeBar: false })
        }""",
        [chart.figure, chart.height],
    )


def test_names_in_a_gallery_stay_in_their_column(phone):
    rows = [ClassRow(name, [GalleryItem("/x", name)] * PER_ROW) for name in NAMES]
    items = [GalleryItem("/x", true, wrong, 0.5) for true in NAMES for wrong in NAMES]
    phone.set_content(PAGE + class_rows_html(rows) + gallery_html(items))
    assert phone.evaluate(LETTERS_OUTSIDE, ".tl-row > b, figcaption, figcaption span") == []
    assert phone.evaluate(OVERFLOW) <= 0
    figures = phone.evaluate(BOXES, "figure")
    assert all(0 <= box["left"] <= box["right"] <= PHONE["width"] for box in figures)
    # A phone shows the first half of each row.
    in_rows = phone.evaluate(BOXES, ".tl-row figure")
    is_shown = [box["left"] < box["right"] for box in in_rows]
    assert is_shown == ([True] * (PER_ROW // 2) + [False] * (PER_ROW // 2)) * len(NAMES)


@pytest.mark.parametrize("n_classes", [2, 5, 15])
def test_names_beside_a_confusion_matrix_leave_room_for_its_cells(phone, n_classes):
    names = (NAMES * 3)[:n_classes]
    answers = [
        Prediction(label, label, tuple(float(label == other) for other in range(n_classes)))
        for label in range(n_classes)
    ]
    chart = confusion_chart(answers, names, "Test")
    draw(phone, chart)
    (plot,) = phone.evaluate(BOXES, "#plot")
    (cells,) = phone.evaluate(BOXES, "#plot .heatmaplayer image")
    (title,) = phone.evaluate(BOXES, "#plot .ytitle")
    left = phone.evaluate(BOXES, "#plot .ytick text")
    below = phone.evaluate(BOXES, "#plot .xtick text")
    # A label that Plotly leaves out has a box without a width.
    assert len(left) == len(below) == n_classes
    assert all(box["left"] < box["right"] for box in left + below)
    assert all(title["right"] <= box["left"] and box["right"] <= cells["left"] for box in left)
    assert all(plot["left"] <= box["left"] and box["right"] <= plot["right"] for box in below)
    assert all(
        cells["bottom"] - 1 <= box["top"] and box["bottom"] <= plot["bottom"] for box in below
    )
    assert cells["right"] - cells["left"] >= PHONE["width"] / 3
    assert phone.evaluate(OVERFLOW) <= 0


def test_names_of_classical_models_are_whole_beside_their_bars(phone):
    results = [
        {"name": model.name, "title": model.title, "accuracy": 0.9, "spread": 0.01}
        for model in PROBES
    ]
    draw(phone, probes_chart({"n": 50, "results": results}))
    shown = phone.locator("#plot .ytick text").all()
    lines = [
        label.locator("tspan").all_text_contents() or [label.text_content()] for label in shown
    ]
    assert sorted(" ".join(each) for each in lines) == sorted(model.title for model in PROBES)
    boxes = phone.evaluate(BOXES, "#plot .ytick text")
    boxes.sort(key=lambda box: box["top"])
    assert all(PHONE["width"] > box["left"] >= 0 for box in boxes)
    assert all(upper["bottom"] <= lower["top"] for upper, lower in pairwise(boxes))
