"""Upload of an exported folder to a private repository on the Hugging Face Hub, on request only."""

import re
from pathlib import Path

from huggingface_hub import HfApi
from huggingface_hub.errors import HfHubHTTPError
from huggingface_hub.utils.tqdm import disable_progress_bars

from tl_core.errors import ExportRefused

_PART = r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_])?"
_OWNER_AND_NAME = re.compile(f"(?!.*(?:--|[.][.])){_PART}/{_PART}")
_LONGEST = 96
"""Greatest number of characters that the Hub allows."""


def check_name(repo: str) -> None:
    """Refuse what is no OWNER/NAME.

    Raises:
        ExportRefused: it is not.
    """
    if len(repo) > _LONGEST or not _OWNER_AND_NAME.fullmatch(repo):
        raise ExportRefused(
            f"{repo[:100]!r} is no name on the Hugging Face Hub: give OWNER/NAME, of letters, digits, -, _ and dots."
        )


def upload(folder: Path, repo: str, endpoint: str | None = None) -> str:
    """Upload an exported folder, test images included, to a private repository; gives its address.

    One that is not there is made.

    The token is what `hf auth login` or HF_TOKEN has left.

    Args:
        repo: OWNER/NAME.
        endpoint: of another hub than Hugging Face's own.

    Raises:
        ExportRefused: the name is none, the hub cannot be reached or does not let us, or all can see the repository.
    """
    check_name(repo)
    disable_progress_bars()
    api = HfApi(endpoint=endpoint)
    try:
        address = api.create_repo(repo, private=True, exist_ok=True)
        is_private = api.repo_info(repo).private  # one that was there stays as it was
        if not is_private:
            raise ExportRefused(
                f"{repo!r} is there already and everybody can see it, and with the run go images of its test: make the "
                "repository private, or name a new one. The folder is written; nothing was uploaded."
            )
        api.upload_folder(repo_id=repo, folder_path=folder, commit_message="A run of TransferLab")
    except ExportRefused:
        raise
    except HfHubHTTPError as error:
        raise ExportRefused(
            f"Hugging Face does not let us write to {repo!r} ({str(error).splitlines()[0][:200]}): log in with "
            "`hf auth login`, or set HF_TOKEN to a token that may write there."
        ) from error
    except (
        Exception
    ) as error:  # which client it uses, and so what it raises, differs between its releases
        raise ExportRefused(
            f"Hugging Face could not be reached to write to {repo!r} ({type(error).__name__}): the folder is written, "
            "try again when there is a connection."
        ) from error
    return str(address)
