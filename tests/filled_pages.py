"""Fixtures and helpers that open pages over a store filled by hand: no model is loaded."""

import json

import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest
from waiting import PATIENCE

from tl_core.config import make_run_config
from tl_core.facts import RunFacts
from tl_core.records import (
    DatasetRecord,
    ImageRecord,
    MetricPoint,
    Prediction,
    TestResult,
)
from tl_core.workspace import open_workspace
from tl_ui import dataset_view, resources
from tl_ui.run import images as run_images

CLASSES = ("<img src=x onerror=alert(1)>", ":red[x] ![](http://tracker)")


def show_page():
    """Register all pages, so that links find them, and run one."""
    import runpy

    import streamlit as st

    from tl_ui.navigation import make_pages

    st.navigation(make_pages(), position="hidden")
    runpy.run_path(f"pages/{st.session_state['page']}.py")


@pytest.fixture
def workspace(tmp_path, monkeypatch):
    monkeypatch.setenv("TRANSFERLAB_HOME", str(tmp_path))
    monkeypatch.delenv("TRANSFERLAB_DATABASE_URL", raising=False)
    workspace = open_workspace()
    monkeypatch.setattr(
        resources, "get_predictors", lambda: pytest.fail("no model is to be loaded")
    )
    caches = [
        resources.get_workspace,
        resources.get_runner,
        resources.get_tokens,
        dataset_view.dataset_images,
        dataset_view.default_split,
        run_images.run_split,
        run_images.predictions_after,
    ]
    for cached in caches:
        cached.cache_clear()
    yield workspace
    for cached in caches:
        cached.cache_clear()
    workspace.store.close()


@pytest.fixture
def dataset(workspace):
    images = [
        ImageRecord(i, f"{i:064x}", f"{i}.png", CLASSES[i % 2], None, "png", 8, 8)
        for i in range(40)
    ]
    record = DatasetRecord("d1", "*Pets* :red[x]", CLASSES, (20, 20), 0, "sample", 0.0)
    folder = workspace.artifacts.dataset_folder("d1") / "images"
    folder.mkdir(parents=True)
    for image in images:
        Image.new("RGB", (8, 8)).save(folder / f"{image.sha256}.png")
    return workspace.store.add_dataset(record, images, [])


@pytest.fixture
def add_run(workspace, dataset):
    def add(
        epochs_done=0,
        *,
        start=True,
        state=None,
        tested=False,
        message="",
        resumable=False,
        settings=None,
    ):
        store = workspace.store
        run = store.add_run(
            make_run_config("d1", settings or {}), dataset.name, RunFacts(classes=CLASSES)
        )
        if start:
            store.claim_run(run.id)
        for epoch in range(1, epochs_done + 1):
            store.append_metrics(
                run.id, [MetricPoint(epoch, epoch, epoch, "val", "accuracy", 0.5, 6)]
            )
            answered = [Prediction(i, i % 2, (0.7, 0.3)) for i in range(6)]
            store.put_predictions(run.id, "val", epoch, answered)
            store.update_run(run.id, epochs_done=epoch, best_epoch=epoch, val_accuracy=0.5)
        if epochs_done:
            workspace.artifacts.checkpoint(run.id).parent.mkdir(parents=True, exist_ok=True)
            workspace.artifacts.checkpoint(run.id).touch()
        if resumable:
            workspace.artifacts.training_state(run.id).touch()
        if tested:
            store.put_predictions(
                run.id, "test", epochs_done, [Prediction(i, i % 2, (0.7, 0.3)) for i in range(30)]
            )
            store.update_run(run.id, result=TestResult(30, 0.6, 0.5, 0.25, 0.5, 0.33, 0.5))
        if state:
            store.finish_run(run.id, state, message)
        return store.get_run(run.id)

    return add


def open_page(page, **query):
    app = AppTest.from_function(show_page, default_timeout=PATIENCE)
    app.session_state["page"] = page
    for name, value in query.items():
        app.query_params[name] = value
    app.run()
    assert not app.exception, app.exception
    return app


def words(app):
    """Return all text of the page: Markdown, headings, captions, messages and HTML.

    Spaces at which no line is broken are plain ones here.
    """
    kinds = [
        app.title,
        app.header,
        app.subheader,
        app.markdown,
        app.caption,
        app.warning,
        app.error,
        app.info,
    ]
    texts = [element.value for elements in kinds for element in elements]
    texts += [element.proto.body for element in app.get("html")]
    return "\n".join(texts).replace("\N{NO-BREAK SPACE}", " ")


def pictures(app):
    """Return the HTML of the pictures that can be clicked."""
    shown = [json.loads(element.proto.json) for element in app.get("bidi_component")]
    return "".join(data["html"] for data in shown if "html" in data)


def buttons(app):
    return {button.label: button for button in app.button}


def links(app):
    return {
        link.proto.label: (link.proto.page, link.proto.query_string)
        for link in app.get("page_link")
    }
