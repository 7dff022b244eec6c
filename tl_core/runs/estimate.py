"""Estimated duration of a run: what it has to compute, at the pace of this machine."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import chain

from tl_core.events import STAGES
from tl_core.machine import Available, probe_available
from tl_core.runs.part_costs import PartCosts
from tl_core.runs.spans import Part, Span, add_up
from tl_core.runs.workload import Workload, count_work
from tl_core.training import Experiment
from tl_core.training.speed_records import recall
from tl_core.workspace import Workspace

_READING, _PREPARING, _TRAINING, _TESTING = STAGES


@dataclass(frozen=True, slots=True)
class Estimate:
    """Expected duration of a run from its start, without its time in the queue."""

    parts: Mapping[str, tuple[Part, ...]]
    """Parts of each of `events.STAGES`."""
    work: Workload
    available: Available
    """Cores that the run was taken to get."""

    @property
    def span(self) -> Span:
        return add_up(chain.from_iterable(self.parts.values()), self.available)

    @property
    def stages(self) -> dict[str, Span]:
        """Duration of each stage."""
        return {stage: add_up(parts, self.available) for stage, parts in self.parts.items()}

    @property
    def processor(self) -> dict[str, float]:
        """Processor seconds of each stage."""
        return {stage: sum(part.processor for part in parts) for stage, parts in self.parts.items()}


def estimate_run(
    workspace: Workspace,
    experiment: Experiment,
    available: Available,
    *,
    is_first: bool,
    measures: bool = True,
) -> Estimate:
    """Estimate the duration of a run without its time in the queue.

    Early stopping is not taken into account. A network that was never measured here is measured
    first, which takes up to a second or two, and twice that where its stages are trained.

    Args:
        experiment: the run's, which is not carried out.
        available: cores that the run will get.
        is_first: whether it will be the first run of its process, which has to import more.
        measures: whether the training of stages is measured where that is needed.
    """
    work = count_work(experiment, workspace.settings.cache_bytes)
    costs = PartCosts(workspace, experiment, work, is_first=is_first, measures=measures)
    parts = {
        _READING: (costs.start(),),
        _PREPARING: tuple(costs.prepare()),
        _TRAINING: tuple(chain.from_iterable(map(costs.train, work.phases))),
        _TESTING: tuple(costs.test()),
    }
    return Estimate(parts, work, available)


def quick_estimate(workspace: Workspace, experiment: Experiment) -> dict[str, float]:
    """Return the expected seconds of each stage of a run that begins now.

    It takes a tenth of a second and is empty for a network whose stages were never measured here.
    """
    config = experiment.config
    home = workspace.settings.home
    if recall(home, config.model.backbone, experiment.preprocessing.size) is None:
        return {}
    available = probe_available(0.0)
    found = estimate_run(workspace, experiment, available, is_first=False, measures=False)
    return {stage: span.expected for stage, span in found.stages.items()}
