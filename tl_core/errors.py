"""Errors, one class for each way a request can fail. Messages are sentences for the user.

Every message names the file or value, says what is wrong with it and what to do. Pages and command
line print `str(error)`; any other exception is a defect of the program.
"""


class TransferLabError(Exception):
    """Base of every failure that a person can act on."""


class ConfigError(TransferLabError):
    """A chosen setting is not among the legal ones."""


class UnknownBackbone(ConfigError):
    """No backbone of that name is in the catalogue."""


class UnknownDataset(TransferLabError):
    """No dataset in the store has that id."""


class UnknownRun(TransferLabError):
    """No run in the store has that id."""


class UnknownPerson(TransferLabError):
    """Nobody here has that id."""


class NotAllowed(TransferLabError):
    """A person's role does not allow what they asked for."""

    status = 403


class NotAdmitted(TransferLabError):
    """Somebody cannot join or come back: the class is closed, the name taken, the word wrong."""


class LimitReached(TransferLabError):
    """Somebody has used as much of what all share as one person may."""


class NotInBin(TransferLabError):
    """Nothing in the bin has this id."""


class DatasetInUse(TransferLabError):
    """A dataset cannot be deleted while runs are reading it."""


class RunNotReady(TransferLabError):
    """A run has no model yet, or its state does not allow what was asked."""


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
    """No heat-map can be computed for this model."""


class WeightsUnavailable(TransferLabError):
    """Pretrained weights are neither on this machine nor reachable."""


class WeightsMismatch(TransferLabError):
    """A weights file does not fit the backbone it is meant for."""


class OutOfMemory(TransferLabError):
    """A training step did not fit into memory."""


class Cancelled(TransferLabError):
    """Work stopped because it was asked to stop."""


class StoreUnavailable(TransferLabError):
    """A database cannot be opened or reached, or has failed."""


class StoreAway(StoreUnavailable):
    """A database does not answer and may do so again, as when its server is restarted."""

    may_be_done = False
    """True if the transaction may have been committed all the same."""


class StoreFull(StoreUnavailable):
    """A database cannot grow, because its disk is full."""


class StoreTooNew(StoreUnavailable):
    """A newer release has changed the database's schema."""


class Diverged(TransferLabError):
    """Training went wrong numerically."""


class OutputRefused(TransferLabError):
    """A file cannot be written where it was asked for."""


class ExportRefused(TransferLabError):
    """A run cannot be taken away as asked; nothing of it was written."""


class BackupRefused(TransferLabError):
    """A backup cannot be restored as asked; nothing was changed."""
