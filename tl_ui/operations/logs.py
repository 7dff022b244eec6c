"""Log of the server, Streamlit's and uvicorn's lines included."""

import logging

from tl_core.logs import Kind, start_logging


def log_like_the_worker(kind: Kind) -> None:
    """Log from now on as the worker does, whatever library speaks."""
    known = list(logging.root.manager.loggerDict.values())
    loggers = [logger for logger in known if isinstance(logger, logging.Logger)]
    start_logging(kind, loggers)
