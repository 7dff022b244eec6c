"""Live export of a run's metrics to TensorBoard and MLflow, where the operator configured them."""

from tl_core.sinks.mirror import Mirror, Sink, open_mirror

__all__ = ["Mirror", "Sink", "open_mirror"]
