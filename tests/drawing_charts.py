"""Whether a chart can be drawn: what the tests of all charts ask."""

import json

import plotly.graph_objects as go

TOKENS = {"@text": "#000", "@grid": "#111", "@surface": "#222", "@accent": "#333", "@muted": "#444"}


def assert_drawable(chart):
    """Plotly takes it once the theme's colours are in, and JSON takes it as it is."""
    text = json.dumps(chart.figure, allow_nan=False)
    for token, colour in TOKENS.items():
        text = text.replace(f'"{token}"', f'"{colour}"')
    go.Figure(json.loads(text))
    assert chart.alt
    assert chart.title
    for axis in ("xaxis", "yaxis"):
        if axis in chart.figure["layout"]:
            assert chart.figure["layout"]["uirevision"] == "keep"
