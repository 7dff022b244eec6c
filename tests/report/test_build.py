"""A report is one file that loads nothing, says what is missing, and shows user text as text."""

import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from browsing import chromium
from making_runs import import_folder, run_config

from tl_core.config import make_run_config
from tl_core.datasets.importing import delete_dataset
from tl_core.errors import RunNotReady
from tl_core.facts import RunFacts, SplitSizes
from tl_core.records import MetricPoint, Prediction, RunState, TestResult
from tl_core.report import report_html, write_report
from tl_core.report.images import pick_images
from tl_core.runs.predictor import Predictor

EVIL = "</script><script>alert(1)</script><img src=x onerror=alert(2)>"
NAMES = ["{{ 7 * 7 }} <b>", "🦊 \u202eعربي", "x" * 200, "'\"&amp; %{x}"]
"""Of class folders; a folder's name has no slash and no more than 255 bytes."""


class Elements(HTMLParser):
    """Parser of the elements with their attributes, and of the text outside scripts and styles."""

    def __init__(self, html: str):
        super().__init__()
        self.found, self.text, self._open = [], "", ""
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        self.found.append((tag, dict(attributes)))
        self._open = tag

    def handle_endtag(self, tag):
        self._open = ""

    def handle_data(self, data):
        self.text += data if self._open not in ("script", "style") else ""

    def of(self, *tags: str) -> list[dict]:
        return [attributes for tag, attributes in self.found if tag in tags]


@pytest.fixture
def hostile(workspace, tmp_path, colours_folder):
    """A tested run with hostile class names, title, note and loss; no model was trained."""
    folder = tmp_path / "bad names"
    pictures = iter(sorted(colours_folder.rglob("*.png")))
    for name in NAMES:
        (folder / name).mkdir(parents=True)
        for i in range(3):
            (folder / name / f"{i}.png").write_bytes(next(pictures).read_bytes())
    dataset = import_folder(workspace, folder)
    run = add_tested(workspace.store, run_config(dataset), RunFacts(classes=dataset.classes))
    return workspace.store.annotate_run(run.id, title=EVIL, note=f"{EVIL}\nsecond line")


def add_tested(store, config, facts):
    """Right on one of four test images."""
    run = store.add_run(config, EVIL, facts)
    store.claim_next_run()
    store.append_metrics(run.id, [MetricPoint(0, 1, 1, "val", "loss", float("nan"), 4)])
    answers = [
        Prediction(i, i, tuple(float(k == max(0, i - 1)) for k in range(4))) for i in range(4)
    ]
    store.put_predictions(run.id, "test", 1, answers)
    store.update_run(
        run.id, epochs_done=1, best_epoch=1, result=TestResult(4, 2.0, 0.25, 0.2, 0.25, 0.2, 0.25)
    )
    store.finish_run(run.id, RunState.COMPLETED)
    return store.get_run(run.id)


def html_of(workspace, run):
    return report_html(workspace.store, workspace.artifacts, run.id)


def test_it_says_the_figures_with_what_they_were_measured_on(finished):
    workspace, run = finished
    text = " ".join(Elements(html_of(workspace, run)).text.split())
    n = run.result.n
    assert f"{round(run.result.accuracy * n)} of {n} test images" in text
    assert f"Test metrics, on {n} test images" in text
    assert "95 % interval" in text and "guessing would be right on 33.3 %" in text
    for name in ("blue", "green", "red"):
        assert name in text


@pytest.mark.parametrize(
    ("settings", "more", "said"),
    [
        ({}, {}, "had learned from other photos"),
        ({"pretrained": False}, {}, "had learned nothing yet"),
        (
            {},
            {},
            "4 test images were kept aside, never shown to it before, and looked at once, at the "
            "end.",
        ),
        (
            {},
            {"continues": "abc"},
            "it learned from none of them. The test images had been looked at before, by the",
        ),
    ],
)
def test_it_says_truly_what_the_network_knew_and_who_had_seen_the_test(
    workspace, hostile, settings, more, said
):
    config = make_run_config(hostile.config.data.dataset_id, settings)
    found = RunFacts(splits=SplitSizes(train=4, val=4, test=4), **more)
    facts = hostile.facts.merged(found)
    run = add_tested(workspace.store, config, facts)
    text = " ".join(Elements(html_of(workspace, run)).text.split())
    assert said in text and ("looked at once" in text.split("How good")[0]) is (not more)


def test_nothing_in_it_comes_from_elsewhere(finished):
    page = Elements(html_of(*finished))
    asked = [
        attributes.get(name)
        for _, attributes in page.found
        for name in ("src", "href", "srcset", "action")
    ]
    assert {address.split(",")[0] for address in asked if address} == {"data:image/webp;base64"}
    assert not page.of("link", "iframe", "object", "base")
    (policy,) = [meta["content"] for meta in page.of("meta") if "http-equiv" in meta]
    assert "default-src 'none'" in policy


def test_user_text_stays_text(workspace, hostile):
    html = html_of(workspace, hostile)
    page = Elements(html)
    assert len(page.of("script")) == 3
    assert all("onerror" not in attributes for _, attributes in page.found)
    assert EVIL in page.text and "{{ 7 * 7 }} <b>" in page.text and "second line" in page.text
    assert "\u202e" not in page.text
    charts = re.search(r'id="charts">(.*?)</script>', html, re.DOTALL)[1]
    assert json.loads(charts)["confusion"]["figure"]["data"][0]["z"][1][0] == 1


def test_a_deleted_dataset_costs_the_pictures_and_nothing_else(workspace, hostile):
    delete_dataset(workspace.store, workspace.artifacts, hostile.config.data.dataset_id)
    page = Elements(html_of(workspace, hostile))
    assert not page.of("img") and "its images cannot be shown" in page.text
    assert "1 of 4 test images" in page.text


def test_a_run_without_a_test_has_no_report_and_leaves_no_file(workspace, colours, tmp_path):
    run = workspace.store.add_run(run_config(colours), colours.name)
    with pytest.raises(RunNotReady, match="has not been tested"):
        write_report(workspace.store, workspace.artifacts, run.id, tmp_path / "report.html")
    assert not list(tmp_path.glob("report*"))


def test_what_cannot_be_written_leaves_no_half_file(finished, tmp_path, monkeypatch):
    workspace, run = finished
    monkeypatch.setattr(
        "pathlib.Path.replace", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left"))
    )
    with pytest.raises(OSError, match="No space"):
        write_report(workspace.store, workspace.artifacts, run.id, tmp_path / "report.html")
    assert not list(tmp_path.glob("report*"))


def test_two_hundred_classes_and_one_image_each(workspace, hostile):
    store, n = workspace.store, 200
    facts = RunFacts(classes=[f"kind {i}" for i in range(n)])
    run = store.add_run(hostile.config, "many", facts)
    store.claim_next_run()
    rows = [
        Prediction(i % 4, i, tuple(float(k == (i * 7) % n) for k in range(n))) for i in range(n)
    ]
    store.put_predictions(
        run.id, "test", 1, [replace(p, position=i % 4) for i, p in enumerate(rows)]
    )
    store.update_run(
        run.id, epochs_done=1, best_epoch=1, result=TestResult(n, 2.0, 0.1, 0.1, 0.1, 0.1, 0.01)
    )
    store.finish_run(run.id, RunState.COMPLETED)
    html = html_of(workspace, run)
    text = Elements(html).text
    assert (
        "200 classes" in text
        and "the 20 classes with most mix-ups" in text
        and "8 of 198 pairs" in text
    )
    charts = json.loads(re.search(r'id="charts">(.*?)</script>', html, re.DOTALL)[1])
    assert (
        len(charts["confusion"]["figure"]["layout"]["xaxis"]["ticktext"]) == 20
    )  # names that can be read on paper


def test_a_browser_without_a_network_draws_all_of_it(finished, workspace, hostile, tmp_path):
    write_report(finished[0].store, finished[0].artifacts, finished[1].id, tmp_path / "good.html")
    write_report(workspace.store, workspace.artifacts, hostile.id, tmp_path / "bad.html")
    with chromium() as browser:
        context = browser.new_context(
            viewport={"width": 1000, "height": 800}, offline=True, accept_downloads=True
        )
        for name in ("good", "bad"):
            page, asked, said = context.new_page(), [], []
            page.on("request", lambda request, asked=asked: asked.append(request.url))
            page.on("pageerror", lambda error, said=said: said.append(str(error)))
            page.on(
                "console", lambda m, said=said: said.append(m.text) if m.type == "error" else None
            )
            page.on(
                "dialog", lambda dialog, said=said: said.append(dialog.message) or dialog.dismiss()
            )
            page.goto((tmp_path / f"{name}.html").as_uri())
            page.locator(
                "[data-chart=confusion] .heatmaplayer image, [data-chart=confusion] .hm"
            ).first.wait_for()
            assert page.locator("[data-chart] .main-svg").count() >= 4
            assert said == []
            assert {url.split(":")[0] for url in asked} <= {"file", "data", "blob"}
            assert page.evaluate("document.documentElement.scrollWidth") <= 1000
            page.evaluate("dispatchEvent(new Event('beforeprint'))")
            plots = (
                "[...document.querySelectorAll('[data-chart] .main-svg')]"
                ".map(plot => plot.clientWidth)"
            )
            assert set(page.evaluate(plots)) == {680}
            page.evaluate("dispatchEvent(new Event('afterprint'))")
            assert 680 not in page.evaluate(plots)
        for kind, start in (("png", b"\x89PNG"), ("svg", b"<svg")):
            with page.expect_download() as download:
                page.locator(f"figure:has([data-chart=confusion]) [data-format={kind}]").click()
            assert download.value.path().read_bytes().startswith(start)


def test_the_first_screen_of_a_phone_has_pictures_the_sentence_and_the_matrix(finished, tmp_path):
    workspace, run = finished
    predictor = Predictor.of_run(workspace, run.id)
    file = tmp_path / "report.html"
    write_report(workspace.store, workspace.artifacts, run.id, file, predictor)
    with chromium() as browser:
        page = browser.new_page(viewport={"width": 390, "height": 844})
        page.goto(file.as_uri())
        matrix = page.locator("[data-chart=confusion] .main-svg").first
        matrix.wait_for()
        bottoms = [
            page.locator(place).first.bounding_box()
            for place in (".headline", ".strip img", "[data-chart=confusion]")
        ]
        assert all(box["y"] + box["height"] <= 844 for box in bottoms), bottoms
        assert page.evaluate("document.documentElement.scrollHeight") <= 6000
        wide = "[...document.querySelectorAll('main *')]" + (
            ".filter(each => each.getBoundingClientRect().right > innerWidth + 1).length"
        )
        assert page.evaluate(wide) == 0
        for part in page.locator("summary").all():
            part.click()
        assert page.evaluate(wide) == 0


def test_a_right_answer_and_a_mistake_are_explained_where_there_are_such(finished):
    workspace, run = finished
    _, predictions = workspace.store.list_predictions(run.id, "test")
    found = pick_images(
        workspace.store,
        workspace.artifacts,
        run,
        run.facts.classes,
        predictions,
        predictor=Predictor.of_run(workspace, run.id),
    )
    kinds = {True, False} & {p.is_right for p in predictions}
    assert {one.is_right for one in found.explained} == kinds
    assert all(one.source != one.heat for one in found.explained)
