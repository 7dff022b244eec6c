from benchmarks import start
from benchmarks.measuring import Options


def test_what_starts_quickly_is_timed_with_its_memory(tiny: Options):
    report = start.run(tiny)
    seconds = {row[0]: row[1] for row in report.rows}
    shown = (
        ["empty Streamlit app: first page shown"]
        if start.CHROMIUM and start.has_playwright()
        else []
    )
    assert list(seconds) == [*start.QUICK, "empty Streamlit app: server answers", *shown]
    assert all(value > 0 for row in report.rows for value in row[1:])
