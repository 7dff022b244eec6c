"""Names in zips, most of which do not say in which encoding theirs are written."""

import re
import struct
import unicodedata
import zipfile
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate

from tl_core.data.names import clean_text
from tl_core.text import shorten

_UTF8_FLAG = 0x800
_CLAIMED_UTF8 = 0x4000
"""Bit without a meaning in zips, set by `unflagged_directory` where UTF-8 is said."""
_CENTRAL_HEADER = struct.Struct("<4s4xH18x3H12x")
"""Entry of a table of contents: signature, flags, and lengths of name, extra field and comment."""
_UNICODE_PATH = 0x7075
"""Extra field of Info-ZIP with the name in UTF-8."""
_DOS_AND_WINDOWS = (0, 10, 11, 14)
_MOST_SAMPLE_BYTES = 16_384

_ENCODINGS = {
    "gb18030": ("Chinese (GBK)", 1),
    "big5hkscs": ("Chinese (Big5)", 0.5),
    "cp932": ("Japanese (Shift_JIS)", 1),
    "cp949": ("Korean (EUC-KR)", 1),
    "cp866": ("Cyrillic (code page 866)", 1),
    "cp1251": ("Cyrillic (Windows-1251)", 0.6),
    "koi8-r": ("Cyrillic (KOI8-R)", 0.3),
    "cp437": ("Western (code page 437)", 1),
    "cp850": ("Western European (code page 850)", 1.2),
    "cp1252": ("Western European (Windows-1252)", 0.6),
    "cp852": ("Central European (code page 852)", 0.8),
    "cp1250": ("Central European (Windows-1250)", 0.5),
    "cp775": ("Baltic (code page 775)", 0.2),
    "cp737": ("Greek (code page 737)", 0.5),
    "cp1253": ("Greek (Windows-1253)", 0.3),
    "cp857": ("Turkish (code page 857)", 0.7),
    "cp1254": ("Turkish (Windows-1254)", 0.2),
    "cp862": ("Hebrew (code page 862)", 0.5),
    "cp1255": ("Hebrew (Windows-1255)", 0.3),
    "cp720": ("Arabic (code page 720)", 0.2),
    "cp1256": ("Arabic (Windows-1256)", 0.3),
    "cp874": ("Thai (code page 874)", 0.2),
}
"""Encodings of names in zips: name in words, and weight by how common it is there.

Windows packs names in the code page of MS-DOS, so those come before the ones of Windows. Without
weights two Chinese characters would be read as four Thai ones.
"""

# The last backslash only: others may be the second byte of a character.
_BACKSLASH_AND_FILE = re.compile(rb"\\[^\\\x80-\xff]*$")
_NUMBER = re.compile(rb"[0-9]+")
_WORD = re.compile(r"[^\W\d_]+")
_PUNCTUATION = "ー・（）　、。々〜–—’“”"
_WRITTEN_TOGETHER = (
    {"CJK", "HIRAGANA", "KATAKANA", "LATIN"},
    {"HANGUL", "LATIN"},
)
"""Scripts that occur within one word."""
# As in "annÚe", and as in "S苚": neither is how words are written.
_CAPITAL_INSIDE = re.compile(r"[^\W\d_A-Z](?=[^\x00-\x7f])[^\W\d_]")
_LATIN_BESIDE_ANOTHER = re.compile(
    r"[a-z][\u3400-\u9fff\uac00-\ud7af]|[\u3400-\u9fff\uac00-\ud7af][a-z]"
)


@dataclass(frozen=True, slots=True)
class ZipNames:
    names: tuple[str, ...]
    """Name of each entry, with forward slashes between folders only."""
    note: str = ""
    """Sentence on how the names were read if the zip does not say it; user text inside."""


def unflagged_directory(content: bytes) -> bytes:
    """Return a zip's table of contents in which no name says that it is in UTF-8.

    Names that said so can still be told apart by `read_names`. Other content stays as it is.
    """
    changed = bytearray(content)
    place = 0
    while place + _CENTRAL_HEADER.size <= len(changed):
        signature, flags, *lengths = _CENTRAL_HEADER.unpack_from(changed, place)
        if signature != b"PK\1\2":
            break
        if flags & _UTF8_FLAG:
            struct.pack_into("<H", changed, place + 8, flags & ~_UTF8_FLAG | _CLAIMED_UTF8)
        place += _CENTRAL_HEADER.size + sum(lengths)
    return bytes(changed)


def unflagged_header(content: bytes) -> bytes:
    """Return the header in front of a zipped file, whose name then does not say it is in UTF-8."""
    changed = bytearray(content)
    if len(changed) >= 8 and changed.startswith(b"PK\3\4"):
        flags: int = struct.unpack_from("<H", changed, 6)[0]
        struct.pack_into("<H", changed, 6, flags & ~_UTF8_FLAG)
    return bytes(changed)


def read_names(infos: Sequence[zipfile.ZipInfo]) -> ZipNames:
    """Decode the names of a zip's entries and split off its backslashes, all together."""
    are_damaged = _are_mostly_utf8(infos)
    told = [_told_name(info, are_damaged) for info in infos]
    unknown = [info for info, name in zip(infos, told, strict=True) if name is None]
    raw = {info.orig_filename: _raw_name(info) for info in unknown}
    encoding = _find_encoding({name for name in raw.values() if not name.isascii()})
    names = _with_slashes(
        infos,
        [
            raw[info.orig_filename].decode(encoding, "replace") if name is None else name
            for info, name in zip(infos, told, strict=True)
        ],
    )
    guessed = [name for name, sure in zip(names, told, strict=True) if sure is None]
    note = _note(encoding, guessed, is_claimed=any(map(_is_claimed, unknown)))
    if are_damaged and any("\ufffd" in name for name in names):
        note = _damaged_note(names)
    return ZipNames(tuple(names), note)


def _is_claimed(info: zipfile.ZipInfo) -> bool:
    return bool(info.flag_bits & _CLAIMED_UTF8)


def _are_mostly_utf8(infos: Sequence[zipfile.ZipInfo]) -> bool:
    """Tell whether names that say wrongly that they are in UTF-8 are so but for a few.

    Those few are damaged then, such as names that were cut off within a character. Otherwise the
    program that packed the zip has set the flag without writing UTF-8.
    """
    claimed = {_raw_name(info) for info in infos if _is_claimed(info)}
    beyond_ascii = [name for name in claimed if not name.isascii()]
    return 2 * sum(map(_is_utf8, beyond_ascii)) > len(beyond_ascii)


def _told_name(info: zipfile.ZipInfo, are_damaged: bool) -> str | None:
    """Return the name if the zip says how it is written.

    Args:
        are_damaged: result of `_are_mostly_utf8`.
    """
    if info.flag_bits & _UTF8_FLAG:
        # Not `filename`, which zipfile cuts at a NUL and changes on Windows.
        return info.orig_filename
    if are_damaged and _is_claimed(info):
        return _raw_name(info).decode("utf-8", "replace")
    return _unicode_path(info)


def _raw_name(info: zipfile.ZipInfo) -> bytes:
    # zipfile decodes as cp437, in which every byte is some character.
    return info.orig_filename.encode("cp437")


def _unicode_path(info: zipfile.ZipInfo) -> str | None:
    """Return the name in the extra field of Info-ZIP, unless it belongs to another name."""
    extra = info.extra
    while len(extra) >= 4:
        kind, size = struct.unpack_from("<HH", extra)
        body = extra[4 : 4 + size]
        extra = extra[4 + size :]
        if kind != _UNICODE_PATH or len(body) < 5:
            continue
        version, checksum = struct.unpack_from("<BI", body)
        # Tools that rename an entry without knowing this field leave the old name in it.
        if version == 1 and checksum == zlib.crc32(_raw_name(info)):
            return body[5:].decode("utf-8", "replace")
    return None


def _find_encoding(names: Iterable[bytes]) -> str:
    """Return the encoding in which these names of one zip are most likely written."""
    names = sorted(names)
    if all(_is_utf8(name) for name in names):
        # macOS writes UTF-8 without setting the flag.
        return "utf-8"
    words = _words(names)
    sample = b"\n".join(words)
    # Imported here: it takes a tenth of a second, and few zips need it.
    import chardet

    found = chardet.detect_all(
        sample,
        ignore_threshold=True,
        include_encodings=list(_ENCODINGS),
        no_match_encoding="cp437",
        compat_names=False,
    )
    confidences = {each["encoding"]: each["confidence"] for each in found}
    ranked = [
        (_plausibility(words, encoding) * confidences[encoding] * weight, encoding)
        for encoding, (_, weight) in _ENCODINGS.items()
        if encoding in confidences
    ]
    share, encoding = max(ranked, default=(0.0, "cp437"))
    # Code page 437 is what a zip without a flag should be in.
    return encoding if share > 0 else "cp437"


def _words(names: Sequence[bytes]) -> list[bytes]:
    """Return distinct folders and file names that are not ASCII, as many as make a good sample."""
    if not any(b"/" in name for name in names):
        # A zip of Windows: file names such as 1.png would outweigh the folder in front of them.
        names = [_BACKSLASH_AND_FILE.sub(b"", name) for name in names]
    # Without numbers, so that 1,000 numbered files are one word. No second byte is a digit.
    parts = [_NUMBER.sub(b"", name).split(b"/") for name in names]
    folders = {part for name in parts for part in name[:-1]}
    files = {name[-1] for name in parts} - folders
    # Folders first: they are the classes.
    words = [word for word in (*sorted(folders), *sorted(files)) if not word.isascii()]
    ends = accumulate(len(word) for word in words)
    return [word for word, end in zip(words, ends, strict=True) if end <= _MOST_SAMPLE_BYTES]


def _is_utf8(name: bytes) -> bool:
    try:
        name.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _plausibility(words: Sequence[bytes], encoding: str) -> float:
    """Return how much the words look like words in this encoding, from 0 to 1.

    It complements chardet, which is made for texts and is unsure about a few short names.
    """
    try:
        text = "\n".join(word.decode(encoding) for word in words)
    except UnicodeDecodeError:
        return 0
    share = 1.0
    if not all(map(_is_in_words, text)):
        share *= 0.01
    if not all(_is_one_script(word) for word in _WORD.findall(text)):
        share *= 0.01
    if _LATIN_BESIDE_ANOTHER.search(text):
        share *= 0.1
    if any(found[0][1].isupper() for found in _CAPITAL_INSIDE.finditer(text)):
        share *= 0.3
    return share


def _is_in_words(letter: str) -> bool:
    is_mark = unicodedata.category(letter).startswith("M")
    return letter.isascii() or letter.isalnum() or is_mark or letter in _PUNCTUATION


def _is_one_script(word: str) -> bool:
    scripts = {unicodedata.name(letter, "?").partition(" ")[0].partition("-")[0] for letter in word}
    return len(scripts) == 1 or any(scripts <= mixed for mixed in _WRITTEN_TOGETHER)


def _with_slashes(infos: Sequence[zipfile.ZipInfo], names: Sequence[str]) -> list[str]:
    """Replace backslashes where they divide folders; keep those that are part of a name."""
    # Windows has no backslashes in names. Elsewhere a name that has both has one of its own.
    are_own = any(
        "\\" in name and "/" in name and info.create_system not in _DOS_AND_WINDOWS
        for info, name in zip(infos, names, strict=True)
    )
    return list(names) if are_own else [name.replace("\\", "/") for name in names]


def _note(encoding: str, names: Sequence[str], *, is_claimed: bool) -> str:
    """Return how names were read.

    Args:
        is_claimed: the zip says wrongly that they are in UTF-8.
    """
    words = (part for name in names for part in name.split("/") if not part.isascii())
    example = shorten(clean_text(next(words, "")), 60)
    if not example or encoding == "utf-8":
        return ""
    claim = "The zip does not say in which encoding its names are"
    if is_claimed:
        claim = "The zip says that its names are in UTF-8, which they are not"
    return (
        f"{claim}; they were read as "
        f'{_ENCODINGS[encoding][0]}, such as "{example}". If that is wrong, pack the folder again '
        "with names in UTF-8."
    )


def _damaged_note(names: Sequence[str]) -> str:
    example = next(name for name in names if "\ufffd" in name)
    return (
        'Some names in the zip are not valid UTF-8, though it says so; "\ufffd" stands for what '
        f'could not be read, such as in "{shorten(clean_text(example), 60)}".'
    )
