"""Weights from Hugging Face, in safetensors only; requests time out within seconds."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from huggingface_hub import HfApi, constants, hf_hub_download, try_to_load_from_cache
from huggingface_hub.errors import (
    EntryNotFoundError,
    GatedRepoError,
    HFValidationError,
    LocalEntryNotFoundError,
    RepositoryNotFoundError,
)
from huggingface_hub.file_download import repo_folder_name
from huggingface_hub.utils.tqdm import disable_progress_bars
from torch import Tensor

from tl_core.backbones.weights_url import HubUnreachable, wait_for
from tl_core.cancellation import NEVER, Stop
from tl_core.errors import TransferLabError, WeightsUnavailable
from tl_core.weights_files.tensors import read_tensors, tensor_of

_REACH_SECONDS = 5
_USUAL_NAME = "model.safetensors"
_PICKLES = (".bin", ".pth", ".pt", ".ckpt", ".pkl", ".msgpack", ".h5")


def find_cached(repo: str) -> Path | None:
    """Find the model's usual file in Hugging Face's cache on this machine."""
    try:
        cached = try_to_load_from_cache(repo, _USUAL_NAME)
    except HFValidationError:
        return None
    # Besides None there is a marker for a file that the hub is known not to have.
    return Path(cached) if isinstance(cached, str) else None


def read_shapes(repo: str) -> dict[str, Tensor]:
    """Read a model's tensors as meta tensors; only its file's header is downloaded.

    Raises:
        WeightsUnavailable: no such model, no permission, or not exactly one safetensors file.
        HubUnreachable: Hugging Face does not answer, and the cache does not have the model.
    """
    try:
        file = _choose_file(repo)
        with _asking(repo):
            # The client's timeouts hold for each wait on the network, this one for the whole.
            header = wait_for(
                lambda: HfApi().parse_safetensors_file_metadata(repo, file),
                NEVER,
                2 * _REACH_SECONDS,
            )
    except HubUnreachable:
        if cached := _find_anything_cached(repo):
            return read_tensors(cached, shapes_only=True)
        raise
    return {name: tensor_of(tensor.shape, tensor.dtype) for name, tensor in header.tensors.items()}


def ensure_there(repo: str) -> None:
    """Check that the hub has the model.

    Raises:
        WeightsUnavailable: as `read_shapes`.
    """
    _choose_file(repo)


def fetch_model(repo: str, stop: Stop) -> Path:
    """Download a model's safetensors file into Hugging Face's cache.

    Raises:
        Cancelled: the work was asked to stop.
        WeightsUnavailable: as `read_shapes`.
    """
    # The client's own bar would mix with the run's progress.
    disable_progress_bars()
    try:
        file = _choose_file(repo, stop)
        with _asking(repo):
            return Path(
                wait_for(lambda: hf_hub_download(repo, file, etag_timeout=_REACH_SECONDS), stop)
            )
    except HubUnreachable:
        if cached := _find_anything_cached(repo):
            return cached
        raise


def _find_anything_cached(repo: str) -> Path | None:
    """Find the model's only safetensors file in the cache, whatever its name."""
    folder = Path(constants.HF_HUB_CACHE) / repo_folder_name(repo_id=repo, repo_type="model")
    revision = folder / "refs" / "main"
    if not revision.is_file():
        return None
    files = list((folder / "snapshots" / revision.read_text("ascii").strip()).glob("*.safetensors"))
    return files[0] if len(files) == 1 and not _is_part(files[0].name) else None


def _choose_file(repo: str, stop: Stop = NEVER) -> str:
    """Return the name of the file with the model's weights."""
    with _asking(repo):
        about = wait_for(
            lambda: HfApi().model_info(repo, timeout=_REACH_SECONDS), stop, 2 * _REACH_SECONDS
        )
    names = [sibling.rfilename for sibling in about.siblings or []]
    # Files in folders are parts of a pipeline, or the same model in another format.
    fitting = [name for name in names if name.endswith(".safetensors") and "/" not in name]
    if _USUAL_NAME in fitting:
        return _USUAL_NAME
    if len(fitting) == 1 and not _is_part(fitting[0]):
        return fitting[0]
    raise WeightsUnavailable(
        f"The Hugging Face model {repo} cannot be used: {_why_not(names, fitting)}"
    )


def _why_not(names: list[str], fitting: list[str]) -> str:
    if any(map(_is_part, fitting)):
        return (
            "its weights are split into several files, which only language models of many "
            "gigabytes need."
        )
    if fitting:
        some = ", ".join(sorted(fitting)[:4])
        return f"it has several weights files ({some}) and none is called {_USUAL_NAME}."
    if pickles := [name for name in names if name.endswith(_PICKLES)]:
        return (
            f"it has its weights only as {pickles[0]}, a format that can run code. Look for one "
            f"with {_USUAL_NAME}, or download the file and add it to the weights folder as .pth, "
            "where only tensors are read from it."
        )
    return f"it holds no weights. Look for a model with a file {_USUAL_NAME}."


def _is_part(name: str) -> bool:
    return "-of-" in name


@contextmanager
def _asking(repo: str) -> Iterator[None]:
    """Turn errors of Hugging Face's client into sentences."""
    try:
        yield
    # Already a sentence, or a request to stop.
    except TransferLabError:
        raise
    except GatedRepoError as error:
        raise WeightsUnavailable(
            f"The Hugging Face model {repo} is given out only to those who agreed to its terms: "
            "agree on its page and set HF_TOKEN on this machine, or choose other weights."
        ) from error
    # LocalEntryNotFoundError is an EntryNotFoundError, and so has to come first.
    except LocalEntryNotFoundError as error:
        raise _unreachable(repo) from error
    except (RepositoryNotFoundError, EntryNotFoundError, HFValidationError) as error:
        raise WeightsUnavailable(
            f"There is no public model {repo} on Hugging Face that can be read: check its name, "
            "OWNER/NAME."
        ) from error
    except Exception as error:
        # Releases of huggingface_hub use different HTTP clients, which raise errors of their own.
        raise _unreachable(repo) from error


def _unreachable(repo: str) -> HubUnreachable:
    return HubUnreachable(
        f"The model {repo} is not on this machine, and Hugging Face cannot be reached: connect to "
        "the internet, or choose a weights file or other weights."
    )
