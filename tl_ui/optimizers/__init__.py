"""Parts of the Optimizers page."""
