"""What the pages share: the parts of the web side, none of which knows a page."""
