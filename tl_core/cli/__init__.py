"""Command line `transferlab`, or `python -m tl_core`, on the same store as the app."""

from tl_core.cli.main import main

__all__ = ["main"]
