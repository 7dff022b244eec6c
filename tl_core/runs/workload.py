"""Workload of a run that has not started: what it has to compute, and what is cached already."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

from tl_core.backbones import anatomy
from tl_core.data.pixels import Form, images_to_decode
from tl_core.features import (
    CachedActivations,
    ImageExamples,
    Side,
    activation_bytes,
    recall_digests,
)
from tl_core.features.image_views import Missing
from tl_core.features.prefix import is_worth_exporting
from tl_core.training import Experiment
from tl_core.training.frozen_part import phases_that_keep, views_of
from tl_core.training.plan import Phase, make_plan
from tl_core.training.testing import n_checked


@dataclass(frozen=True, slots=True)
class Reading:
    """Images to read in one pass."""

    n: int = 0
    """Images that are read, decoded or from the cache."""
    decoded: tuple[tuple[str, int], ...] = ()
    """Number of images to decode, by `Form.name`."""
    varied: int = 0
    """Images to augment."""

    def __add__(self, other: "Reading") -> "Reading":
        return Reading(
            self.n + other.n, (*self.decoded, *other.decoded), self.varied + other.varied
        )

    def times(self, n: int) -> "Reading":
        """Return the same reading, done `n` times."""
        decoded = tuple((form, n * count) for form, count in self.decoded)
        return Reading(n * self.n, decoded, n * self.varied)


@dataclass(frozen=True, slots=True)
class PhaseWork:
    """Epochs of one phase."""

    epochs: int
    frozen: int
    """Length of the frozen prefix, in stages."""
    on_rows: bool
    """True where it trains on cached activations, False where it trains on images."""
    reading: Reading
    """Images to read in all of its epochs."""


@dataclass(frozen=True, slots=True)
class Workload:
    """Everything that decides how long a run takes, except the machine."""

    n_train: int
    n_val: int
    n_test: int
    n_checked: int
    """Training images that are evaluated again at the end."""
    views: int
    """Views of each training image that are cached as activations; 0 if none are."""
    cut: int
    """Length of the longest prefix whose activations are cached, in stages."""
    rows: int
    """Images and views that pass through the frozen prefix before training."""
    rows_found: int
    """Images and views whose activations are cached already."""
    exports: bool
    """True if the prefix is exported to ONNX Runtime before training."""
    reading: Reading
    """Images to read before training."""
    phases: tuple[PhaseWork, ...]
    test_cut: int
    """Length of the prefix in the test; 0 where the test passes through the whole network."""
    test_rows: int
    """Images that pass through the prefix, or through the whole network, in the test."""
    test_rows_found: int
    """Images of the test whose activations are cached already."""
    test_exports: bool
    test_reading: Reading


def count_work(experiment: Experiment, cache_bytes: float) -> Workload:
    """Count what a run has to do, from its settings and the headers of the cache's files.

    Args:
        experiment: the run's, which is not carried out.
        cache_bytes: space for activations of frozen stages.
    """
    return _Counter(experiment, cache_bytes).count()


class _Counter:
    def __init__(self, experiment: Experiment, cache_bytes: float) -> None:
        self._experiment = experiment
        self._config = experiment.config
        self._cache_bytes = cache_bytes
        self._anatomy = anatomy(experiment.backbone, self._config.model.image_size)
        self._on_cpu = experiment.device.torch_device.type == "cpu"
        self._kept = self._open_cache()
        self._undecoded: dict[Form, set[str]] = {}
        """Contents that are neither cached nor decoded earlier in this run, by form."""

    def _open_cache(self) -> CachedActivations | None:
        experiment = self._experiment
        model = self._config.model
        if experiment.cache is None:
            return None
        return CachedActivations(
            experiment.cache,
            experiment.backbone,
            None,
            model.image_size,
            precision=self._config.train.feature_precision,
            autocast=experiment.device.autocast,
            only_torch=experiment.only_torch,
            stage_digests=recall_digests(experiment.cache, model, experiment.weights_folders),
        )

    def count(self) -> Workload:
        split = self._experiment.split
        plan = make_plan(self._config)
        kept, views = self._phases_on_rows(plan)
        cuts = sorted({phase.frozen.stages for phase in kept})
        missing: list[Missing] = []
        if self._kept and kept:
            train = Side(self._experiment.examples(split.train, augment=True), views)
            val = Side(self._experiment.examples(split.val), 1)
            missing = [each for side in (train, val) for each in self._kept.missing(side, cuts)]
        rows = sum(len(each.keys) for each in missing)
        # In the order of the run, since earlier steps decode for later ones.
        reading = sum((self._read(each.images, each.view > 0) for each in missing), Reading())
        phases = tuple(self._phase(phase, phase in kept) for phase in plan)
        checked = n_checked(len(split.train), len(split.val))
        test_cut, test_images = self._test(plan[-1], checked, finds_rows=plan[-1] in kept)
        return Workload(
            n_train=len(split.train),
            n_val=len(split.val),
            n_test=len(split.test),
            n_checked=checked,
            views=views,
            cut=cuts[-1] if cuts else 0,
            rows=rows,
            rows_found=views * len(split.train) + len(split.val) - rows if kept else 0,
            exports=self._exports(rows),
            reading=reading,
            phases=phases,
            test_cut=test_cut,
            test_rows=sum(map(len, test_images)),
            test_rows_found=len(split.test) - len(test_images[1]) if test_cut else 0,
            # The graph that was exported before training serves the test, too.
            test_exports=bool(test_cut)
            and not rows
            and any(self._exports(len(images)) for images in test_images),
            test_reading=sum((self._read(images, False) for images in test_images), Reading()),
        )

    def _exports(self, rows: int) -> bool:
        if not self._on_cpu or self._experiment.only_torch:
            return False
        return is_worth_exporting(float(self._anatomy.multiply_adds), rows)

    def _phases_on_rows(self, plan: Sequence[Phase]) -> tuple[tuple[Phase, ...], int]:
        """Return (phases that train on cached activations, views per training image)."""
        if self._kept is None:
            return (), 0
        precision = self._config.train.feature_precision
        row_bytes = partial(activation_bytes, self._anatomy, precision=precision)
        n_train = len(self._experiment.split.train)
        kept = phases_that_keep(self._config, plan, row_bytes)
        views = views_of(self._config, n_train, kept)
        bytes_per_view = sum(row_bytes(cut) for cut in {phase.frozen.stages for phase in kept})
        n_rows = views * n_train + len(self._experiment.split.val)
        return ((), 0) if n_rows * bytes_per_view > self._cache_bytes else (kept, views)

    def _phase(self, phase: Phase, on_rows: bool) -> PhaseWork:
        if on_rows:
            return PhaseWork(phase.epochs, phase.frozen.stages, on_rows, Reading())
        split = self._experiment.split
        train = self._experiment.examples(split.train, augment=True)
        val = self._experiment.examples(split.val)
        first = self._read(train, True) + self._read(val, False)
        # Later epochs find the pixels that the first one decoded.
        later = self._read(train, True) + self._read(val, False)
        reading = first + later.times(phase.epochs - 1)
        return PhaseWork(phase.epochs, phase.frozen.stages, on_rows, reading)

    def _test(
        self, last: Phase, checked: int, *, finds_rows: bool
    ) -> tuple[int, list[ImageExamples]]:
        """Return the prefix of the test, and the images of the training check and of the test.

        They are those that pass through the prefix, or through the whole network where it is 0.
        """
        split = self._experiment.split
        some = self._experiment.examples(split.train[:checked])
        test = self._experiment.examples(split.test)
        cut = 0 if self._config.model.batch_norm == "adapt" else last.frozen.stages
        if self._kept is None or not cut:
            return 0, [some, test]
        is_exact = self._on_cpu and self._config.train.feature_precision == "float32"
        if finds_rows:
            some = replace(some, images=[], labels=[])
        elif is_exact:
            some = self._without_rows(some, cut)
        return (cut, [some, self._without_rows(test, cut)]) if is_exact else (0, [some, test])

    def _without_rows(self, examples: ImageExamples, cut: int) -> ImageExamples:
        assert self._kept
        missing = self._kept.missing(Side(examples, 1), [cut])
        return missing[0].images if missing else replace(examples, images=[], labels=[])

    def _read(self, examples: ImageExamples, augmented: bool) -> Reading:
        """Count one reading of the examples, and note what is decoded from then on."""
        augment = examples.augment if augmented else None
        form = Form.of(examples.preprocessing, augment)
        if form not in self._undecoded:
            everything = self._experiment.images
            undecoded = images_to_decode(self._experiment.cache, form, everything)
            self._undecoded[form] = {image.sha256 for image in undecoded}
        left = self._undecoded[form]
        decoded = [image for image in examples.images if image.sha256 in left]
        if self._experiment.cache:
            left.difference_update(
                image.sha256 for image in decoded if form.is_worth_caching(image)
            )
        n = len(examples.images)
        return Reading(n, ((form.name, len(decoded)),), n if augment else 0)
