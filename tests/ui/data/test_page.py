import re

import pytest
from filled_pages import open_page, words, workspace  # noqa: F401

from tl_core.records import DatasetRecord, ImageRecord, SkippedFile


@pytest.fixture
def add(workspace):  # noqa: F811
    def add_dataset(counts, warnings=(), skipped=()):
        names = tuple(f"class {place}" for place in range(len(counts)))
        labels = [place for place, n in enumerate(counts) for _ in range(n)]
        images = [
            ImageRecord(i, f"{i:064x}", f"{i}.png", names[label], None, "png", 8, 8)
            for i, label in enumerate(labels)
        ]
        record = DatasetRecord(
            "d1", "Birds", names, tuple(counts), len(skipped), "zip", 0.0, tuple(warnings)
        )
        workspace.store.add_dataset(record, images, list(skipped))

    return add_dataset


def order(app):
    """Return what the page shows, from top to bottom."""
    html = [(element.type, element.proto.body) for element in app.get("html")]
    return [
        html.pop(0) if e.type == "html" else (e.type, str(getattr(e, "value", "")))
        for e in app.main
    ]


def first(shown, text):
    return next(place for place, (_, value) in enumerate(shown) if text in str(value))


def test_pictures_come_first_then_the_counts_then_warnings_then_the_button(add):
    add([40, 4], warnings=["Something is odd."], skipped=[SkippedFile("x", "It is broken.")])
    app = open_page("data")
    shown = order(app)
    places = [
        first(shown, "tl-row"),
        first(shown, "Class balance"),
        first(shown, "Something is odd"),
        next(i for i, (kind, _) in enumerate(shown) if kind == "page_link"),
    ]
    assert places == sorted(places)


def test_two_hundred_equal_classes_are_one_sentence(add):
    add([3] * 200)
    app = open_page("data")
    said = words(app)
    assert len(re.findall(r"\b600 images", said)) == 1
    assert "600 images in 200 classes, 3 in each" in said
    assert not any("alt" in component.proto.json for component in app.get("bidi_component"))
    dataset = next(box for box in app.selectbox if box.label == "Dataset")
    assert "600" not in dataset.options[0]


def test_uneven_classes_are_drawn_with_the_counts_as_title(add):
    add([40, 4])
    app = open_page("data")
    assert "44 images" not in words(app)
    charts = [component.proto.json for component in app.get("bidi_component")]
    assert sum("44 images in 2 classes, from 4 to 40 in each" in chart for chart in charts) == 1


def test_a_row_a_class_and_more_on_request(add):
    add([12] * 30)
    app = open_page("data")
    assert words(app).count('class="tl-row"') == 8
    assert words(app).count("<img") == 80
    app.button(key="all-rows").click().run()
    assert words(app).count('class="tl-row"') == 30


def test_one_class_is_shown_image_by_image(add):
    add([12, 40])
    app = open_page("data")
    app.selectbox(key="class-d1").set_value("class 1").run()
    assert words(app).count("<img") == 24
    assert "Image of class 0" not in words(app)
    app.button(key="more-shown-d1-class 1").click().run()
    assert words(app).count("<img") == 40


def test_warnings_of_the_split_are_among_the_others(add):
    add([4, 4], warnings=["Something is odd."])
    app = open_page("data")
    warnings = [warning.value for warning in app.warning]
    assert warnings[0] == "Something is odd\\."
    assert any("test image" in warning for warning in warnings)
    assert f"[{len(warnings)} warnings](#warnings)" in words(app)


def test_the_first_visit_says_what_the_app_does(workspace):  # noqa: F811
    app = open_page("data")
    assert app.title[0].value == "TransferLab"
    assert "learns your own classes" in words(app)
    picture = app.get("bidi_component")[0].proto.json
    assert picture.count('role=\\"img') == 3
