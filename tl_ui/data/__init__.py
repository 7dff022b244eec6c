"""Parts of the Data page and the uploads behind it."""
