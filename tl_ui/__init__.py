"""Web interface: parts that the pages share; none of them imports a page."""
