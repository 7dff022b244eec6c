"""Train page over a small dataset: presets, settings, invalid values; some in a real browser."""

import json
import re

import pytest
from browsing import ROOT, Server, chromium, complaints, opened, until_true
from making_runs import import_folder, open_home
from streamlit.testing.v1 import AppTest
from waiting import PATIENCE

from tl_core.config import AUGMENTATIONS, KNOBS, make_run_config
from tl_core.presets import PRESETS
from tl_core.runs.execute import settle
from tl_ui import dataset_view, resources
from tl_ui.train import form as train_form
from tl_ui.train import learning_rate as finder
from tl_ui.train.all_settings import EVERY_SETTING, SETTING_GROUP
from tl_ui.train.augmentation import SLIDERS, variants
from tl_ui.train.form import frozen_count, within
from tl_ui.train.presets import DOWNLOAD_FIRST, changed_knobs
from tl_ui.train.preview import NETWORK, shape_words
from tl_ui.train.weights import choice_of
from tl_ui.train.widgets import GROUPS, as_form, knob_key

expect = pytest.importorskip("playwright.sync_api").expect
CACHES = (
    resources.get_workspace,
    resources.get_runner,
    resources.get_tokens,
    dataset_view.dataset_images,
    train_form.split_of,
    variants,
)


def show_page():
    import runpy

    import streamlit as st

    from tl_ui.navigation import make_pages

    st.navigation(make_pages(), position="hidden")
    runpy.run_path("pages/train.py")


@pytest.fixture
def page(workspace, monkeypatch):
    """Return a function that opens the page over the test's own workspace."""
    monkeypatch.setenv("TRANSFERLAB_HOME", str(workspace.settings.home))
    monkeypatch.delenv("TRANSFERLAB_DATABASE_URL", raising=False)
    for cached in CACHES:
        cached.cache_clear()
    yield lambda **query: open_page(query)
    for cached in CACHES:
        cached.cache_clear()


def open_page(query):
    app = AppTest.from_function(show_page, default_timeout=PATIENCE)
    for name, value in query.items():
        app.query_params[name] = value
    app.run()
    assert not app.exception, app.exception
    return app


def words(app):
    kinds = [app.markdown, app.caption, app.warning, app.error, app.info]
    return "\n".join(element.value for elements in kinds for element in elements)


def train_button(app):
    return next(button for button in app.button if button.label == "Train")


def unfold(app, name):
    """Make a setting visible: open the expander and choose the setting's tab."""
    app.session_state[EVERY_SETTING] = True
    app.session_state[SETTING_GROUP] = next(
        group for group, names in GROUPS.items() if name in names
    )
    app.run()
    assert not app.exception, app.exception


def form_of(app):
    return app.session_state["train-form"]


def choose_preset(app, name):
    app.selectbox(key="preset-choice").set_value(f"preset:{name}").run()
    assert not app.exception, app.exception


def test_without_images_the_page_links_to_adding_some(page):
    assert [link.proto.label for link in page().get("page_link")] == ["Add images or take a sample"]


def drawn_network(app):
    """Return what the control of the frozen stages shows."""
    (network,) = [
        data
        for element in app.get("bidi_component")
        if "sentences" in (data := json.loads(element.proto.json))
    ]
    return network


def move_grip(app, place, at):
    app.session_state[NETWORK] = {"moved": {"place": place, "at": at}}
    app.run()
    assert not app.exception, app.exception


def keys_of(app):
    return {
        widget.key
        for widgets in (app.text_input, app.selectbox, app.toggle, app.slider)
        for widget in widgets
    }


def test_every_setting_has_a_widget(page, colours):
    app = page()
    keys = keys_of(app)
    for names in GROUPS.values():
        unfold(app, names[0])
        keys |= keys_of(app)
    # Two settings share one list; the frozen stages have the drawing of the network.
    elsewhere = {knob_key("pretrained"): knob_key("weights")}
    assert drawn_network(app)["place"] == 9
    keys.add(knob_key("frozen_stages"))
    assert {elsewhere.get(knob_key(name), knob_key(name)) for name in KNOBS} <= keys


def test_a_preset_fills_the_form_and_changes_are_listed(page, colours):
    app = page()
    choose_preset(app, "two-phase")
    config = PRESETS["two-phase"].config
    assert make_run_config("any", form_of(app)) == config
    assert drawn_network(app)["place"] == 7
    assert app.text_input(key="knob-epochs").value == "10"
    assert "Changed from" not in words(app)
    app.text_input(key="knob-epochs").set_value("12").run()
    assert "Changed from **Two\\-\u2060phase**: Epochs 10 → 12." in words(app)
    next(button for button in app.button if button.label == "Undo the changes").click().run()
    assert make_run_config("any", form_of(app)) == config


def test_moving_the_grip_changes_the_form_and_a_preset_moves_the_grip(page, colours):
    app = page()
    move_grip(app, 6, 1)
    assert form_of(app)["frozen_stages"] == 6
    assert (drawn_network(app)["place"], drawn_network(app)["taken"]) == (6, 1)
    assert "Frozen stages all → the first 6" in words(app)
    choose_preset(app, "two-phase")
    assert form_of(app)["frozen_stages"] == -2
    assert drawn_network(app)["place"] == 7
    # At the preset's own place its own value is kept, which is no change.
    move_grip(app, 6, 2)
    assert "Changed from" in words(app)
    move_grip(app, 7, 3)
    assert form_of(app)["frozen_stages"] == -2
    assert "Changed from" not in words(app)


def test_places_that_no_network_has_are_not_taken_from_the_browser(page, colours):
    app = page()
    move_grip(app, 1000, 1)
    assert form_of(app)["frozen_stages"] == "all"
    move_grip(app, -5, 2)
    assert form_of(app)["frozen_stages"] == 0
    for nonsense in ("5", None, [3]):
        move_grip(app, nonsense, 3)
        assert form_of(app)["frozen_stages"] == 0


def test_another_backbone_keeps_the_depth_that_it_can_have(page, colours):
    app = page()
    move_grip(app, 8, 1)
    app.selectbox(key="knob-backbone").set_value("resnet18").run()
    assert not app.exception
    network = drawn_network(app)
    assert (network["place"], len(network["sentences"])) == (5, 6)


@pytest.mark.parametrize(
    "name", ["from-scratch", "gradual-unfreezing", "textbook-mobilenetv2-mnist"]
)
def test_every_kind_of_preset_can_be_drawn(page, colours, name):
    app = page()
    choose_preset(app, name)
    assert not app.error
    assert "Changed from" not in words(app)
    assert not train_button(app).disabled


def test_an_invalid_value_gets_a_message_and_blocks_training(page, colours):
    app = page()
    unfold(app, "dropout")
    app.text_input(key="knob-dropout").set_value("2").run()
    assert not app.exception
    messages = [error.value for error in app.error]
    # One beside the field, which may be folded away, and one above the button.
    assert len(messages) == 2
    assert all("Dropout" in message for message in messages)
    assert all("give a number from 0" in message for message in messages)
    assert app.text_input(key="knob-dropout").value == "2"
    assert train_button(app).disabled
    app.text_input(key="knob-dropout").set_value("0.5").run()
    assert not app.error
    assert not train_button(app).disabled


def test_a_folded_setting_keeps_its_value_and_its_error_message(page, colours):
    app = page()
    unfold(app, "dropout")
    app.text_input(key="knob-dropout").set_value("2").run()
    # Another tab, so that the one with dropout is no longer drawn.
    unfold(app, "loss")
    assert "knob-dropout" not in keys_of(app)
    app.session_state[EVERY_SETTING] = False
    app.run()
    assert "knob-loss" not in keys_of(app)
    assert [error.value for error in app.error if "Dropout" in error.value]
    assert train_button(app).disabled
    unfold(app, "dropout")
    assert app.text_input(key="knob-dropout").value == "2"


def test_a_warning_on_few_test_images_is_a_caption_beside_the_button(page, colours):
    app = page()
    assert any("With only 6 test images" in caption.value for caption in app.caption)
    assert not app.warning and not app.error and not train_button(app).disabled


def test_settings_that_contradict_each_other_get_a_message(page, colours):
    app = page()
    choose_preset(app, "two-phase")
    unfold(app, "head_epochs")
    app.text_input(key="knob-head_epochs").set_value("10").run()
    assert "leave no epoch" in app.error[0].value
    assert train_button(app).disabled


def test_choosing_to_unfreeze_leaves_stages_to_unfreeze(page, colours):
    app = page()
    unfold(app, "unfreeze")
    app.selectbox(key="knob-unfreeze").set_value("two-phase").run()
    assert not app.error
    assert form_of(app)["frozen_stages"] == -2


def test_a_setting_without_effect_is_disabled_and_says_why(page, colours):
    app = page()
    unfold(app, "focal_gamma")
    gamma = app.text_input(key="knob-focal_gamma")
    assert gamma.disabled
    assert gamma.label == "Focal gamma (only with focal loss)"
    app.selectbox(key="knob-loss").set_value("focal").run()
    assert not app.text_input(key="knob-focal_gamma").disabled


def test_random_weights_train_every_stage_and_pretrained_ones_restore_freezing(page, colours):
    app = page()
    app.selectbox(key="knob-weights").set_value("random").run()
    assert not app.error
    assert make_run_config("any", form_of(app)).model.frozen_stages == 0
    app.selectbox(key="knob-weights").set_value("imagenet").run()
    assert form_of(app)["frozen_stages"] == "all"


def test_presets_that_need_a_download_say_so_in_the_list(page, colours, monkeypatch, tmp_path):
    monkeypatch.delenv("TRANSFERLAB_WEIGHTS", raising=False)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "empty"))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "empty"))
    options = next(box for box in page().selectbox if box.label == "Preset").options
    marked = {
        option.removesuffix(DOWNLOAD_FIRST) for option in options if option.endswith(DOWNLOAD_FIRST)
    }
    assert PRESETS["textbook-resnet18"].title in marked
    assert not {PRESETS["feature-extraction"].title, PRESETS["from-scratch"].title} & marked


def test_an_unknown_backbone_gets_a_message(page, colours):
    app = page()
    app.session_state["train-form"]["backbone"] = "resnet19"
    app.run()
    assert not app.exception
    assert "resnet19" in app.error[0].value.replace("\\", "")


def test_the_kind_of_image_sets_the_augmentation_until_a_slider_changes_it(page, colours):
    app = page()
    app.selectbox(key="augment-kind").set_value("documents").run()
    for name, value in AUGMENTATIONS["documents"].model_dump().items():
        shown = float(form_of(app)[name]) if name in SLIDERS else form_of(app)[name]
        assert shown == value
    unfold(app, "rotation")
    before = [element.proto.body for element in app.get("html")]
    app.slider(key="knob-rotation").set_value(90.0).run()
    assert app.selectbox(key="augment-kind").value == "own"
    assert [element.proto.body for element in app.get("html")] != before


def test_train_again_starts_from_that_runs_settings_and_says_so(page, workspace, colours):
    config = make_run_config(
        colours.id, {"backbone": "resnet18", "epochs": 7, "mixup": 0.2, "unfreeze": "never"}
    )
    run = workspace.store.add_run(config, colours.name)
    app = page(like=run.id)
    assert make_run_config(colours.id, form_of(app)) == config
    assert app.selectbox(key="preset-choice").value == f"run:{run.id}"
    assert "The settings of an earlier run" in words(app)


def test_an_unknown_run_to_start_from_gets_a_warning(page, colours):
    assert "nosuchrun" in page(like="nosuchrun").warning[0].value


def test_a_preset_can_be_saved_and_deleted(page, workspace, colours):
    app = page()
    app.text_input(key="knob-epochs").set_value("9").run()
    next(field for field in app.text_input if field.label == "Name").set_value("*Mine*")
    next(button for button in app.button if button.label == "Save").click().run()
    assert [
        (preset.name, preset.config.train.epochs) for preset in workspace.store.list_presets()
    ] == [("*Mine*", 9)]
    assert app.selectbox(key="preset-choice").value == "saved:*Mine*"
    assert "Changed from" not in words(app)
    next(button for button in app.button if button.label == "Delete this preset").click().run()
    assert workspace.store.list_presets() == []


def test_the_last_frozen_layer_is_named(page, colours):
    app = page()
    unfold(app, "frozen_layers")
    app.text_input(key="knob-frozen_layers").set_value("20").run()
    assert re.search(r"The 20 frozen layers end at .+ in stage", words(app))
    assert drawn_network(app)["locked"]


def test_training_queues_a_run_with_the_settings_of_the_page(page, workspace, colours):
    app = page()
    choose_preset(app, "fine-tune-top")
    app.text_input(key="knob-epochs").set_value("1").run()
    train_button(app).click().run()
    (run,) = workspace.store.list_runs()
    assert run.config == settle(
        make_run_config(colours.id, {"epochs": 1, "frozen_stages": -2}), colours
    )


def test_the_suggested_rate_can_be_used(page, colours):
    app = page()
    result = {
        "rates": [1e-4, 1e-3],
        "losses": [2.0, 1.0],
        "suggestion": 3.2e-3,
        "reason": "It falls there.",
        "n": 9,
    }
    cached = finder.place(settle(make_run_config(colours.id, {}), colours))
    cached.parent.mkdir()
    cached.write_text(json.dumps(result))
    app.session_state["preview"] = "Learning rate"
    app.run()
    assert "It falls there" in words(app)
    next(button for button in app.button if button.label == "Use 0.0032").click().run()
    assert form_of(app)["learning_rate"] == "0.0032"
    assert "This rate is set" in words(app)
    assert "Learning rate of the head automatic → 0\\.0032" in words(app)


@pytest.mark.parametrize(
    ("frozen", "stages", "count"),
    [("all", 9, 9), (0, 9, 0), (-2, 9, 7), (-20, 9, 0), (20, 9, 9), ("3", 9, 3)],
)
def test_the_slider_follows_the_setting(frozen, stages, count):
    assert frozen_count(frozen, stages) == count
    assert 0 <= frozen_count(within(frozen, 4), 4) <= 4


def test_shapes_and_random_weights_in_words():
    assert shape_words((32, 112, 112)) == "112 × 112 × 32"
    assert shape_words((197, 768)) == "197 × 768"
    assert choice_of(False, "imagenet") == "random"


def test_equal_values_in_other_notation_are_no_change():
    config = make_run_config("any", {"learning_rate": 1e-3, "hidden_units": "256,64"})
    shown = {**as_form(config), "learning_rate": "1e-3", "hidden_units": "256 ,64", "epochs": "5.0"}
    assert changed_knobs(shown, config) == []


# In a real browser


@pytest.fixture(scope="module")
def server(tmp_path_factory, colours_folder):
    home = tmp_path_factory.mktemp("home")
    workspace = open_home(home)
    import_folder(workspace, colours_folder)
    workspace.store.close()
    server = Server(ROOT / "app.py", home)
    yield server
    server.stop()


@pytest.fixture(scope="module", params=[1440, 390])
def browser_page(request, server):
    with chromium() as browser, opened(browser, server, request.param) as page:
        page.complaints = complaints(page)
        page.goto("/train")
        page.get_by_text("on this").wait_for()
        yield page
        assert page.complaints == []


def choose(page, label, text):
    box = page.get_by_role("combobox", name=re.compile(label)).first
    box.click()
    box.fill(text)
    page.get_by_role("option").first.wait_for()
    box.press("Enter")


def test_in_a_browser_a_preset_fills_the_fields_and_draws_its_plan(browser_page):
    page = browser_page
    choose(page, "Preset", "Two-phase")
    page.get_by_text("Unfreezing: two phases").wait_for()
    expect(page.get_by_role("textbox", name="Epochs", exact=True)).to_have_value("10")
    page.get_by_role("tab", name="Training plan").click()
    page.get_by_role("figure").get_by_text(
        "5 epochs of the head alone, then 5 with the last 2 stages"
    ).wait_for()
    page.locator(".js-plotly-plot:visible .barlayer path").first.wait_for()
    until_true(page, "document.documentElement.scrollWidth <= document.documentElement.clientWidth")


def test_in_a_browser_an_invalid_value_stays_with_a_message(browser_page):
    page = browser_page
    epochs = page.get_by_role("textbox", name="Epochs", exact=True)
    epochs.fill("many")
    epochs.press("Enter")
    page.get_by_text("Epochs: 'many' is not possible").first.wait_for()
    expect(epochs).to_have_value("many")
    expect(page.get_by_role("button", name="Train", exact=True)).to_be_disabled()
    epochs.fill("11")
    epochs.press("Enter")
    page.get_by_text("for 11 epochs").wait_for()
    expect(page.get_by_role("button", name="Train", exact=True)).to_be_enabled()


def test_in_a_browser_the_preview_follows_a_slider(browser_page):
    page = browser_page
    page.get_by_text("Hyperparameters", exact=True).last.click()
    page.get_by_role("tab", name="Data augmentation").click()
    pictures = page.locator(".tl-gallery img[src^=data]")
    pictures.first.wait_for()
    expect(pictures).to_have_count(8)
    before = pictures.first.get_attribute("src")
    slider = page.get_by_role("slider", name=re.compile("Rotation"))
    slider.focus()
    for _ in range(5):
        slider.press("ArrowRight")
    expect(pictures.first).not_to_have_attribute("src", before)
    kind = page.get_by_role("combobox", name=re.compile("Data augmentation")).first
    expect(kind).to_have_value("As set under Hyperparameters")
