"""TransferLab's engine: image transfer learning, without any web framework."""

__version__ = "0.1.0"
