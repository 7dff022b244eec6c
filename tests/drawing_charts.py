"""Shared check of the chart tests: a chart can be drawn."""

import json

import plotly.graph_objects as go

TOKENS = {"@text": "#000", "@grid": "#111", "@surface": "#222", "@accent": "#333", "@muted": "#444"}


def assert_drawable(chart):
    """Check that Plotly accepts the chart with the theme's colours, and JSON without them."""
    text = json.dumps(chart.figure, allow_nan=False)
    for token, colour in TOKENS.items():
        text = text.replace(f'"{token}"', f'"{colour}"')
    go.Figure(json.loads(text))
    assert chart.alt
    assert chart.title
    for axis in ("xaxis", "yaxis"):
        if axis in chart.figure["layout"]:
            assert chart.figure["layout"]["uirevision"] == "keep"
