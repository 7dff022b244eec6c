from tl_core.records import ImageRecord, Prediction
from tl_ui.run_images import in_order, pick_samples


def image(position, class_name):
    return ImageRecord(position, "0" * 64, f"{position}.png", class_name, None, "png", 8, 8)


def test_samples_show_as_many_classes_as_there_are():
    images = [image(i, name) for i, name in enumerate("aaaabbc")]
    assert pick_samples(images, [0, 1, 2, 3, 4, 5, 6]) == [0, 4, 6, 1, 5, 2]
    assert pick_samples(images, [6, 3, 2]) == [2, 6, 3]
    assert pick_samples(images, []) == []


def test_the_worst_mistakes_come_first():
    sure_wrong = Prediction(0, 1, (0.9, 0.1))
    unsure_wrong = Prediction(1, 1, (0.6, 0.4))
    sure_right = Prediction(2, 0, (0.99, 0.01))
    unsure_right = Prediction(3, 0, (0.55, 0.45))
    predictions = [sure_right, unsure_wrong, unsure_right, sure_wrong]
    assert in_order(predictions, "wrong") == [sure_wrong, unsure_wrong]
    assert in_order(predictions, "right") == [unsure_right, sure_right]
    assert in_order(predictions, "all") == [sure_wrong, unsure_wrong, unsure_right, sure_right]
