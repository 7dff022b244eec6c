"""Check everything about a run that can be checked now, then put it in the queue."""

from tl_core.backbones import count_parameters, ensure_weights, get_backbone, resolve_frozen_stages
from tl_core.config import RunConfig
from tl_core.records import Run
from tl_core.workspace import Workspace


def enqueue(workspace: Workspace, config: RunConfig) -> Run:
    """Queue a run.

    Raises:
        TransferLabError: the dataset or backbone is unknown, too many stages are frozen, or weights are missing.
    """
    dataset = workspace.store.get_dataset(config.data.dataset_id)
    backbone = get_backbone(config.model.backbone)
    resolve_frozen_stages(backbone, config.model.frozen_stages)
    if config.model.pretrained:
        ensure_weights(backbone, workspace.settings.weights_folder)
    trainable, total = count_parameters(backbone, config.model, len(dataset.classes))
    facts = {"trainable_parameters": trainable, "total_parameters": total, "classes": list(dataset.classes)}
    return workspace.store.add_run(config, dataset.name, facts)
