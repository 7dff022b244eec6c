"""Upload of an exported folder to a private repository on the Hugging Face Hub, on request only."""

import re
from pathlib import Path

from huggingface_hub import HfApi
from huggingface_hub.errors import HfHubHTTPError
from huggingface_hub.utils.tqdm import disable_progress_bars

from tl_core.errors import ExportRefused

_PART = r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_])?"
# The Hub also refuses two dashes or two dots in a row.
_OWNER_AND_NAME = re.compile(f"(?!.*(?:--|[.][.])){_PART}/{_PART}")
_LONGEST = 96
"""Maximum length that the Hub allows, in characters."""


def check_name(repo: str) -> None:
    """Check that `repo` is OWNER/NAME.

    Raises:
        ExportRefused: it is not.
    """
    if len(repo) > _LONGEST or not _OWNER_AND_NAME.fullmatch(repo):
        raise ExportRefused(
            f"{repo[:100]!r} is not a valid repository name on the Hugging Face Hub: give "
            "OWNER/NAME, made of letters, digits, -, _ and dots."
        )


def upload(folder: Path, repo: str, endpoint: str | None = None) -> str:
    """Upload an exported folder, test images included, to a private repository.

    The repository is created if it does not exist. The token comes from `hf auth login` or
    HF_TOKEN.

    Args:
        repo: OWNER/NAME.
        endpoint: address of a hub other than Hugging Face's own.

    Returns:
        Address of the repository.

    Raises:
        ExportRefused: the name is invalid, the hub cannot be reached or denies access, or the
            repository is public.
    """
    check_name(repo)
    # Bars of the library would mix with the output of the command.
    disable_progress_bars()
    api = HfApi(endpoint=endpoint)
    try:
        address = api.create_repo(repo, private=True, exist_ok=True)
        # `private` above has no effect on a repository that exists.
        if not api.repo_info(repo).private:
            raise ExportRefused(
                f"{repo!r} already exists and everybody can see it, but an export holds test "
                "images: make the repository private, or name a new one. The folder was written; "
                "nothing was uploaded."
            )
        api.upload_folder(
            repo_id=repo, folder_path=folder, commit_message="Add a model trained with TransferLab"
        )
    except ExportRefused:
        raise
    except HfHubHTTPError as error:
        reason = str(error).splitlines()[0][:200]
        raise ExportRefused(
            f"Hugging Face denies write access to {repo!r} ({reason}): log in with "
            "`hf auth login`, or set HF_TOKEN to a token with write access."
        ) from error
    # Releases of the library use different HTTP clients, each with exceptions of its own.
    except Exception as error:
        raise ExportRefused(
            f"Hugging Face could not be reached to upload to {repo!r} ({type(error).__name__}). "
            "The folder was written; try again when there is a connection."
        ) from error
    return str(address)
