from drawing_charts import assert_drawable

from tl_core.charts import reliability_chart
from tl_core.evaluation import reliability
from tl_core.records import Prediction


def test_every_bar_says_of_how_many_images_it_is_also_one_of_none_right():
    made = [
        Prediction(i, int(sure < 0.7), (sure, 1 - sure))
        for i, sure in enumerate([0.55, 0.58, 0.95, 0.96, 0.97])
    ]
    bins = reliability(made)
    drawn = reliability_chart(bins)
    assert_drawable(drawn)
    assert min(b.accuracy for b in bins) == 0
    assert [trace["text"] for trace in drawn.figure["data"] if "text" in trace] == [["2", "3"]]
    assert "5 test images" in drawn.title
