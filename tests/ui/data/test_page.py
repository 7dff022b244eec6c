import re

import pytest
from filled_pages import open_page, pictures, words, workspace  # noqa: F401

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
    components = [(element.type, element.proto.json) for element in app.get("bidi_component")]
    return [
        components.pop(0) if e.type == "bidi_component" else (e.type, str(getattr(e, "value", "")))
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


def test_files_left_out_for_a_rare_reason_are_listed_first(add):
    many = [SkippedFile(f"{i}.jpg", "It has no label.") for i in range(12)]
    add([4, 4], skipped=[*many, SkippedFile("notes.txt", "It is no image.")])
    (table,) = open_page("data").dataframe
    assert table.value["File"].iloc[0] == "notes.txt" and len(table.value) == 13


def test_two_hundred_equal_classes_are_one_sentence(add):
    add([3] * 200)
    app = open_page("data")
    said = words(app)
    assert len(re.findall(r"\b600 images", said)) == 1
    assert "600 images in 200 classes, 3 in each" in said
    assert not any('"alt"' in component.proto.json for component in app.get("bidi_component"))
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
    assert pictures(app).count('class="tl-row"') == 8
    assert pictures(app).count("<img") == 80
    app.button(key="all-rows").click().run()
    assert pictures(app).count('class="tl-row"') == 30


def test_a_row_shows_ten_of_its_class_at_equal_distances_and_all_of_a_small_one(add):
    add([40, 4, 10, 11])
    rows = pictures(open_page("data")).split('class="tl-row"')[1:]
    shown = [[int(pick) for pick in re.findall(r'data-pick="(\d+)"', row)] for row in rows]
    names = [re.search(r"<b>(.*?)</b>", row)[1] for row in rows]
    assert names == ["class 0", "class 1", "class 2", "class 3"]
    # Positions count through all classes, in their order.
    assert shown[0] == list(range(0, 40, 4))
    assert shown[1] == [40, 41, 42, 43]
    assert shown[2] == list(range(44, 54))
    assert len(shown[3]) == len(set(shown[3])) == 10 and set(shown[3]) < set(range(54, 65))


def test_one_class_is_shown_image_by_image(add):
    add([12, 40])
    app = open_page("data")
    app.selectbox(key="class-d1").set_value("class 1").run()
    assert pictures(app).count("<img") == 24
    assert "Image of class 0" not in pictures(app)
    app.button(key="more-shown-d1-class 1").click().run()
    assert pictures(app).count("<img") == 40


@pytest.mark.parametrize(("class_name", "clicked"), [(None, 13), ("class 1", 20)])
def test_a_click_on_an_image_opens_it_among_those_of_its_class(add, class_name, clicked):
    add([12, 40])
    app = open_page("data")
    key = "pictures-d1"
    if class_name:
        app.selectbox(key="class-d1").set_value(class_name).run()
        key = f"{key}-{class_name}"
    app.session_state[key] = {"picked": clicked}
    app.run()
    assert not app.exception, app.exception
    said = [text.value for text in app.markdown]
    assert "### class 1" in said
    assert f"{clicked - 12 + 1} of 40" in said


@pytest.mark.parametrize("nonsense", [-1, 52, 10**9])
def test_images_that_are_not_there_open_nothing(add, nonsense):
    add([12, 40])
    app = open_page("data")
    app.session_state["pictures-d1"] = {"picked": nonsense}
    app.run()
    assert not app.exception, app.exception
    assert not [text for text in app.markdown if "of 40" in text.value]


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
