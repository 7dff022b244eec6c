from tl_core.records import ImageRecord
from tl_ui.run.images import pick_samples


def image(position, class_name):
    return ImageRecord(position, "0" * 64, f"{position}.png", class_name, None, "png", 8, 8)


def test_samples_show_as_many_classes_as_there_are():
    images = [image(i, name) for i, name in enumerate("aaaabbc")]
    assert pick_samples(images, [0, 1, 2, 3, 4, 5, 6]) == [0, 4, 6, 1, 5, 2]
    assert pick_samples(images, [6, 3, 2]) == [2, 6, 3]
    assert pick_samples(images, []) == []
