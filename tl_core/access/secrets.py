"""Secrets that people are given: class codes, personal words, tokens of sessions."""

import hashlib
import hmac
import secrets
import unicodedata

# Without vowels, so that no code spells a word, and without what looks alike: 0 O, 1 I L, 2 Z, 5 S,
# 8 B.
CODE_LETTERS = "CDFGHJKMNPQRTVWXY34679"
CODE_LENGTH = 6
_CONSONANTS = "bdfgklmnprstvz"
_VOWELS = "aeiou"
_SYLLABLES = 8
"""Syllables of a word: 70 to the power of 8 words are 49 bits."""


def new_code() -> str:
    """Draw a class code, one of 113 million."""
    return "".join(secrets.choice(CODE_LETTERS) for _ in range(CODE_LENGTH))


def same_code(one: str, other: str) -> bool:
    """Compare class codes as people type them, in a time that tells nothing."""
    return hmac.compare_digest(_typed(one).upper().encode(), _typed(other).upper().encode())


def new_word() -> str:
    """Draw a word that can be said and remembered, such as "bado-kemi-turo-lasi"."""
    syllables = [secrets.choice(_CONSONANTS) + secrets.choice(_VOWELS) for _ in range(_SYLLABLES)]
    pairs = zip(syllables[::2], syllables[1::2], strict=True)
    return "-".join("".join(pair) for pair in pairs)


def digest_of_word(word: str, salt: str) -> str:
    """Return the digest under which a word is kept.

    It is slow to compute (about 50 ms), and the salt is one for all, because a word alone has to
    find its person.
    """
    typed = _typed(word).lower().encode()
    return hashlib.scrypt(typed, salt=salt.encode(), n=2**14, r=8, p=1).hex()


def new_token() -> str:
    """Draw the token of a session, 256 random bits."""
    return secrets.token_urlsafe(32)


def digest_of_token(token: str) -> str:
    # Fast, since nobody can try out 256 bits.
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def _typed(text: str) -> str:
    """Leave out what people add or forget: spaces, dashes and other signs."""
    # Bounded, since it comes from outside.
    plain = unicodedata.normalize("NFKC", text[:200])
    return "".join(letter for letter in plain if letter.isascii() and letter.isalnum())
