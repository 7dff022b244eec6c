"""Training of one run: from a configuration to a trained and tested model."""

from tl_core.training.checkpoints import Checkpoint, load_checkpoint, make_whole, save_checkpoint
from tl_core.training.device import Device, pick_device
from tl_core.training.experiment import Experiment
from tl_core.training.fit import fit
from tl_core.training.learner import Learner
from tl_core.training.optimizers import learning_rates
from tl_core.training.plan import Phase, make_plan
from tl_core.training.run import build_experiment_model, run_experiment

__all__ = [
    "Checkpoint",
    "Device",
    "Experiment",
    "Learner",
    "Phase",
    "build_experiment_model",
    "fit",
    "learning_rates",
    "load_checkpoint",
    "make_plan",
    "make_whole",
    "pick_device",
    "run_experiment",
    "save_checkpoint",
]
