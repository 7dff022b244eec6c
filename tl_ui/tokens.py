"""Signed, short-lived tokens for the routes, which have no access to Streamlit's sessions."""

import logging
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from itsdangerous import BadSignature, TimestampSigner, URLSafeTimedSerializer

from tl_core.errors import TransferLabError
from tl_core.secret_files import SECRET_BYTES, make_secret, read_or_create

_log = logging.getLogger(__name__)
HOUR = 3600
DAY = 24 * HOUR
_NOT_VALID = "This address is not valid. Reload the page and try again."


class TokenRefused(TransferLabError):
    """A request has no valid token."""

    status = 403


@dataclass(frozen=True, slots=True)
class Signed:
    """Content of a token."""

    subject: str
    person_id: str
    """Person that it was signed for; empty for the operator."""


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
        self._secret = _secret_of(home / "token.secret")

    def sign(self, purpose: str, subject: str, person_id: str = "") -> str:
        """Make a token, safe in URLs, for `purpose` on `subject`: "dataset" on a dataset's id.

        Args:
            person_id: the person that the token is for; empty for the operator.
        """
        return self._serializer(purpose).dumps([subject, person_id])

    def read(self, purpose: str, token: str, max_age: int = DAY) -> Signed:
        """Return what the token was signed for, and for whom.

        Args:
            max_age: in seconds; rounded up to whole hours.

        Raises:
            TokenRefused: the token has expired, or was not signed here for this purpose.
        """
        try:
            signed, signed_at = self._serializer(purpose).loads(token, return_timestamp=True)
            # A token of an earlier version was signed for a subject alone.
            subject, person_id = signed
        except (BadSignature, ValueError):
            raise TokenRefused(_NOT_VALID) from None
        # Not the serializer's own check, for which a token from the future has expired: a clock
        # that was set back would then refuse every open page. A day bounds what a wrong date gives.
        if not -DAY <= time.time() - signed_at.timestamp() <= max_age:
            raise TokenRefused("This page has been open too long. Reload it to continue.")
        return Signed(str(subject), str(person_id))

    def check(self, purpose: str, token: str, max_age: int = DAY, *, person_id: str = "") -> str:
        """Return the subject that the token was signed for.

        Args:
            max_age: in seconds; rounded up to whole hours.
            person_id: the person who shows the token.

        Raises:
            TokenRefused: the token has expired, was not signed here for this purpose, or is
                somebody else's.
        """
        signed = self.read(purpose, token, max_age)
        if signed.person_id != person_id:
            raise TokenRefused(_NOT_VALID)
        return signed.subject

    def demand(self, purpose: str, token: str, subject: str, *, person_id: str = "") -> None:
        """Check that a token was signed for `purpose` on `subject`, and for this person.

        Raises:
            TokenRefused: it was not, or is older than a day.
        """
        if self.check(purpose, token, person_id=person_id) != subject:
            raise TokenRefused(_NOT_VALID)

    def _serializer(self, purpose: str) -> URLSafeTimedSerializer:
        # The salt keeps a token for one purpose from serving for another.
        return URLSafeTimedSerializer(
            self._secret, salt=f"transferlab.{purpose}", signer=_HourlySigner
        )


@dataclass(frozen=True, slots=True)
class PersonTokens:
    """Tokens as a page makes them: all are for the person for whom it is drawn."""

    tokens: Tokens
    person_id: str

    def sign(self, purpose: str, subject: str) -> str:
        """Make a token, safe in URLs, for `purpose` on `subject`: "dataset" on a dataset's id."""
        return self.tokens.sign(purpose, subject, self.person_id)


def _secret_of(path: Path) -> bytes:
    """Return the secret of a file, or of this process where the disk refuses to keep one."""
    try:
        return read_or_create(path, make_secret, shortest=SECRET_BYTES)
    except OSError as error:
        _log.warning(
            "The file %s cannot be written (%s): open pages will have to be reloaded after the "
            "next start.",
            *(path, error.strerror),
        )
        return _secret_of_process()


@cache
def _secret_of_process() -> bytes:
    """Make a secret once: pages and routes have to agree on it."""
    return make_secret()
