"""Log of the server, Streamlit's and uvicorn's lines included."""

import logging

from tl_core.logs import Kind, start_logging
from tl_ui.people import person_of_page


def log_like_the_worker(kind: Kind) -> None:
    """Log from now on as the worker does, whatever library speaks.

    Lines of a page's script, of its fragments and of what ends it name the person of the page.
    """
    known = list(logging.root.manager.loggerDict.values())
    loggers = [logger for logger in known if isinstance(logger, logging.Logger)]
    start_logging(kind, loggers, person_of_page)
