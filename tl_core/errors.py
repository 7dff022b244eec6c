"""One class for each way a request can be wrong. The message is a sentence for the person who made it.

Every message names the file or value, says what is wrong with it and what to do. Interfaces print `str(error)`
and nothing else; anything that is not a `TransferLabError` is a defect of ours.
"""


class TransferLabError(Exception):
    """Base of every failure that a person can act on."""


class ConfigError(TransferLabError):
    """A chosen setting is not among the legal ones."""


class UnknownBackbone(ConfigError):
    """No backbone of that name is in the catalogue."""


class UnknownDataset(TransferLabError):
    """The store holds no such dataset."""


class UnknownRun(TransferLabError):
    """The store holds no such run."""


class DatasetInUse(TransferLabError):
    """The dataset cannot be deleted while runs are reading it."""


class RunNotReady(TransferLabError):
    """The run has no model yet, or is in a state that does not allow what was asked."""


class DatasetRefused(TransferLabError):
    """A dataset as a whole cannot be taken in; nothing of it is kept."""


class UnsafeArchive(DatasetRefused):
    """An archive is encrypted, a bomb, damaged, or points outside itself."""


class TooFewClasses(DatasetRefused):
    """Fewer than two classes with usable images."""


class ClassTooSmall(DatasetRefused):
    """A class has too few distinct images to appear in train, validation and test."""


class ImageUnusable(TransferLabError):
    """One image cannot be used; the message is the reason, without the file's name."""


class NotExplainable(TransferLabError):
    """There is no saying where in an image a model saw a class."""


class WeightsUnavailable(TransferLabError):
    """Pretrained weights are neither on this machine nor reachable."""


class WeightsMismatch(TransferLabError):
    """A weights file does not fit the backbone it is meant for."""


class OutOfMemory(TransferLabError):
    """A training step did not fit into memory."""


class Cancelled(TransferLabError):
    """Work stopped because it was asked to stop."""


class StoreUnavailable(TransferLabError):
    """The database cannot be opened or reached, or has failed."""


class StoreTooNew(StoreUnavailable):
    """A newer release has changed the database's schema."""


class Diverged(TransferLabError):
    """Training went wrong numerically."""


class OutputRefused(TransferLabError):
    """A file cannot be written where it was asked for."""


class ExportRefused(TransferLabError):
    """A run cannot be taken away as asked; nothing of it was written."""
