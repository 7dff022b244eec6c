"""Parts of the Bin page."""
