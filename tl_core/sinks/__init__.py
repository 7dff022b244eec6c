"""Other places that a run is told to while it goes: TensorBoard and MLflow, where the operator has asked for them."""

from tl_core.sinks.mirror import Mirror, Sink, open_mirror

__all__ = ["Mirror", "Sink", "open_mirror"]
