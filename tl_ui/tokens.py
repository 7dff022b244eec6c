"""Signed, short-lived tokens for the routes, which have no access to Streamlit's sessions."""

import os
import secrets
import time
from pathlib import Path

from itsdangerous import BadSignature, TimestampSigner, URLSafeTimedSerializer

from tl_core.errors import TransferLabError
from tl_core.files import make_private
from tl_core.locks import hold_lock

HOUR = 3600
DAY = 24 * HOUR
_SECRET_BYTES = 32
_NOT_VALID = "This address is not valid. Reload the page and try again."


class TokenRefused(TransferLabError):
    """A request has no valid token."""

    status = 403


class _HourlySigner(TimestampSigner):
    """Signer that dates tokens to the start of the hour.

    A token then stays the same for an hour. Addresses on a page do not change when its script runs
    again, and the browser can use its cached pictures.
    """

    def get_timestamp(self) -> int:
        return int(time.time()) // HOUR * HOUR


class Tokens:
    """Tokens signed with a secret in the home folder, so that open pages survive a restart."""

    def __init__(self, home: Path) -> None:
        self._secret = _read_or_create_secret(home / "token.secret")

    def sign(self, purpose: str, subject: str) -> str:
        """Make a token, safe in URLs, for `purpose` on `subject`: "dataset" on a dataset's id."""
        return self._serializer(purpose).dumps(subject)

    def check(self, purpose: str, token: str, max_age: int = DAY) -> str:
        """Return the subject that the token was signed for.

        Args:
            max_age: in seconds; rounded up to whole hours.

        Raises:
            TokenRefused: the token has expired, or was not signed here for this purpose.
        """
        try:
            subject, signed_at = self._serializer(purpose).loads(token, return_timestamp=True)
        except BadSignature:
            raise TokenRefused(_NOT_VALID) from None
        # Not the serializer's own check, for which a token from the future has expired: a clock
        # that was set back would then refuse every open page. A day bounds what a wrong date gives.
        if not -DAY <= time.time() - signed_at.timestamp() <= max_age:
            raise TokenRefused("This page has been open too long. Reload it to continue.")
        return str(subject)

    def demand(self, purpose: str, token: str, subject: str) -> None:
        """Check that a token was signed for `purpose` on `subject`.

        Raises:
            TokenRefused: it was not, or is older than a day.
        """
        if self.check(purpose, token) != subject:
            raise TokenRefused(_NOT_VALID)

    def _serializer(self, purpose: str) -> URLSafeTimedSerializer:
        # The salt keeps a token for one purpose from serving for another.
        return URLSafeTimedSerializer(
            self._secret, salt=f"transferlab.{purpose}", signer=_HourlySigner
        )


def _read_or_create_secret(path: Path) -> bytes:
    """Return the secret; a missing one is made, and so is one too short to protect anything."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not _is_secret(path):
        # Written under another name first, so that no process ever reads an incomplete secret.
        draft = path.with_suffix(f".{secrets.token_hex(8)}")
        # Private from the start; a later `chmod` would leave a moment in which others can read it.
        with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as handle:  # noqa: PTH123
            handle.write(secrets.token_bytes(_SECRET_BYTES))
            handle.flush()
            # After a crash the file might be empty, and anyone could forge tokens.
            os.fsync(handle.fileno())
        # The secret of a process that was faster stays.
        with hold_lock(path.parent / "locks" / "token.lock"):
            if not _is_secret(path):
                draft.replace(path)
        draft.unlink(missing_ok=True)
    make_private(path)
    return path.read_bytes()


def _is_secret(path: Path) -> bool:
    # An empty file, as a full disk or a careless copy leaves, would let anybody sign tokens.
    return path.is_file() and path.stat().st_size >= _SECRET_BYTES
