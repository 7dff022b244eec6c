"""Command `backbones`."""

from pathlib import Path

from cli.commanding import answer, run

from tl_core.backbones import list_backbones


def test_backbones_are_the_catalogue(home: Path):
    rows = answer(run(home, "backbones", "--json"))
    catalogue = list_backbones()
    assert [row["name"] for row in rows] == [row.name for row in catalogue]
    first = rows[0]
    assert first["name"] == "tf_efficientnet_lite0" and first["weights_here"] is True
    assert first["n_stages"] == len(first["stages"])
    assert first["image_size"] == 224
    assert first["licence"]
    assert rows[-1]["stages"] is None and rows[-1]["images_per_second"] is None
    text = run(home, "backbones").stdout
    assert all(row.name in text for row in catalogue)


def test_backbones_are_searched_in_timm_as_well(home: Path):
    rows = answer(run(home, "backbones", "--search", "MobileNetV4_conv_small", "--json"))
    assert rows
    assert all("mobilenetv4_conv_small" in row["name"] and row["library"] == "timm" for row in rows)
    assert all(row["n_stages"] > 1 for row in rows)
    assert answer(run(home, "backbones", "--search", "no such thing", "--json")) == []
    assert (
        "No backbone has 'no such thing' in its name"
        in run(home, "backbones", "--search", "no such thing").stdout
    )
