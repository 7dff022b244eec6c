"""A network of any library written out as plain PyTorch: traced on shapes, module by module, and made into source."""

from tl_core.export.plain.values import Unwritable
from tl_core.export.plain.written import WrittenNetwork, library_name, named_tensors

__all__ = ["Unwritable", "WrittenNetwork", "library_name", "named_tensors"]
