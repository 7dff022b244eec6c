"""Disk cache of arrays (decoded images, activations), addressed by what they were computed from."""

from tl_core.cache.inspection import damaged_segments
from tl_core.cache.row_cache import RowCache
from tl_core.cache.rows import CacheMiss, Rows
from tl_core.cache.shelf import Shelf

__all__ = ["CacheMiss", "RowCache", "Rows", "Shelf", "damaged_segments"]
