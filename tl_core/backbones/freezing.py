"""Which stages learn."""

from tl_core.backbones.build import TransferModel, resolve_frozen_stages, stage_shapes
from tl_core.backbones.catalog import Backbone
from tl_core.backbones.heads import head_parameters
from tl_core.config import ModelConfig


def freeze_stages(model: TransferModel, frozen_stages: int) -> None:
    """Keep the first `frozen_stages` as they are: no gradients, and eval mode whenever the rest trains."""
    model.requires_grad_(True)
    model.stages[:frozen_stages].requires_grad_(False)
    model.frozen_stages = frozen_stages
    model.train(model.training)


def count_parameters(backbone: Backbone, config: ModelConfig, n_classes: int) -> tuple[int, int]:
    """(trainable, all) weights and biases of the model that `config` describes, without building it."""
    frozen = resolve_frozen_stages(backbone, config.frozen_stages)
    stages = [parameters for parameters, _ in stage_shapes(backbone)]
    head = head_parameters(backbone.features, n_classes, config.hidden_units)
    return sum(stages[frozen:]) + head, sum(stages) + head
