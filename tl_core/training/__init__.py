"""From a configuration to a trained, tested model."""

from tl_core.training.checkpoints import Checkpoint, load_checkpoint, save_checkpoint
from tl_core.training.device import Device, pick_device
from tl_core.training.experiment import Experiment, run_experiment
from tl_core.training.fit import fit
from tl_core.training.optimizers import learning_rates

__all__ = [
    "Checkpoint",
    "Device",
    "Experiment",
    "fit",
    "learning_rates",
    "load_checkpoint",
    "pick_device",
    "run_experiment",
    "save_checkpoint",
]
