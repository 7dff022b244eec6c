"""Files dropped without a folder: images are counted and get a class, the rest is listed."""

import io

import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest
from waiting import PATIENCE

from tl_ui import resources
from tl_ui.data.uploads import new_upload_id, uploads_for


def page():
    import streamlit as st

    from tl_ui.data.loose_images import is_something_waiting, put_aside, take_loose_images

    for upload_id in st.session_state.pop("dropped", []):
        put_aside(upload_id)
    if finished := take_loose_images():
        name, opening = finished
        with opening as source, source.open(st.session_state["limits"]) as listing:
            st.text(f"{name}: {sorted('/'.join(entry.parts) for entry in listing.entries)}")
    st.text(f"waiting: {is_something_waiting()}")


@pytest.fixture
def app(tmp_path, monkeypatch):
    monkeypatch.setenv("TRANSFERLAB_HOME", str(tmp_path))
    monkeypatch.delenv("TRANSFERLAB_DATABASE_URL", raising=False)
    resources.get_workspace.cache_clear()
    app = AppTest.from_function(page, default_timeout=PATIENCE)
    app.session_state["limits"] = resources.get_workspace().settings.limits
    yield app
    resources.get_workspace.cache_clear()


def photo(value=0):
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8), (value, 90, 90)).save(buffer, "JPEG")
    return buffer.getvalue()


@pytest.fixture
def drop(body):
    def drop(app, files):
        upload = uploads_for(resources.get_workspace().settings).get_or_open(new_upload_id())
        writer = upload.start_batch(0)
        writer.feed(body(list(files.items())))
        writer.commit()
        app.session_state["dropped"] = [upload.id]
        return ran(app)

    return drop


def ran(app):
    app.run()
    assert not app.exception, app.exception
    return app


def said(app):
    return "\n".join(
        element.value for elements in (app.markdown, app.warning, app.text) for element in elements
    )


def press(app, label):
    next(button for button in app.button if button.label == label).click()
    return ran(app)


def give_class(app, name):
    app.text_input[0].set_value(name)
    return press(app, "Add to the dataset")


def test_what_is_no_image_is_named_with_its_reason_and_not_counted(app, drop):
    images = {"a.jpg": photo(), "no suffix": photo(1), "called.txt": photo(2)}
    left_behind = {"._a.jpg": b"x", ".hidden.jpg": photo(3), "Thumbs.db": b"x"}
    drop(app, {**images, **left_behind, "wrong*.txt": b"hello", "cv.jpg": b"%PDF-1"})
    assert "You dropped 3 images" in said(app)
    assert "2 files are no images" in said(app)
    assert r"wrong\*\.txt" in said(app) and "PDF" in said(app) and "called" not in said(app)
    give_class(app, "tin")
    assert "**tin** (3 images)" in said(app) and "no image" not in said(app)


def test_a_drop_without_an_image_is_not_asked_about(app, drop):
    drop(app, {"wrong.txt": b"hello"})
    assert "1 file is no image that can be used. Nothing was added." in said(app)
    assert not app.text_input
    press(app, "Dismiss")
    assert said(app) == "waiting: False"


def test_of_many_such_files_some_are_named_and_the_rest_counted(app, drop):
    others = {f"{i}.txt": b"hello" for i in range(30)} | {"last.jpg": b"%PDF-1"}
    drop(app, {"a.jpg": photo(), **others})
    assert "31 files are no images" in said(app) and "and 23 more files" in said(app)
    # The only one with a reason of its own is not among the rest.
    assert r"**last\.jpg**" in said(app)


def test_what_was_dropped_waits_until_it_is_a_dataset(app, drop):
    assert said(ran(app)) == "waiting: False"
    drop(app, {"a.jpg": photo()})
    drop(app, {"b.jpg": photo(1), "c.txt": b"hello"})
    assert "waiting: True" in said(app)
    give_class(app, "cats")
    assert "waiting: True" in said(app)
    give_class(app, "dogs")
    assert "waiting: True" in said(app) and "**cats** (1 image), **dogs** (1 image)" in said(app)
    press(app, "Make the dataset")
    assert "My images: ['cats/a.jpg', 'dogs/b.jpg', 'dogs/c.txt']" in said(
        app
    ) and "waiting: False" in said(app)


def test_starting_over_leaves_nothing(app, drop, tmp_path):
    give_class(drop(app, {"a.jpg": photo()}), "cats")
    press(app, "Start over")
    assert said(app) == "waiting: False"
    assert list((tmp_path / "staging").iterdir()) == []
