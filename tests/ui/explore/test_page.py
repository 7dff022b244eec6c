"""Pages with feature maps, over a store and results filled by hand: nothing is computed."""

import json

import numpy as np
import pytest
import torch
from filled_pages import show_page
from PIL import Image
from streamlit.testing.v1 import AppTest
from waiting import PATIENCE, wait_until

from tl_core.config import make_run_config
from tl_core.datasets.importing import delete_dataset
from tl_core.evaluation import Outputs
from tl_core.facts import RunFacts, SplitSizes
from tl_core.records import DatasetRecord, ImageRecord, Prediction, RunState
from tl_core.training.output_writer import OutputsKeeper
from tl_core.workspace import open_workspace
from tl_ui import background, dataset_view, resources
from tl_ui import job_view as awaiting
from tl_ui.run import epochs as run_epochs
from tl_ui.run import feature_map as run_maps
from tl_ui.run import images as run_images

CLASSES = (
    "<img src=x onerror=alert(1)>",
    ":red[x] ![](http://tracker)",
    "\u05d0\u05d1 " + "n" * 290,
)
CACHED = (
    resources.get_workspace,
    resources.get_tokens,
    dataset_view.dataset_images,
    run_images.run_split,
    run_images.predictions_after,
    run_epochs.reel_of,
    run_maps._outputs,
    run_maps._pca,
)


@pytest.fixture
def workspace(tmp_path, monkeypatch):
    monkeypatch.setenv("TRANSFERLAB_HOME", str(tmp_path))
    monkeypatch.delenv("TRANSFERLAB_DATABASE_URL", raising=False)
    for cached in CACHED:
        cached.cache_clear()
    yield (opened := open_workspace())
    opened.store.close()
    for cached in CACHED:
        cached.cache_clear()


@pytest.fixture
def dataset(workspace):
    images = [
        ImageRecord(i, f"{i:064x}", f"{i}.png", CLASSES[i % 3], None, "png", 8, 8)
        for i in range(60)
    ]
    folder = workspace.artifacts.dataset_folder("d1") / "images"
    folder.mkdir(parents=True)
    for image in images:
        Image.new("RGB", (8, 8)).save(folder / f"{image.sha256}.png")
    return workspace.store.add_dataset(
        DatasetRecord("d1", "*Pets* :red[x]", CLASSES, (20, 20, 20), 0, "sample", 0.0), images, []
    )


@pytest.fixture
def add_run(workspace, dataset):
    """Return a function that adds a run stopped after its epochs, with or without outputs."""

    def add(epochs, *, recorded=True, wrong=False):
        store = workspace.store
        run = store.add_run(
            make_run_config("d1", {}),
            dataset.name,
            RunFacts(classes=CLASSES, splits=SplitSizes(train=42, val=9, test=9)),
        )
        store.claim_run(run.id)
        predictions = [Prediction(i, i % 3, (0.5, 0.3, 0.2)) for i in range(9)]
        keeper = OutputsKeeper(workspace.artifacts.outputs(run.id) if recorded else None)
        for epoch in range(1, epochs + 1):
            store.put_predictions(run.id, "val", epoch, predictions)
            store.update_run(run.id, epochs_done=epoch, best_epoch=epoch, val_accuracy=0.5)
            features = torch.randn(9, 5, generator=torch.Generator().manual_seed(epoch))
            features[0] = float("nan") if wrong else 0
            outputs = Outputs(
                features[:, :3].double().nan_to_num(),
                torch.arange(9) % 3,
                tuple(range(9)),
                (features,),
            )
            keeper.keep(epoch, outputs, is_best=True, stands_still=False)
        store.finish_run(run.id, RunState.CANCELLED, "Stopped.")
        return store.get_run(run.id)

    return add


def open_page(page, **query):
    app = AppTest.from_function(show_page, default_timeout=PATIENCE)
    app.session_state["page"] = page
    for part in ("epochs", "map", "probes"):
        app.session_state[f"{part}-open-{query.get('run')}"] = True
    for name, value in query.items():
        app.query_params[name] = value
    app.run()
    assert not app.exception
    return app


def words(app):
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
    return "\n".join(element.value for elements in kinds for element in elements)


def buttons(app):
    return {button.label for button in app.button}


def test_without_images_explore_says_what_would_be_here(workspace):
    assert "First it needs images" in words(open_page("explore"))


def stop_job(kind):
    """Stop the job of that kind, which must be the only one that is not over."""
    jobs = background.get_jobs()
    (place,) = [place for place, job in jobs._jobs.items() if not job.is_over]
    assert place.stem.startswith(f"{kind}-")
    jobs.find(place).stop()
    wait_until(lambda: jobs.find(place).is_over, "the job's end")


def test_explore_finds_out_without_being_asked_and_draws_its_map_after_the_answer(dataset):
    app = open_page("explore", dataset="d1")
    assert "The map is drawn once the answer above is found." in words(app)
    assert "two directions in which they vary most" in words(app)
    assert buttons(app) == {"Stop", "Try classical models"}
    stop_job("answer")
    app.run()
    assert "The map is drawn once" not in words(app)
    assert buttons(app) == {"Stop", "Find out how well", "Try classical models"}
    stop_job("map")
    # None starts again by itself.
    again = open_page("explore", dataset="d1")
    assert {"Draw the PCA map", "Find out how well"} <= buttons(again)


def test_cached_results_are_shown_at_once(dataset, monkeypatch):
    places = [image.position for image in dataset_view.dataset_images("d1")][:40]
    points = np.random.default_rng(0).normal(size=(40, 2)).tolist()
    model = {
        "name": "logistic",
        "title": "Logistic regression",
        "accuracy": 0.9,
        "spread": 0.02,
        "folds": [0.9],
    }
    answer = f"Yes, mostly: 36 of 40. Mixed up most: {CLASSES[1]}."
    notes = [f"The class {CLASSES[1]} is small."]
    probing = {"n": 40, "n_of": 50, "folds": 5, "answer": answer, "notes": notes}
    results = {
        "map": {"positions": places, "points": points, "share": 0.4, "n_of": 51},
        "answer": probing,
        "probe": {
            **probing,
            "results": [{**model, "seconds": 1.0, "help": "It weighs.", "note": ""}],
        },
    }
    monkeypatch.setattr(
        awaiting,
        "read_result",
        lambda place: json.loads(json.dumps(results[place.stem.split("-")[0]])),
    )
    app = open_page("explore", dataset="d1")
    assert "40 of 51 training and validation images" in words(app) and "40 % of how" in words(app)
    assert "Cross-validation in 5 folds on 40 of 50" in words(app)
    assert app.markdown[0].value.startswith("**Yes\\, mostly")
    assert "![](http" not in words(app)
    assert not {"Draw the PCA map", "Try classical models"} & buttons(app)


def test_a_run_can_be_stepped_through(add_run):
    app = open_page("run", run=add_run(4).id)
    slider = app.select_slider[0]
    assert slider.value == 4 and "best on validation: 4" in slider.label
    slider.set_value(2).run()
    assert not app.exception and app.select_slider[0].value == 2
    assert "The two directions shown hold" in words(app)


def test_playing_ends_with_the_last_epoch(add_run):
    run = add_run(3)
    app = open_page("run", run=run.id)
    app.button(key=f"play-{run.id}-button").click().run()
    shown = [app.select_slider[0].value]
    while app.session_state[f"play-{run.id}"]:
        app.run()
        shown.append(app.select_slider[0].value)
    assert shown[:3] == [1, 2, 3] and set(shown[3:]) <= {3}


def test_runs_without_stored_outputs_say_so(add_run):
    app = open_page("run", run=add_run(2, recorded=False).id)
    assert "What this run said after each epoch was not kept" in words(app)
    assert "features of this run's validation images were not kept" in words(app).replace("\\", "")


def test_features_that_are_not_finite_are_reported(add_run):
    app = open_page("run", run=add_run(2, wrong=True).id)
    assert "the features were not finite numbers" in words(app)
    assert "of 1 of 9 images are not finite numbers" in words(app).replace("\\", "")


def test_after_its_dataset_is_gone_a_run_keeps_its_maps(workspace, add_run):
    run = add_run(2)
    delete_dataset(workspace.store, workspace.artifacts, "d1")
    dataset_view.dataset_images.cache_clear()
    app = open_page("run", run=run.id)
    assert "nothing more can be tried on it" in words(app) and app.select_slider
