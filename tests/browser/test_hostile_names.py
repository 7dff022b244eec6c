"""Hostile names through every page, report and export: nothing runs, nothing is fetched."""

import ast
import csv
import io
import json
import re
import zipfile
from urllib.parse import urlsplit

import pytest
from browsing import ROOT, Server, complaints, opened, until, wait_for_script
from hostile_names import CLASSES, ELSEWHERE, NAME, NOTE, PERSON, make_hostile
from making_runs import TINY, import_folder, run_config

from tl_core.access import Directory
from tl_core.export import export_run
from tl_core.facts import RunFacts
from tl_core.invitation import teacher_address, teacher_secret
from tl_core.report import report_html
from tl_core.runners import InlineRunner

INVISIBLE = re.compile("[\u2060\u2066-\u2069\u200b]")
PAGES = (
    *("", "explore", "train", "train?like={run}", "runs", "run?run={run}", "try?run={run}"),
    *("compare?runs={run},{other}", "optimizers", "optimizers?comparison=c0ffee42", "bin"),
    *("wall", "classroom"),
)


@pytest.fixture(scope="module")
def runs(workspace, tmp_path_factory):
    """Train two runs whose every name is hostile, and delete a third."""
    dataset = import_folder(workspace, make_hostile(tmp_path_factory.mktemp("given")))
    store = workspace.store
    trained = []
    for seed in range(3):
        run = InlineRunner(workspace).submit(run_config(dataset, TINY, epochs=1, seed=seed))
        store.annotate_run(run.id, title=NAME, note=NOTE, tags=[NOTE[:30]])
        store.update_run(run.id, facts=RunFacts(comparison="c0ffee42"))
        trained.append(store.get_run(run.id))
    store.save_preset(NAME[:60], NOTE[:150], trained[0].config)
    store.publish_run(trained[0].id, shows_images=True)
    store.bin_run(trained[2].id)
    Directory(workspace).join(PERSON)
    return trained


def watch(page):
    """Return lists of what the page asks of others, and of what it complains of."""
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("dialog", lambda dialog: (asked.append("a dialog"), dialog.dismiss()))
    return asked, complaints(page)


def foreign(asked, server):
    own = urlsplit(server.url).netloc
    return [url for url in asked if urlsplit(url).netloc not in ("", own)]


def seen(page):
    return INVISIBLE.sub("", page.locator("body").inner_text())


def test_every_page_shows_names_as_they_are(browser, home, workspace, runs):
    server = Server(ROOT / "app.py", home, TRANSFERLAB_ACCESS="classroom")
    try:
        with opened(browser, server) as page:
            asked, said = watch(page)
            page.goto(teacher_address(server.url, teacher_secret(home)))
            for address in PAGES:
                page.goto("/" + address.format(run=runs[0].id, other=runs[1].id))
                page.get_by_role("heading", level=1).first.wait_for()
                wait_for_script(page)
                if address.startswith(("run?", "wall")):
                    until(page, lambda: NAME[:40] in seen(page), f"the name on {address}")
                if address == "runs":
                    # Its list is drawn in a shadow root, whose text only locators find.
                    page.get_by_text(NAME[:40]).first.wait_for()
                if address == "classroom":
                    until(page, lambda: PERSON in seen(page), "the person's name")
                assert page.evaluate("window.hacked") is None, address
            assert foreign(asked, server) == []
            assert said == []
    finally:
        server.stop()


def test_the_report_runs_and_fetches_nothing(browser, workspace, runs, tmp_path):
    file = tmp_path / "report.html"
    file.write_text(report_html(workspace.store, workspace.artifacts, runs[0].id), "utf-8")
    context = browser.new_context()
    page = context.new_page()
    asked, said = watch(page)
    page.goto(file.as_uri())
    page.locator(".js-plotly-plot").first.wait_for()
    assert NAME[:40] in seen(page)
    assert page.evaluate("window.hacked") is None
    assert [url for url in asked if not url.startswith(("file:", "data:", "blob:"))] == []
    assert said == []
    context.close()


@pytest.fixture(scope="module")
def exported(workspace, runs, tmp_path_factory):
    file = tmp_path_factory.mktemp("taken") / "export.zip"
    export_run(workspace, runs[0].id, file, as_zip=True)
    with zipfile.ZipFile(file) as archive:
        return {name.split("/", 1)[1]: archive.read(name) for name in archive.namelist()}


def test_scripts_of_an_export_hold_names_as_literals(exported):
    for name, content in exported.items():
        if name.endswith(".py"):
            tree = ast.parse(content)
            called = {
                ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)
            }
            assert not any("hacked" in each or "HYPERLINK" in each for each in called)


def test_tables_of_an_export_hold_no_formula(exported):
    tables = [name for name in exported if name.endswith(".csv")]
    assert tables
    for name in tables:
        for row in csv.reader(io.StringIO(exported[name].decode("utf-8-sig"))):
            assert not [cell for cell in row if re.match(r"[=@\t\r]|[+-]\D", cell)], name


def test_documents_of_an_export_know_the_classes_exactly(exported):
    onnx = pytest.importorskip("onnx")
    model = onnx.load_from_string(exported["model.onnx"])
    metadata = {entry.key: entry.value for entry in model.metadata_props}
    known = json.loads(metadata["classes"]) if "classes" in metadata else None
    assert known is None or set(known) == set(CLASSES.values())
    texts = [content.decode() for name, content in exported.items() if name.endswith(".json")]
    assert any(
        json.dumps(CLASSES["blue"])[1:-1] in text or CLASSES["blue"] in text for text in texts
    )


def test_the_model_card_makes_no_markup_of_names(exported):
    card = exported["README.md"].decode()
    assert "<script>" not in card
    assert "](javascript:" not in card
    assert f"](http://{ELSEWHERE}" not in card
