"""Checking of a run, and adding it to the queue."""

from tl_core.backbones import count_parameters, get_backbone
from tl_core.config import RunConfig
from tl_core.facts import RunFacts
from tl_core.records import DatasetRecord, Run
from tl_core.runs.execute import check, settle
from tl_core.workspace import Workspace


def enqueue(workspace: Workspace, config: RunConfig) -> Run:
    """Queue a run, with a batch size chosen for this machine unless one is given.

    Raises:
        TransferLabError: as `execute.check`; nothing is queued then.
    """
    dataset = check(workspace, config)
    # Before the queue, so that a run keeps its batch size wherever it is resumed or repeated.
    config = settle(config, dataset)
    automatic = RunFacts(left_to_machine=_automatic_settings(config, dataset))
    facts = first_facts(config, dataset).merged(automatic)
    return workspace.store.add_run(config, dataset.name, facts)


def _automatic_settings(config: RunConfig, dataset: DatasetRecord) -> tuple[str, ...]:
    """Name the settings that have the value which this machine would choose."""
    # Comparing values is the only way to know: the form settles them before it submits a run.
    train = config.train.model_copy(update={"batch_size": None})
    unsettled = config.model_copy(update={"train": train})
    return ("batch_size",) if settle(unsettled, dataset) == config else ()


def first_facts(config: RunConfig, dataset: DatasetRecord) -> RunFacts:
    """Return the facts that are known before a run starts."""
    backbone = get_backbone(config.model.backbone)
    trainable, total = count_parameters(backbone, config.model, len(dataset.classes))
    return RunFacts(trainable_parameters=trainable, total_parameters=total, classes=dataset.classes)
