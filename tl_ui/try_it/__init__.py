"""Parts of the Try it page."""
