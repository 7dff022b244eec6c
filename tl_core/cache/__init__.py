"""Rows of numbers that are worth keeping on disk, found again by what they were made from."""

from tl_core.cache.row_cache import RowCache
from tl_core.cache.rows import CacheMiss, Rows
from tl_core.cache.shelf import Shelf

__all__ = ["CacheMiss", "RowCache", "Rows", "Shelf"]
