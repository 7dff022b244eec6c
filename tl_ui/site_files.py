"""Folder of `app.py`, `pages` and `assets`: the project's, or the one in an installed package."""

from pathlib import Path

_PACKAGE = Path(__file__).parent
_INSTALLED = _PACKAGE / "site"

SITE = _INSTALLED if _INSTALLED.is_dir() else _PACKAGE.parent
