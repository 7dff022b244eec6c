"""A network of any library written out as plain PyTorch: traced on shapes, module by module, and made into source."""

from tl_core.export.plain.network import WrittenNetwork, named_tensors
from tl_core.export.plain.values import Unwritable

__all__ = ["Unwritable", "WrittenNetwork", "named_tensors"]
