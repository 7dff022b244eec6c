"""Check everything about a run that can be checked now, then put it in the queue."""

from tl_core.backbones import count_parameters, get_backbone
from tl_core.config import RunConfig
from tl_core.facts import RunFacts
from tl_core.records import DatasetRecord, Run
from tl_core.runs.execute import check, settle
from tl_core.workspace import Workspace


def enqueue(workspace: Workspace, config: RunConfig) -> Run:
    """Queue a run, with a batch size that suits this machine where none was given.

    Raises:
        TransferLabError: as `execute.check`; nothing is queued then.
    """
    dataset = check(workspace, config)
    config = settle(config, dataset)
    left = RunFacts(left_to_machine=_left_to_machine(config, dataset))
    facts = first_facts(config, dataset).merged(left)
    return workspace.store.add_run(config, dataset.name, facts)


def _left_to_machine(config: RunConfig, dataset: DatasetRecord) -> tuple[str, ...]:
    """Settings that are what they would be if nobody had chosen: the form, too, settles before it asks for a run."""
    left_open = config.model_copy(
        update={"train": config.train.model_copy(update={"batch_size": None})}
    )
    return ("batch_size",) if settle(left_open, dataset) == config else ()


def first_facts(config: RunConfig, dataset: DatasetRecord) -> RunFacts:
    """What is known of a run before it starts."""
    trainable, total = count_parameters(
        get_backbone(config.model.backbone), config.model, len(dataset.classes)
    )
    return RunFacts(trainable_parameters=trainable, total_parameters=total, classes=dataset.classes)
