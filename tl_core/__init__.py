"""TransferLab's engine: image transfer learning, from files to test figures. Knows nothing of the web."""

__version__ = "0.1.0"
