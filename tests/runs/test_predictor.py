"""Asked about an image, a run answers as it did in its test, alone or in company."""

import io
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from tl_core.data.images import image_path
from tl_core.errors import NotExplainable, RunNotReady, UnknownRun
from tl_core.records import Run
from tl_core.runs import predictor as predictor_module
from tl_core.runs.predictor import Answer, Predictor, Predictors
from tl_core.training import load_checkpoint, pick_device
from tl_core.workspace import Workspace

Finished = tuple[Workspace, Run]


@pytest.fixture(scope="module")
def predictor(finished: Finished) -> Predictor:
    workspace, run = finished
    return Predictor.of_run(workspace, run.id)


def stored_files(finished: Finished) -> list[tuple[str, Path]]:
    workspace, run = finished
    folder = workspace.artifacts.dataset_folder(run.config.data.dataset_id)
    return [
        (i.name, image_path(folder, i))
        for i in workspace.store.list_images(run.config.data.dataset_id)
    ]


def test_the_answers_are_those_of_the_test(finished: Finished, predictor: Predictor):
    workspace, run = finished
    epoch, predictions = workspace.store.list_predictions(run.id, "test")
    assert epoch == run.best_epoch and len(predictions) == run.result.n
    files = stored_files(finished)
    classes = workspace.store.get_dataset(run.config.data.dataset_id).classes
    answers = predictor.predict([files[p.position] for p in predictions], top=99)
    for p, answer in zip(predictions, answers, strict=True):
        assert answer.name == files[p.position][0] and answer.error == ""
        confidences = [confidence for _, confidence in answer.top]
        assert confidences == sorted(confidences, reverse=True)
        by_class = dict(answer.top)
        assert [by_class[name] for name in classes] == pytest.approx(p.probabilities, abs=1e-5)


def test_many_at_once_are_answered_like_one_by_one(finished: Finished, predictor: Predictor):
    # More than one batch.
    files = (stored_files(finished) * 2)[:40]
    together = predictor.predict(files, top=3)
    for file, answer in list(zip(files, together, strict=True))[::7]:
        [alone] = predictor.predict([file], top=3)
        assert alone.name == answer.name
        assert dict(alone.top) == pytest.approx(dict(answer.top), abs=1e-5)


def test_an_unusable_image_has_its_reason_among_answers(
    finished: Finished, predictor: Predictor, tmp_path: Path
):
    good = stored_files(finished)[0][1]
    (tmp_path / "cut.png").write_bytes(good.read_bytes()[:200])
    (tmp_path / "text.jpg").write_text("not a picture")
    uploaded = io.BytesIO(good.read_bytes())
    files = [
        ("cut", tmp_path / "cut.png"),
        ("good", good),
        ("text", tmp_path / "text.jpg"),
        ("gone", tmp_path / "gone.png"),
        ("uploaded", uploaded),
    ]
    answers = predictor.predict(files, top=1)
    assert [answer.name for answer in answers] == [name for name, _ in files]
    assert [bool(answer.error) for answer in answers] == [True, False, True, True, False]
    assert all(answer.error.endswith(".") and not answer.top for answer in answers if answer.error)
    assert answers[1].top[0] == pytest.approx(answers[4].top[0])
    assert all(len(answer.top) == 1 for answer in (answers[1], answers[4]))


def test_a_model_that_gives_no_numbers_says_so_instead(finished: Finished):
    workspace, run = finished
    checkpoint = load_checkpoint(workspace.artifacts.checkpoint(run.id))
    checkpoint.model.head[-1].bias.data.fill_(float("nan"))
    broken = Predictor(checkpoint, pick_device(), 10**6)
    [answer] = broken.predict(stored_files(finished)[:1])
    assert answer.top == () and "not a number" in answer.error
    with pytest.raises(NotExplainable, match="not a number"):
        broken.explain(stored_files(finished)[0][1], 0)


@pytest.mark.parametrize("size", [(300, 100), (100, 300), (1, 1), (20_000, 3)])
def test_what_an_explanation_covers_is_what_the_model_is_shown(
    predictor: Predictor, tmp_path: Path, size
):
    Image.effect_noise(size, 80).convert("RGB").save(tmp_path / "x.png")
    found = predictor.explain(tmp_path / "x.png", 0)
    left, top, right, bottom = found.seen
    assert found.heat.shape[0] == found.heat.shape[1]
    assert 0 <= left < right <= 1
    assert 0 <= top < bottom <= 1
    seen = (right - left) * size[0], (bottom - top) * size[1]
    assert seen[0] == pytest.approx(seen[1], rel=0.02), "not a square"
    assert left + right == pytest.approx(1, abs=0.02) and top + bottom == pytest.approx(1, abs=0.02)


def test_the_models_used_last_stay_loaded(finished: Finished, monkeypatch):
    workspace, run = finished
    monkeypatch.setattr(predictor_module, "_CACHED_MODELS", 2)
    predictors = Predictors(workspace)
    assert predictors.get(run) is predictors.get(run)
    others = [replace(run, best_epoch=epoch) for epoch in range(90, 92)]
    before, *_ = [predictors.get(run), *map(predictors.get, others)]
    assert predictors.get(others[-1]) is predictors.get(others[-1])
    assert predictors.get(run) is not before
    monkeypatch.setattr(predictor_module, "_CACHED_BYTES", 1)
    assert predictors.get(run) is predictors.get(run)
    assert predictors.get(others[-1]) is predictors.get(others[-1])


def test_models_that_nobody_asks_are_forgotten(finished: Finished, monkeypatch):
    workspace, run = finished
    predictors = Predictors(workspace)
    before = predictors.get(run)
    predictors.let_go_idle()
    assert predictors.get(run) is before
    # As if all that was asked had been asked long ago.
    monkeypatch.setattr(predictor_module, "_IDLE_SECONDS", -1.0)
    predictors.let_go_idle()
    assert predictors.get(run) is not before


def test_no_images_give_no_answers(predictor: Predictor):
    assert predictor.predict([]) == []


def test_unusable_images_alone_give_only_reasons(predictor: Predictor, tmp_path: Path):
    [answer] = predictor.predict([("x", tmp_path / "x.png")])
    assert answer == Answer("x", (), answer.error) and answer.error


def test_too_many_pixels_are_refused(finished: Finished, tmp_path: Path):
    workspace, run = finished
    limits = workspace.settings.limits.model_copy(update={"max_pixels": 99})
    few = workspace.settings.model_copy(update={"limits": limits})
    Image.new("RGB", (10, 10)).save(tmp_path / "x.png")
    predictor = Predictor.of_run(replace(workspace, settings=few), run.id)
    assert "pixels" in predictor.predict([("x", tmp_path / "x.png")])[0].error


def test_a_run_without_a_model_cannot_be_asked(workspace: Workspace, finished: Finished):
    queued = workspace.store.add_run(finished[1].config, "colours")
    with pytest.raises(RunNotReady):
        Predictor.of_run(workspace, queued.id)
    with pytest.raises(UnknownRun):
        Predictor.of_run(workspace, "nope")
