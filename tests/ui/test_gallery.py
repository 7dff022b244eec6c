from html.parser import HTMLParser

import pytest

from tl_ui.gallery import ClassRow, GalleryItem, class_rows_html, gallery_html, spread

HOSTILE = """"><script>alert(1)</script><img src=x onerror='1'>"""


class Tags(HTMLParser):
    def __init__(self, html):
        super().__init__()
        self.found, self.words = [], ""
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.words += data

    def named(self, name):
        return [attrs for tag, attrs in self.found if tag == name]


def test_pictures_load_late_and_keep_their_place():
    (picture,) = Tags(gallery_html([GalleryItem("/api/x?token=a&b=c", "rose")], side=96)).named(
        "img"
    )
    assert picture["src"] == "/api/x?token=a&b=c"
    assert (picture["loading"], picture["width"], picture["height"]) == ("lazy", "96", "96")
    assert picture["alt"] == "Image of rose"


@pytest.mark.parametrize(
    ("predicted", "word", "alt"),
    [
        ("rose", "✓ right", "Right: image of rose, predicted rose, 86.1 % confident"),
        ("tulip", "✗ wrong", "Wrong: image of rose, predicted tulip, 86.1 % confident"),
    ],
)
def test_right_and_wrong_are_words_too(predicted, word, alt):
    tags = Tags(gallery_html([GalleryItem("/x", "rose", predicted, 0.861)]))
    assert word in tags.words
    assert tags.named("img")[0]["alt"] == alt


def test_user_text_is_never_markup():
    item = GalleryItem(HOSTILE, HOSTILE, HOSTILE + "x", 0.5, HOSTILE, HOSTILE)
    tags = Tags(gallery_html([item, GalleryItem("/x", HOSTILE, HOSTILE)]))
    assert not tags.named("script")
    assert len(tags.named("img")) == 2
    assert all("onerror" not in attrs for _, attrs in tags.found)
    assert HOSTILE in tags.words


def test_few_of_many_are_taken_at_equal_distances_so_that_each_class_has_its_share():
    by_class = ["circle"] * 3 + ["square"] * 3 + ["star"] * 3 + ["triangle"] * 3
    assert spread(by_class, 4) == ["circle", "square", "star", "triangle"]
    assert spread(by_class, 12) == spread(by_class, 100) == by_class
    assert spread([], 4) == []


def test_without_captions_the_alternative_text_remains():
    tags = Tags(gallery_html([GalleryItem("/x", "rose")], captions=False))
    assert not tags.named("figcaption")
    assert tags.named("img")[0]["alt"]


def test_a_row_shows_its_class_once_and_its_pictures_without_captions():
    rows = [ClassRow(HOSTILE, [GalleryItem("/x", HOSTILE)] * 3), ClassRow("b", [])]
    tags = Tags(class_rows_html(rows))
    assert not tags.named("script")
    assert len(tags.named("img")) == 3
    assert not tags.named("figcaption")
    assert tags.words.count(HOSTILE) == 1
