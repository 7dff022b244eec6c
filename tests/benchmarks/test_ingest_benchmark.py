import pytest

from benchmarks import ingest
from benchmarks.decode import make_photos
from benchmarks.measuring import Options
from tl_core.data.images import open_rgb


def test_folders_and_zips_are_taken_in_once_and_again(tiny: Options):
    report = ingest.run(tiny)
    ways = [
        (source, when) for source in ("folder of 30", "zip of 30") for when in ("once", "again")
    ]
    assert [row[:2] for row in report.rows] == ways
    assert all(
        seconds * rate == pytest.approx(30) and peak > 0
        for _, _, seconds, rate, peak in report.rows
    )


def test_a_comment_makes_another_file_of_the_same_picture(tmp_path):
    make_photos(tmp_path / "photos", (50, 40), 1, 5, None)
    jpeg = (tmp_path / "photos/0.jpg").read_bytes()
    for number in (1, 2):
        (tmp_path / str(number)).write_bytes(ingest.with_comment(jpeg, number))
    one, two = (open_rgb(tmp_path / str(number), 10**6).pixels for number in (1, 2))
    assert (tmp_path / "1").read_bytes() != (
        tmp_path / "2"
    ).read_bytes() and one.tobytes() == two.tobytes()
